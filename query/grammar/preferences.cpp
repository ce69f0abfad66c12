#include "query/grammar/preferences.hpp"

#include <charconv>
#include <system_error>
#include <utility>

#include "query/grammar/grammar_errors.hpp"
#include "query/grammar/header_text.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

using namespace grammar;

/// Each says whether the preference is the first of its kind, and so counts.
bool set_return(Preferences& preferences, ReturnKind kind) {
  if (std::exchange(preferences.returning_given, true)) return false;
  preferences.returning = kind;
  return true;
}
bool set_count(Preferences& preferences, CountKind kind) {
  if (std::exchange(preferences.count_given, true)) return false;
  preferences.count = kind;
  return true;
}
bool set_handling(Preferences& preferences, bool strict) {
  if (std::exchange(preferences.handling_given, true)) return false;
  preferences.strict = strict;
  return true;
}
template <class Value>
bool set(std::optional<Value>& preference, Value value) {
  if (preference) return false;
  preference = std::move(value);
  return true;
}

struct PreferenceRow {
  std::string_view name, value;
  bool (*apply)(Preferences&);
  std::string_view instead = {};  ///< where it is not served, as a rollback may be: what is
};

constexpr PreferenceRow preference_rows[] = {
    {"return", "minimal", [](Preferences& p) { return set_return(p, ReturnKind::minimal); }},
    {"return", "headers-only", [](Preferences& p) { return set_return(p, ReturnKind::headers_only); }},
    {"return", "representation", [](Preferences& p) { return set_return(p, ReturnKind::representation); }},
    {"count", "exact", [](Preferences& p) { return set_count(p, CountKind::exact); }},
    {"count", "planned", [](Preferences& p) { return set_count(p, CountKind::planned); }},
    {"count", "estimated", [](Preferences& p) { return set_count(p, CountKind::estimated); }},
    {"handling", "strict", [](Preferences& p) { return set_handling(p, true); }},
    {"handling", "lenient", [](Preferences& p) { return set_handling(p, false); }},
    {"missing", "null", [](Preferences& p) { return set(p.missing, MissingColumns::null); }},
    {"missing", "default", [](Preferences& p) { return set(p.missing, MissingColumns::column_default); }},
    {"partial", "allow", [](Preferences& p) { return !std::exchange(p.partial, true); }},
    {"tx", "commit", [](Preferences& p) { return set(p.tx, TransactionEnd::commit); }},
    {"tx", "rollback", [](Preferences& p) { return set(p.tx, TransactionEnd::rollback); },
     "Leave it out: every write is committed. The operator lets writes of tables be rolled back by --tx-end "
     "commit-allow-override"},
    {"resolution", "merge-duplicates",
     [](Preferences& p) { return set(p.resolution, Resolution::merge_duplicates); }},
    {"resolution", "ignore-duplicates",
     [](Preferences& p) { return set(p.resolution, Resolution::ignore_duplicates); }},
};

constexpr std::string_view instead_of_timezone =
    "Leave it out: times come in the time zone of the servers; convert them in the client";

const PreferenceRow* find_preference(std::string_view name, std::string_view value) {
  for (const PreferenceRow& row : preference_rows)
    if (row.name == name && row.value == value) return &row;
  return nullptr;
}

/// A number of rows; nullopt where `text` is none.
std::optional<std::int64_t> row_count(std::string_view text) {
  std::int64_t rows = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rows);
  if (error != std::errc{} || end != text.data() + text.size() || rows < 0) return std::nullopt;
  return rows;
}

void refuse(PreferHeader& header, std::string_view written, std::string_view instead) {
  if (header.not_served) return;
  header.not_served =
      not_served("Prefer: " + std::string(written) + " is not available", std::string(instead));
}

void read_preference(std::string_view written, TransactionEnds ends, PreferHeader& header) {
  Preferences& preferences = header.preferences;
  const auto [name, value] = name_and_value(written);
  if (const PreferenceRow* row = find_preference(name, lower(value))) {
    const bool is_served = row->instead.empty() || ends == TransactionEnds::any;
    if (row->apply(preferences) && !is_served) refuse(header, written, row->instead);
  } else if (const auto rows = row_count(value); name == "max-affected" && rows) {
    set(preferences.max_affected, *rows);
  } else if (name == "timezone" && !value.empty()) {
    set(preferences.timezone, std::string(value));
  } else {
    preferences.unknown.emplace_back(written);
  }
}

}  // namespace

std::string_view text_of(ReturnKind kind) {
  switch (kind) {
    case ReturnKind::minimal:
      return "return=minimal";
    case ReturnKind::headers_only:
      return "return=headers-only";
    case ReturnKind::representation:
      return "return=representation";
  }
  return "";
}

std::string_view text_of(CountKind kind) {
  switch (kind) {
    case CountKind::none:
      break;
    case CountKind::exact:
      return "count=exact";
    case CountKind::planned:
      return "count=planned";
    case CountKind::estimated:
      return "count=estimated";
  }
  return "";
}

PreferHeader read_prefer(std::string_view header, TransactionEnds ends) {
  PreferHeader read;
  for_each_piece(header, ',', [&](std::string_view written) { read_preference(written, ends, read); });
  return read;
}

Result<Preferences> served_preferences(PreferHeader read) {
  if (read.not_served) return *std::move(read.not_served);
  if (read.preferences.strict && !read.preferences.unknown.empty())
    return Error{.code = "PGRST122",
                 .message = "Invalid preferences given with handling=strict",
                 .details = "Invalid preferences: " + joined(read.preferences.unknown),
                 .hint = std::nullopt,
                 .status = std::nullopt};
  return std::move(read.preferences);
}

Result<Preferences> parse_prefer(std::string_view header) {
  PreferHeader read = read_prefer(header);
  if (const auto& zone = read.preferences.timezone) refuse(read, "timezone=" + *zone, instead_of_timezone);
  return served_preferences(std::move(read));
}

PreferHeader without_time_zone(PreferHeader read) {
  if (const auto zone = std::exchange(read.preferences.timezone, std::nullopt))
    read.preferences.unknown.push_back("timezone=" + *zone);
  return read;
}

PreferHeader without_partial(PreferHeader read) {
  if (std::exchange(read.preferences.partial, false)) read.preferences.unknown.emplace_back("partial=allow");
  return read;
}

std::string preference_applied(const Preferences& preferences, bool is_write) {
  std::vector<std::string> applied;
  const auto add = [&](bool honoured, std::string_view text) {
    if (honoured) applied.emplace_back(text);
  };
  add(is_write && preferences.resolution == Resolution::merge_duplicates, "resolution=merge-duplicates");
  add(is_write && preferences.resolution == Resolution::ignore_duplicates, "resolution=ignore-duplicates");
  add(is_write && preferences.missing == MissingColumns::null, "missing=null");
  add(is_write && preferences.missing == MissingColumns::column_default, "missing=default");
  add(is_write && preferences.returning_given, text_of(preferences.returning));
  add(preferences.count_given, text_of(preferences.count));
  add(preferences.tx == TransactionEnd::commit, "tx=commit");
  add(preferences.tx == TransactionEnd::rollback, "tx=rollback");
  add(preferences.handling_given, preferences.strict ? "handling=strict" : "handling=lenient");
  add(preferences.timezone.has_value(), "timezone=" + preferences.timezone.value_or(""));
  if (is_write && preferences.strict && preferences.max_affected)
    applied.push_back("max-affected=" + std::to_string(*preferences.max_affected));
  add(!is_write && preferences.partial, "partial=allow");
  return joined(applied);
}

}  // namespace shardplex
