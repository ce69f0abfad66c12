#include "operations/move/start.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "operations/move/duplicates.hpp"
#include "operations/move/facts.hpp"
#include "operations/move/obstacles.hpp"
#include "operations/move/on_source.hpp"
#include "operations/move/selection.hpp"
#include "operations/process/failure.hpp"
#include "shard_schema/functions.hpp"

namespace shardplex::operations {
namespace {

/// Two moves must not have a slot in common, also where one of them rests in its reverse window.
void refuse_unfinished(const std::vector<MoveEntry>& present, const std::vector<MoveEntry>& added) {
  std::vector<MoveEntry> under_way;
  std::ranges::copy_if(present, std::back_inserter(under_way),
                       [](const auto& move) { return is_under_way(move.phase); });
  if (!under_way.empty())
    throw CommandFailed("moves are unfinished: " + ids_of(under_way) +
                        "; shardplex rebalance resume or abort them first");
  std::vector<std::string> problems;
  for (const auto& entry : added)
    for (const auto& move : present)
      if (move.group == entry.group && move.slots.intersects(entry.slots))
        problems.push_back("move " + move.id + " of " + move.group + " from " + move.source + " to " +
                           move.target +
                           " can still be reversed, and has slots of this plan; shardplex rebalance finish " +
                           move.id + " first");
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

}  // namespace

std::vector<MoveEntry> new_moves(const RebalancePlan& plan) {
  std::vector<MoveEntry> moves;
  for (const auto& planned : plan.moves) {
    MoveEntry& move = moves.emplace_back();
    move.id = new_move_id();
    move.number = static_cast<int>(moves.size());
    move.group = planned.group;
    move.slots = planned.slots;
    move.source = planned.source;
    move.target = planned.target;
  }
  return moves;
}

void check_start(const ShardMap& map, const RebalancePlan& plan, const std::vector<MoveEntry>& moves,
                 const Terminal& terminal) {
  const Mover nobody_else(map);
  refuse_unfinished(all_moves(map), moves);
  auto problems = check_moves(map, plan);
  for (const auto& finding : find_duplicates(map, &plan, terminal))
    problems.push_back(finding.shard + ": " + finding.text);
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

void start_moves(const ShardMap& map, const std::vector<MoveEntry>& moves, const Mover& mover) {
  refuse_unfinished(all_moves(map), moves);
  for (const auto& move : moves)
    on_source(map, move, [&](pqxx::work& transaction) {
      transaction.exec_params(as_mover_sql, mover.token());
      record_move(transaction, move);
    });
}

}  // namespace shardplex::operations
