// Groups that several shards have parts of: what each of them is asked for, and what one is asked to make of
// it all. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/plan/grouping.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/sql.hpp"

namespace shardplex {

/// Sets the plan's GroupStates, and not_mergeable where a key or an aggregate cannot be put together from
/// several shards. `grouping` is that of the tree's root.
void plan_states(const Grouping& grouping, const ResolvedNode& tree, ReadPlan& plan);

/// More groups than these of one shard are not put together with those of others.
inline constexpr std::uint64_t most_partial_groups = 100'000;

/// What one of several shards is asked for: a row for each of its groups. Result columns, in binary format:
/// GroupStates::count texts; where the plan counts, the total number of matching rows (bigint); last,
/// whether keys and states are of the types that were planned for (boolean).
Statement partial_groups(const ReadPlan& plan, const ReadPlan::ForShard& shard);

/// What any one shard is asked for: the answer's rows, as ReadPlan::statement() gives them where it is alone,
/// or as Lookup::statement() does, and in the column behind these whether the shard's enums have the labels
/// that were planned for (boolean). `columns`: of each key and state the texts in all shards' groups, as an
/// array literal. `total`: that of all shards, where the plan counts.
Statement finished_groups(const ReadPlan& plan, std::vector<std::string> columns, std::int64_t total);

/// Reads each of the keys and states that `finished`, which finished_groups() has made, is given, and does
/// nothing with them: where it fails as well, it is not what was asked for that is wrong, but the shard lacks
/// a value of a type, such as an enum's label. One row, one column (bigint).
Statement read_groups(const ReadPlan& plan, const Statement& finished);

}  // namespace shardplex
