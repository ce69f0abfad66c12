// The settings of a session that decide answers and stored values, and what sessions are held to.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shard_schema/text_rows.hpp"

namespace shardplex {

/// What is asked of a connection pooler.
inline constexpr std::string_view whole_sessions_needed =
    "it has to lend them whole (PgBouncer: pool_mode = session)";

/// Names a backend, of whose number `process` is an SQL expression, in the same text to all sessions: a
/// process number is used again, and two servers behind one address may both have it.
std::string backend_sql(std::string_view process);

struct SessionSetting {
  std::string_view name, value;
};

/// The same for every session of a router and of the command line, whatever the server, the database or the
/// role is set to. They are set by a statement, since a connection pooler refuses most startup parameters.
extern const std::span<const SessionSetting> pinned_settings;

/// A setting whose value is the operator's: one PostgreSQL would answer by it. On every shard it has to be
/// the same.
struct AgreedSetting {
  std::string_view name;
  std::string_view own_sql;  ///< what of it is the operator's, in the session as it was opened
  std::string_view prefix;   ///< goes before that where it is set
};
inline constexpr std::array<AgreedSetting, 6> agreed_settings{{
    {"TimeZone", "current_setting('TimeZone')", ""},
    {"DateStyle", "split_part(current_setting('DateStyle'), ', ', 2)",
     "ISO, "},  // the order of day and month
    {"default_text_search_config", "current_setting('default_text_search_config')", ""},
    {"lc_monetary", "current_setting('lc_monetary')", ""},
    {"lc_numeric", "current_setting('lc_numeric')", ""},
    {"lc_time", "current_setting('lc_time')", ""},
}};
using AgreedValues = std::array<std::string, agreed_settings.size()>;

/// True of names that PostgreSQL has for UTC, which is +00:00 at any time.
bool is_utc(std::string_view time_zone);

/// The items of a SELECT that read the session's own values, each of type text. They come before the items
/// that change any.
std::string own_values_sql();
/// The values from column `first` on of the one row that own_values_sql() gives. UnexpectedAnswer where it is
/// none.
AgreedValues decode_own_values(const TextRows& rows, std::size_t first = 0);

/// The items of a SELECT that pin the session.
std::string pin_settings_sql();
/// The items of a SELECT that set the agreed settings.
std::string agree_settings_sql(const AgreedValues& values);

/// A sentence for each agreed setting that is not the same: "TimeZone is UTC on alpha and Asia/Tokyo on
/// beta".
std::vector<std::string> setting_differences(std::string_view name_a, const AgreedValues& a,
                                             std::string_view name_b, const AgreedValues& b);

}  // namespace shardplex
