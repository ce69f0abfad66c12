// rebalance finish and reverse: the ends of a reverse window, which differ in where they lead.
#include <algorithm>
#include <utility>

#include "cli/command_line.hpp"
#include "cli/move_options.hpp"
#include "cli/moves_output.hpp"
#include "operations/move/decide.hpp"
#include "operations/move/selection.hpp"
#include "operations/shard/map_file.hpp"
#include "operations/shard/mover.hpp"

namespace shardplex::cli {
namespace {

/// For moves that rest in their reverse window, and those that were begun with it: takes them into `phase`,
/// reversing or finishing, and to their end.
int end_window(const std::string& verb, const std::string& about, Phase phase, Arguments args,
               const Terminal& terminal) {
  auto options = options_for_moves(verb, about);
  add_pool_options(options);
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const PoolOptions pool = read_pool_options(*given);
  const ShardMap map = load_shard_map(pool.map_file);
  Mover mover(map);
  // A way back that turned out to be closed can still be ended by finish.
  const auto ids = given->texts("move");
  const auto fits = [&](Phase found) {
    return found == Phase::reversible || found == Phase::reversing || found == phase ||
           (!ids.empty() && found == Phase::finishing);
  };
  auto moves = choose_moves(reachable_moves(map, terminal), ids, fits,
                            "only a reversible move can be " + verb + (verb == "finish" ? "ed" : "d"));
  if (moves.empty()) return nothing_to_do("no move is reversible", given->json(), terminal);
  if (phase == Phase::reversing) std::ranges::reverse(moves);  // the last one first
  print_outcome(end_windows(map, std::move(moves), phase, mover, pool, terminal), given->json(), terminal);
  return exit_ok;
}

}  // namespace

int rebalance_finish(Arguments args, const Terminal& terminal) {
  return end_window(
      "finish",
      "Ends the reverse window of moves: deletes the old copies, in small throttled transactions, and all "
      "that the moves made.",
      Phase::finishing, args, terminal);
}

int rebalance_reverse(Arguments args, const Terminal& terminal) {
  return end_window(
      "reverse",
      "Gives the slots of moves that rest in their reverse window back to their sources, with all that was "
      "written since.",
      Phase::reversing, args, terminal);
}

}  // namespace shardplex::cli
