#include "query/grammar/parse.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "query/grammar/read_field.hpp"
#include "query/grammar/read_filter.hpp"
#include "query/grammar/read_items.hpp"
#include "query/grammar/reader.hpp"
#include "shard_map/percent.hpp"
#include "shard_map/suggestion.hpp"
#include "shard_map/utf8.hpp"

namespace shardplex {
namespace {

using namespace grammar;

Error embedded_parameter_not_served(std::string_view key) {
  return not_served(
      "The parameter " + std::string(key) + " is about an embedded table",
      "Put a column name that has dots in double quotes; read the other table with a request of "
      "its own");
}

Error cursor_not_served() {
  return not_served(
      "Paging by cursor (after=) is not available",
      "Use limit and offset, or filter on the last key seen, such as order=id&id=gt.42&limit=20; a "
      "column named after is written \"after\"");
}

Error negative_limit() {
  return {.code = "PGRST103",
          .message = "Requested range not satisfiable",
          .details = "Limit should be greater than or equal to zero.",
          .hint = std::nullopt,
          .status = std::nullopt};
}

void drop_repetitions(std::vector<std::string>& names) {
  std::set<std::string> seen;
  std::erase_if(names, [&](const std::string& name) { return !seen.insert(name).second; });
}

/// Takes the parameters one after the other. Of a repeated select, order, columns or on_conflict the first
/// counts, of a repeated limit or offset the last, as in PostgREST; filters add up.
class QueryParser {
 public:
  QueryParser(std::string_view table, const ParseLimits& limits) : filters_(limits) { query_.table = table; }

  /// Key and value are decoded. nullopt where all is well.
  std::optional<Error> read_parameter(std::string_view key, std::string_view value) {
    const ReservedRow* reserved = find_row(reserved_rows, key);
    if (!reserved) return read_filter(key, value);
    Reader in(reserved->what, value);
    if ((this->*reserved->read)(in)) return std::nullopt;
    return in.take_error();
  }

  /// Call once, after all parameters.
  Result<Query> take_query() {
    if (auto error = apply_paging()) return *std::move(error);
    return std::move(query_);
  }

 private:
  std::optional<Error> read_filter(std::string_view key, std::string_view value) {
    auto& condition = std::get<Condition>(query_.filters.emplace_back().node);
    Reader path("tree path", key);
    if (!read_field(path, condition.field)) return path.take_error();
    if (path.peek() == '.') return embedded_parameter_not_served(key);
    if (!path.expect_end("json path, delimiter (.) or end of input")) return path.take_error();
    Reader in("filter", value);
    if (!filters_.read_parameter(in, condition)) return with_hint(in.take_error(), key, value);
    return std::nullopt;
  }

  /// What is no filter may be a parameter whose name is misspelt, or lack its operator.
  static Error with_hint(Error error, std::string_view key, std::string_view value) {
    if (error.code != "PGRST100" || error.hint) return error;
    std::vector<std::string> names;
    for (const auto& row : reserved_rows) names.emplace_back(row.name);
    if (const auto name = nearest(key, names))
      error.hint = "Perhaps you meant the parameter '" + *name + "'";
    else if (value.find('.') == std::string_view::npos)
      error.hint =
          "A filter is column=operator.value, such as " + std::string(key) + "=eq." + std::string(value);
    return error;
  }

  template <bool disjunction, bool negated>
  bool read_logic(Reader& in) {
    Logic logic{.disjunction = disjunction, .negated = negated, .children = {}};
    if (!filters_.read_children(in, 1, logic.children) || !in.expect_end("end of input")) return false;
    query_.filters.push_back({std::make_shared<const Logic>(std::move(logic))});
    return true;
  }

  /// An empty select= is no select=: all columns.
  bool read_select(Reader& in) {
    std::vector<SelectItem> items;
    if (in.at_end()) return true;
    if (!read_items(in, read_select_item, items)) return false;
    if (query_.select.empty()) query_.select = std::move(items);
    return true;
  }

  bool read_order(Reader& in) {
    std::vector<OrderTerm> terms;
    if (!read_items(in, read_order_term, terms)) return false;
    if (query_.order.empty()) query_.order = std::move(terms);
    return true;
  }

