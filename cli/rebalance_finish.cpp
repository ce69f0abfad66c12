// rebalance finish: deletes old copies.
#include "cli/command_line.hpp"
#include "cli/end_window.hpp"

namespace shardplex::cli {

int rebalance_finish(Arguments args, const Terminal& terminal) {
  return end_window(
      "finish",
      "Ends the reverse window of moves: deletes the old copies, in small throttled transactions, and all "
      "that the moves made.",
      Phase::finishing, args, terminal);
}

}  // namespace shardplex::cli
