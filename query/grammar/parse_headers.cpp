#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

#include "query/grammar/parse.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// Where the piece of `text` before the first separator outside double quotes ends.
std::size_t end_of_piece(std::string_view text, char separator) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == separator && !quoted) return i;
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\\' && quoted) ++i;
  }
  return text.size();
}

/// Calls `use` with each non-empty trimmed piece of `text` between separators.
template <class Use>
void for_each_piece(std::string_view text, char separator, Use use) {
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, end_of_piece(text, separator));
    text.remove_prefix(std::min(piece.size() + 1, text.size()));
    if (const std::string_view inside = trimmed(piece); !inside.empty()) use(inside);
  }
}

/// name=value in lower case, without blanks around the equals sign: a preference, or a media type's
/// parameter.
std::string normalized(std::string_view written) {
  const std::size_t equals = written.find('=');
  if (equals == std::string_view::npos) return lower(written);
  return lower(trimmed(written.substr(0, equals))) + '=' + lower(trimmed(written.substr(equals + 1)));
}

// ---- Range

constexpr std::uint64_t greatest_row = std::numeric_limits<std::int64_t>::max();

/// Digits as a row number; everything beyond bigint is the greatest one, since no table has as many rows.
std::uint64_t row_number(std::string_view digits) {
  std::int64_t row = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), row);
  return parsed.ec == std::errc{} ? static_cast<std::uint64_t>(row) : greatest_row;
}

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Rows `first` up to but not including `end`; no `end` where it is open.
struct RowRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> end;
};

/// "first-last" or "first-"; nullopt where the header is something else, which is ignored.
std::optional<RowRange> parse_row_range(std::string_view header) {
  const std::size_t dash = header.find('-');
  if (dash == 0 || dash == std::string_view::npos) return std::nullopt;
  const std::string_view first = header.substr(0, dash), last = header.substr(dash + 1);
  if (!all_digits(first) || !all_digits(last)) return std::nullopt;
  RowRange range{.first = row_number(first), .end = std::nullopt};
  if (!last.empty() && row_number(last) < greatest_row) range.end = row_number(last) + 1;
  return range;
}

Error range_not_satisfiable(std::string details) {
  return {.code = "PGRST103",
          .message = "Requested range not satisfiable",
          .details = std::move(details),
          .hint = std::nullopt,
          .status = std::nullopt};
}

// ---- Prefer

void set_return(Preferences& preferences, ReturnKind kind) {
  if (!std::exchange(preferences.returning_given, true)) preferences.returning = kind;
}
void set_handling(Preferences& preferences, bool strict) {
  if (!std::exchange(preferences.handling_given, true)) preferences.strict = strict;
}

struct HonouredRow {
  std::string_view text;
  void (*apply)(Preferences&);
};

// Of a preference given more than once the first counts (RFC 7240, section 2).
constexpr HonouredRow honoured_rows[] = {
    {"return=minimal", [](Preferences& p) { set_return(p, ReturnKind::minimal); }},
    {"return=headers-only", [](Preferences& p) { set_return(p, ReturnKind::headers_only); }},
    {"return=representation", [](Preferences& p) { set_return(p, ReturnKind::representation); }},
    {"count=exact",
     [](Preferences& p) {
       p.count = CountKind::exact;
       p.count_given = true;
     }},
    {"handling=strict", [](Preferences& p) { set_handling(p, true); }},
    {"handling=lenient", [](Preferences& p) { set_handling(p, false); }},
    {"missing=null", [](Preferences& p) { p.missing = "null"; }},
    {"tx=commit", [](Preferences& p) { p.tx = "commit"; }},
};

struct RefusedRow {
  std::string_view prefix;
  std::string_view hint;
};

constexpr RefusedRow refused_rows[] = {
    {"count=planned", "Prefer: count=exact is served"},
    {"count=estimated", "Prefer: count=exact is served"},
    {"resolution=merge-duplicates",
     "PUT with the primary key in the query string replaces or creates one row"},
    {"resolution=ignore-duplicates", "Insert without it, and take a 409 answer as the row being there"},
    {"missing=default",
     "Name in columns= only the columns that every row gives; the others get their defaults"},
    {"tx=rollback", "Leave it out: every write is committed"},
    {"timezone=", "Leave it out: times come in the time zone of the servers; convert them in the client"},
};

Error preference_not_served(std::string_view preference, std::string_view hint) {
  return {.code = "SHARD400",
          .message = "This request is not served by this release",
          .details = "Prefer: " + std::string(preference) + " is not available",
          .hint = std::string(hint),
          .status = std::nullopt};
}

/// max-affected=N; nullopt where `text` is something else, or N is no number.
std::optional<std::int64_t> max_affected(std::string_view text) {
  constexpr std::string_view name = "max-affected=";
  std::int64_t rows = 0;
  if (!text.starts_with(name)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data() + name.size(), text.data() + text.size(), rows);
  if (error != std::errc{} || end != text.data() + text.size() || rows < 0) return std::nullopt;
  return rows;
}

// ---- Accept

struct OfferRow {
  std::string_view media_range;
  Shape shape;
};

constexpr OfferRow offer_rows[] = {
    {"*/*", Shape::array},
    {"application/*", Shape::array},
    {"application/json", Shape::array},
    {"application/vnd.pgrst.array", Shape::array},
    {"application/vnd.pgrst.array+json", Shape::array},
    {"application/vnd.pgrst.object", Shape::object},
    {"application/vnd.pgrst.object+json", Shape::object},
};

