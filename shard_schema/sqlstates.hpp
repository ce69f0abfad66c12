// The SQLSTATEs that something depends on: those that the functions of the schema `shardplex` raise
// (config/schema/shardplex.sql), and PostgreSQL's own (PostgreSQL 15, appendix A).
#pragma once

#include <string_view>

namespace shardplex {

inline constexpr std::string_view sqlstate_stale_epoch =
    "SX001";  ///< planned for another epoch: read ownership again
inline constexpr std::string_view sqlstate_fence = "SX002";  ///< a fence is being set: try again shortly
inline constexpr std::string_view sqlstate_wrong_state =
    "SX003";  ///< slots are not in a state that may change so
inline constexpr std::string_view sqlstate_not_mover = "SX004";  ///< another mover has taken over
inline constexpr std::string_view sqlstate_no_nodes = "SX005";   ///< the shard has no node numbers for ids
inline constexpr std::string_view sqlstate_misplaced =
    "SX007";  ///< a trigger changes what decides where a row is stored
/// Raised by no function, but said by the router itself: rows are not of the types that were planned for.
inline constexpr std::string_view sqlstate_other_tables = "SX006";
/// Said by clients of a shard: its answer is none that the statement can have.
inline constexpr std::string_view sqlstate_odd_answer = "SX011";
/// Said by the router for 42601: what it has sent is no SQL, whatever its client wrote.
inline constexpr std::string_view sqlstate_no_sql = "SX012";
inline constexpr std::string_view sqlstate_row_bounds =
    "SX010";  ///< a write touches fewer or more rows than it may; the detail is their number
inline constexpr std::string_view sqlstate_no_slot =
    "SX013";  ///< a row of a view shows no slot, so it cannot be told whether the shard owns it
inline constexpr std::string_view sqlstate_given_up =
    "SX014";  ///< a write over several shards has been settled by others, or took too long: nothing is kept

inline constexpr std::string_view sqlstate_read_only = "25006";  ///< a replica, or told to take no writes
inline constexpr std::string_view sqlstate_foreign_key = "23503";
inline constexpr std::string_view sqlstate_unique = "23505";
inline constexpr std::string_view sqlstate_no_schema = "3F000";
inline constexpr std::string_view sqlstate_serialization = "40001";
inline constexpr std::string_view sqlstate_deadlock = "40P01";
inline constexpr std::string_view sqlstate_denied = "42501";
inline constexpr std::string_view sqlstate_syntax = "42601";
inline constexpr std::string_view sqlstate_no_column = "42703";
inline constexpr std::string_view sqlstate_no_object = "42704";
inline constexpr std::string_view sqlstate_no_function = "42883";
inline constexpr std::string_view sqlstate_no_table = "42P01";
inline constexpr std::string_view sqlstate_not_prepared =
    "55000";  ///< not in the state that the operation needs
inline constexpr std::string_view sqlstate_lock_timeout = "55P03";
inline constexpr std::string_view sqlstate_canceled = "57014";  ///< by statement_timeout, or by somebody

/// The server is going away or is not up yet, or the connection is none: it is not about the request.
constexpr bool says_unavailable(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || sqlstate.starts_with("57P");
}

/// A value is none of its type, or breaks a rule of it.
constexpr bool says_bad_value(std::string_view sqlstate) {
  return sqlstate.starts_with("22") || sqlstate.starts_with("23");
}

}  // namespace shardplex