  bool read_names(Reader& in, std::optional<std::vector<std::string>>& names) {
    std::vector<std::string> read;
    if (!read_items(in, read_name, read)) return false;
    drop_repetitions(read);
    if (!names) names = std::move(read);
    return true;
  }
  bool read_columns(Reader& in) { return read_names(in, query_.columns); }
  bool read_on_conflict(Reader& in) { return read_names(in, query_.on_conflict); }

  bool read_limit(Reader& in) { return read_row_number(in, limit_.emplace()); }
  bool read_offset(Reader& in) { return read_row_number(in, offset_); }

  /// The rows from `offset_` on, `limit_` of them, as far as they are not before the first: an offset below
  /// zero alone says nothing, and takes its part off a limit.
  std::optional<Error> apply_paging() {
    query_.offset = static_cast<std::uint64_t>(std::max<std::int64_t>(offset_, 0));
    if (!limit_) return std::nullopt;
    const std::int64_t rows = *limit_ > 0 && offset_ < 0 ? *limit_ + offset_ : *limit_;
    if (rows < 0 || (rows == 0 && *limit_ > 0)) return negative_limit();
    query_.limit = static_cast<std::uint64_t>(rows);
    return std::nullopt;
  }

  bool refuse_cursor(Reader& in) { return in.refuse(cursor_not_served()); }

  struct ReservedRow {
    std::string_view name;
    std::string_view what;
    bool (QueryParser::*read)(Reader&);
  };
  static const ReservedRow reserved_rows[11];

  Query query_;
  FilterReader filters_;
  std::optional<std::int64_t> limit_;
  std::int64_t offset_ = 0;
};

constexpr QueryParser::ReservedRow QueryParser::reserved_rows[] = {
    {"select", "select parameter", &QueryParser::read_select},
    {"order", "order", &QueryParser::read_order},
    {"limit", "limit", &QueryParser::read_limit},
    {"offset", "offset", &QueryParser::read_offset},
    {"columns", "columns parameter", &QueryParser::read_columns},
    {"on_conflict", "on_conflict parameter", &QueryParser::read_on_conflict},
    {"and", "logic tree", &QueryParser::read_logic<false, false>},
    {"or", "logic tree", &QueryParser::read_logic<true, false>},
    {"not.and", "logic tree", &QueryParser::read_logic<false, true>},
    {"not.or", "logic tree", &QueryParser::read_logic<true, true>},
    {"after", "cursor", &QueryParser::refuse_cursor},
};

/// True where decoding would change nothing and cannot fail.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_ascii(c) && c != '%' && c != '+' && c != '\0'; });
}

/// Decodes a key or value, into `decoded` only where that differs from `text`. nullopt as percent_decode().
std::optional<std::string_view> decode(std::string_view text, std::string& decoded) {
  if (is_plain(text)) return text;
  auto result = percent_decode(text, true);
  if (!result) return std::nullopt;
  decoded = std::move(*result);
  return decoded;
}

Error malformed_encoding(std::string_view parameter) {
  std::string shown;
  for (const char c : parameter) shown += is_ascii(c) && c >= ' ' ? c : '?';
  return grammar_error(
      quoted("failed to decode parameter (" + shown + ")"),
      "A parameter is percent-encoded UTF-8 without NUL: each % is followed by two hexadecimal "
      "digits, and a plain % is written %25");
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  auto decoded = percent_decoded(text, plus_is_space);
  if (!decoded || decoded->find('\0') != std::string::npos || !is_utf8(*decoded)) return std::nullopt;
  return decoded;
}

Result<Query> parse_query(std::string_view table, std::string_view query_string, const ParseLimits& limits) {
  QueryParser parser(table, limits);
  std::string key_buffer, value_buffer;
  while (!query_string.empty()) {
    const std::string_view parameter = query_string.substr(0, query_string.find('&'));
    query_string.remove_prefix(std::min(parameter.size() + 1, query_string.size()));
    if (parameter.empty()) continue;
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const auto key = decode(parameter.substr(0, equals), key_buffer);
    const auto value = decode(parameter.substr(std::min(equals + 1, parameter.size())), value_buffer);
    if (!key || !value) return malformed_encoding(parameter);
    if (auto error = parser.read_parameter(*key, *value)) return *std::move(error);
  }
  return parser.take_query();
}

}  // namespace shardplex
