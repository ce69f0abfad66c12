// rebalance pause: holds moves up where no client waits for them.
#include "cli/command_line.hpp"
#include "cli/move_options.hpp"
#include "operations/move/decide.hpp"
#include "operations/move/selection.hpp"

namespace shardplex::cli {

int rebalance_pause(Arguments args, const Terminal& terminal) {
  auto options =
      options_for_moves("pause",
                        "Pauses moves at the next place where no client waits for them; replication goes on, "
                        "so that no WAL piles "
                        "up.\nA paused copy keeps its snapshot open. shardplex rebalance resume goes on.");
  options.add_map();
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  const auto moves = choose_moves(reachable_moves(map, terminal), given->texts("move"), is_under_way,
                                  "only a move under way can be paused");
  set_desired_state(map, moves, DesiredState::pause);
  terminal.out << (moves.empty() ? "no move is under way" : "will pause: " + ids_of(moves)) << '\n';
  return exit_ok;
}

}  // namespace shardplex::cli
