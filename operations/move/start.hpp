// The beginning of moves: what keeps them from beginning, and their rows of the journal.
#pragma once

#include <vector>

#include "operations/process/terminal.hpp"
#include "operations/shard/move_entry.hpp"
#include "operations/shard/mover.hpp"
#include "shard_map/rebalance_plan.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// The moves of a plan, in its order, with ids of their own. Nothing of them is in the shards yet.
std::vector<MoveEntry> new_moves(const RebalancePlan& plan);

/// Throws CommandFailed with everything that keeps the moves of the plan from beginning: another mover, moves
/// that are unfinished or have a slot in common with these, what find_obstacles() calls a problem,
/// and what find_duplicates() finds.
void check_start(const ShardMap& map, const RebalancePlan& plan, const std::vector<MoveEntry>& moves,
                 const Terminal& terminal);

/// Writes the moves into the journals of their sources; from then on `resume` and `abort` know them. Throws
/// CommandFailed where other moves stand in their way.
void start_moves(const ShardMap& map, const std::vector<MoveEntry>& moves, const Mover& mover);

}  // namespace shardplex::operations
