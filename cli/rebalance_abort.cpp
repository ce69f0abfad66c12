// rebalance abort: undoes moves that have not handed over.
#include "cli/command_line.hpp"
#include "cli/move_options.hpp"
#include "cli/moves_output.hpp"
#include "operations/move/decide.hpp"
#include "operations/move/selection.hpp"
#include "operations/shard/map_file.hpp"

namespace shardplex::cli {

int rebalance_abort(Arguments args, const Terminal& terminal) {
  auto options = options_for_moves(
      "abort",
      "Undoes moves that have not handed over yet: everything is as before, and nothing of them is left.\n"
      "Past the hand-over, reverse gives the slots back.");
  add_pool_options(options);
  options.add()("take-over", "replace a mover that has not been heard of for 10 s");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const PoolOptions pool = read_pool_options(*given);
  const ShardMap map = load_shard_map(pool.map_file);
  const auto moves = choose_moves(reachable_moves(map, terminal), given->texts("move"), can_be_aborted,
                                  "it has handed over, and reverse gives its slots back");
  if (moves.empty()) return nothing_to_do("no move can be aborted", given->json(), terminal);
  if (const auto outcome = abort_moves(map, moves, other_mover(*given), pool, terminal))
    print_outcome(*outcome, given->json(), terminal);
  require_aborted(map, moves);
  if (!given->json()) terminal.out << "aborted: " << ids_of(moves) << '\n';
  return exit_ok;
}

}  // namespace shardplex::cli
