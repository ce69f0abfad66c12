// rebalance reverse: gives slots back.
#include "cli/command_line.hpp"
#include "cli/end_window.hpp"

namespace shardplex::cli {

int rebalance_reverse(Arguments args, const Terminal& terminal) {
  return end_window(
      "reverse",
      "Gives the slots of moves that rest in their reverse window back to their sources, with all that was "
      "written since.",
      Phase::reversing, args, terminal);
}

}  // namespace shardplex::cli