struct AcceptItem {
  std::string media_range;
  double quality = 1;
  bool nulls_stripped = false;

  std::optional<Shape> offer() const {
    if (nulls_stripped || quality <= 0) return std::nullopt;
    for (const OfferRow& row : offer_rows)
      if (row.media_range == media_range) return row.shape;
    return std::nullopt;
  }
  /// RFC 9110, section 12.5.1: quality decides, and a media type goes before a wildcard of the same quality.
  bool goes_before(const AcceptItem& other) const {
    const auto wildcards = [](const std::string& range) {
      return std::count(range.begin(), range.end(), '*');
    };
    if (quality != other.quality) return quality > other.quality;
    return wildcards(media_range) < wildcards(other.media_range);
  }
};

/// A wildcard stands for an array, unless that is refused by name (RFC 9110, section 12.5.1).
bool refuses_arrays(const std::vector<AcceptItem>& asked) {
  return std::ranges::any_of(asked, [](const AcceptItem& item) {
    return item.media_range == "application/json" && item.quality <= 0;
  });
}

AcceptItem parse_accept_item(std::string_view text) {
  AcceptItem item;
  for_each_piece(text, ';', [&](std::string_view piece) {
    const std::string word = normalized(piece);
    if (item.media_range.empty())
      item.media_range = word;
    else if (word.starts_with("q="))
      std::from_chars(word.data() + 2, word.data() + word.size(), item.quality);
    else if (word == "nulls=stripped" || word == "nulls=\"stripped\"")
      item.nulls_stripped = true;
  });
  return item;
}

Error not_acceptable(const std::vector<AcceptItem>& asked) {
  std::vector<std::string> ranges;
  for (const AcceptItem& item : asked)
    ranges.push_back(item.media_range + (item.nulls_stripped ? ";nulls=stripped" : ""));
  return {.code = "PGRST107",
          .message = "None of these media types are available: " + joined(ranges),
          .details = std::nullopt,
          .hint = "application/json and application/vnd.pgrst.object+json are available",
          .status = std::nullopt};
}

}  // namespace

Result<void> apply_range_header(Query& query, std::optional<std::string_view> range) {
  const auto asked = range ? parse_row_range(trimmed(*range)) : std::nullopt;
  if (!asked || query.limit == 0) return {};
  if (asked->end && asked->first >= *asked->end)
    return range_not_satisfiable(
        "The lower boundary must be lower than or equal to the upper boundary in the Range header.");
  const std::uint64_t first = std::max(query.offset, asked->first);
  std::optional<std::uint64_t> end = asked->end;
  if (query.limit) end = std::min(end.value_or(query.offset + *query.limit), query.offset + *query.limit);
  if (end && first >= *end)
    return range_not_satisfiable(
        "The Range header and the limit and offset parameters have no row in common.");
  query.offset = first;
  if (end) query.limit = *end - first;
  return {};
}

Result<Preferences> parse_prefer(std::string_view header) {
  Preferences preferences;
  std::optional<Error> refusal;
  for_each_piece(header, ',', [&](std::string_view written) {
    const std::string text = normalized(written);
    for (const HonouredRow& row : honoured_rows)
      if (row.text == text) return row.apply(preferences);
    if (const auto rows = max_affected(text)) {
      if (!preferences.max_affected) preferences.max_affected = rows;
      return;
    }
    for (const RefusedRow& row : refused_rows)
      if (text.starts_with(row.prefix)) {
        if (!refusal) refusal = preference_not_served(written, row.hint);
        return;
      }
    preferences.unknown.emplace_back(written);
  });
  if (refusal) return *std::move(refusal);
  if (preferences.strict && !preferences.unknown.empty())
    return Error{.code = "PGRST122",
                 .message = "Invalid preferences given with handling=strict",
                 .details = "Invalid preferences: " + joined(preferences.unknown),
                 .hint = std::nullopt,
                 .status = std::nullopt};
  return preferences;
}

std::string preference_applied(const Preferences& preferences, bool is_write) {
  std::vector<std::string> applied;
  if (is_write && preferences.missing) applied.push_back("missing=" + *preferences.missing);
  if (is_write && preferences.returning_given)
    applied.push_back(preferences.returning == ReturnKind::minimal        ? "return=minimal"
                      : preferences.returning == ReturnKind::headers_only ? "return=headers-only"
                                                                          : "return=representation");
  if (preferences.count_given) applied.push_back("count=exact");
  if (preferences.tx) applied.push_back("tx=" + *preferences.tx);
  if (preferences.handling_given)
    applied.push_back(preferences.strict ? "handling=strict" : "handling=lenient");
  if (is_write && preferences.strict && preferences.max_affected)
    applied.push_back("max-affected=" + std::to_string(*preferences.max_affected));
  return joined(applied);
}

std::string media_type(std::string_view field) {
  return lower(trimmed(field.substr(0, end_of_piece(field, ';'))));
}

Result<Shape> parse_accept(std::optional<std::string_view> accept) {
  if (!accept || trimmed(*accept).empty()) return Shape::array;
  std::vector<AcceptItem> asked;
  for_each_piece(*accept, ',', [&](std::string_view text) { asked.push_back(parse_accept_item(text)); });
  const AcceptItem* best = nullptr;
  for (const AcceptItem& item : asked) {
    if (item.media_range.ends_with('*') && refuses_arrays(asked)) continue;
    if (item.offer() && (!best || item.goes_before(*best))) best = &item;
  }
  if (!best) return not_acceptable(asked);
  return *best->offer();
}

}  // namespace shardplex
