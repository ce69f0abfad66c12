#include "cli/end_window.hpp"

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

}  // namespace shardplex::cli
