// rebalance resume: goes on with moves whose mover died, stopped or was paused.
#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/move_options.hpp"
#include "cli/moves_output.hpp"
#include "operations/move/decide.hpp"
#include "operations/move/selection.hpp"
#include "operations/shard/map_file.hpp"

namespace shardplex::cli {

int rebalance_resume(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "rebalance resume --map FILE [options]",
      "Goes on with all moves that are unfinished, wherever their mover died or was paused.");
  add_pool_options(options);
  options.add()("take-over", "replace a mover that has not been heard of for 10 s, such as one that hangs");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const PoolOptions pool = read_pool_options(*given);
  const ShardMap map = load_shard_map(pool.map_file);
  // One that rests is looked at too: a failover may have left its slots without an owner.
  auto moves = reachable_moves(map, terminal);
  if (moves.empty()) return nothing_to_do("no move is unfinished", given->json(), terminal);
  std::vector<MoveEntry> paused;
  std::ranges::copy_if(moves, std::back_inserter(paused),
                       [](const auto& move) { return move.desired_state == DesiredState::pause; });
  set_desired_state(map, paused, DesiredState::run);
  try {
    Mover mover(map, other_mover(*given));
    print_outcome(run_moves(map, std::move(moves), mover, pool, terminal), given->json(), terminal);
  } catch (const MoverReplaced&) {
    if (paused.empty() || given->has("take-over")) throw;
    return nothing_to_do("the mover at work goes on with " + ids_of(paused), given->json(), terminal);
  }
  return exit_ok;
}

}  // namespace shardplex::cli
