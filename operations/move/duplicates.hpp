// Rows that two shards hold under one value of a constraint that each keeps by itself: they cannot be on one
// shard, so a move stops at them, and a way back breaks on them.
#pragma once

#include <string>
#include <vector>

#include "operations/move/obstacles.hpp"
#include "operations/process/terminal.hpp"
#include "shard_map/rebalance_plan.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Duplicates between the rows that the moves of the plan take along and their targets, or, without a plan,
/// between any two shards; and sequences that would come to give some. Shards that cannot be read are left to
/// find_obstacles(). Shows on the terminal how far it is, as it may read many rows.
std::vector<CheckFinding> find_duplicates(const ShardMap& map, const RebalancePlan* plan,
                                          const Terminal& terminal);

/// Why a subscription to some slots of a group may be unable to apply its changes: "; unique constraint … has
/// 3 values on both (1, 2, 3)"; "" where no duplicates are found within some seconds. Never throws.
std::string doubled_on_both(const ShardMap& map, const std::string& group, const SlotSet& slots,
                            const std::string& publisher, const std::string& subscriber);

}  // namespace shardplex::operations
