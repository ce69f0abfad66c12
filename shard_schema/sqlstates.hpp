// The SQLSTATEs that the functions of the schema `shardplex` raise (config/schema/shardplex.sql).
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
inline constexpr std::string_view sqlstate_row_bounds =
    "SX010";  ///< a write touches fewer or more rows than it may; the detail is their number

}  // namespace shardplex
