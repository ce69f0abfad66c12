// What EXPLAIN is asked, and what it says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/grammar/accept.hpp"
#include "query/plan/sql.hpp"

namespace shardplex {

/// EXPLAIN of a statement that reads, with the options and in the format asked for, in a transaction that may
/// only read: ANALYZE carries it out. Its result is one column of texts, a row a line; as JSON one row.
Statement explaining(Statement statement, const PlanAsked& asked);

/// What one shard's EXPLAIN says; each line ends in a line feed.
struct ShardPlan {
  std::string shard;  ///< its name
  std::string text;
};

/// A shard's plan as PostgREST shows it. Those of several stand side by side, each named by its shard: as
/// text each below a line with the name, as JSON in one array, each an object with "Shard" as its first
/// member.
/// Precondition: as JSON, planned_rows() reads each.
std::string side_by_side(const std::vector<ShardPlan>& plans, PlanAsked::Format format);

/// How many rows a plan is expected to give, of EXPLAIN (FORMAT JSON)'s answer: at most the largest number
/// that there is here, since planners expect any. nullopt where it is no such answer.
std::optional<std::int64_t> planned_rows(std::string_view explained);

}  // namespace shardplex
