#include "shard_schema/session_settings.hpp"

#include "query/plan/sql.hpp"

namespace shardplex {
namespace {

// Each with what would change if it were otherwise.
constexpr SessionSetting pinned[] = {
    // What a name without a schema means in a cast, a trigger or a schema file. "$user" is left out: of a
    // role
    // called shardplex it is the schema shardplex.
    {"search_path", "public"},
    // How values are written.
    {"DateStyle", "ISO"},
    {"IntervalStyle", "postgres"},
    {"bytea_output", "hex"},
    {"extra_float_digits", "1"},
    {"xmlbinary", "base64"},
    {"quote_all_identifiers", "off"},
    // How values are read.
    {"xmloption", "content"},
    {"array_nulls", "on"},
    {"standard_conforming_strings", "on"},
    {"backslash_quote", "safe_encoding"},
    {"transform_null_equals", "off"},
    // Which rows there are.
    {"row_security", "on"},
    {"gin_fuzzy_search_limit", "0"},
    // The write guard reads the epoch after its lock in a snapshot of its own, which only this level gives.
    {"default_transaction_isolation", "read committed"},
    {"default_transaction_deferrable", "off"},
};

void append_item(std::string& list, std::string_view item) {
  if (!list.empty()) list += ", ";
  list += item;
}

std::string set_config_sql(std::string_view name, std::string_view value) {
  return "pg_catalog.set_config(" + quote_literal(name) + ", " + quote_literal(value) + ", false)";
}

}  // namespace

const std::span<const SessionSetting> pinned_settings = pinned;

bool is_utc(std::string_view time_zone) {
  constexpr std::string_view area = "Etc/";
  if (time_zone.starts_with(area)) time_zone.remove_prefix(area.size());
  for (const std::string_view name : {"UTC", "UCT", "GMT", "Zulu", "Universal"})
    if (time_zone == name) return true;
  return false;
}

std::string own_values_sql() {
  std::string items;
  for (const auto& setting : agreed_settings) append_item(items, setting.own_sql);
  return items;
}

AgreedValues decode_own_values(const TextRows& rows, std::size_t first) {
  if (rows.size() != 1) throw UnexpectedAnswer("settings of a session that are not one row");
  AgreedValues values;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = rows.text(0, first + i);
  return values;
}

std::string pin_settings_sql() {
  std::string items;
  for (const auto& [name, value] : pinned) append_item(items, set_config_sql(name, value));
  return items;
}

std::string agree_settings_sql(const AgreedValues& values) {
  std::string items;
  for (std::size_t i = 0; i < values.size(); ++i)
    append_item(items,
                set_config_sql(agreed_settings[i].name, std::string(agreed_settings[i].prefix) + values[i]));
  return items;
}

std::vector<std::string> setting_differences(std::string_view name_a, const AgreedValues& a,
                                             std::string_view name_b, const AgreedValues& b) {
  std::vector<std::string> sentences;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    sentences.push_back(std::string(agreed_settings[i].name) + " is " + a[i] + " on " + std::string(name_a) +
                        " and " + b[i] + " on " + std::string(name_b));
  }
  return sentences;
}

std::string backend_sql(std::string_view process) {
  return std::string(process) +
         " || ' of ' || (extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint";
}

}  // namespace shardplex
