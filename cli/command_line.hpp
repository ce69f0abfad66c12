// The command line `shardplex`: which commands there are, and what they share.
#pragma once

#include "cli/options.hpp"
#include "cli/run_command_line.hpp"
#include "operations/process/terminal.hpp"

namespace shardplex::cli {

/// Exit codes of every command.
enum Exit : int {
  exit_ok = 0,
  exit_failed = 1,  ///< what was asked for failed: a bad map, an unreachable shard, bad rows
  exit_usage = 2,   ///< the command was not understood
};

// The commands. Each takes its own arguments and returns an exit code, or throws UsageError or CommandFailed.
int map_check(Arguments args, const Terminal& terminal);
int map_show(Arguments args, const Terminal& terminal);
int route(Arguments args, const Terminal& terminal);
int explain(Arguments args, const Terminal& terminal);
int queries(Arguments args, const Terminal& terminal);
int advise(Arguments args, const Terminal& terminal);
int cluster_init(Arguments args, const Terminal& terminal);
int cluster_status(Arguments args, const Terminal& terminal);
int cluster_accept_timeline(Arguments args, const Terminal& terminal);
int cluster_doctor(Arguments args, const Terminal& terminal);
int cluster_duplicates(Arguments args, const Terminal& terminal);
int cluster_add_shard(Arguments args, const Terminal& terminal);
int cluster_remove_shard(Arguments args, const Terminal& terminal);
int cluster_add_replica(Arguments args, const Terminal& terminal);
int cluster_remove_replica(Arguments args, const Terminal& terminal);
int load(Arguments args, const Terminal& terminal);
int verify(Arguments args, const Terminal& terminal);
int import_check(Arguments args, const Terminal& terminal);
int import_run(Arguments args, const Terminal& terminal);
int import_status(Arguments args, const Terminal& terminal);
int import_abort(Arguments args, const Terminal& terminal);
int import_reverse(Arguments args, const Terminal& terminal);
int import_finish(Arguments args, const Terminal& terminal);
int rebalance_plan(Arguments args, const Terminal& terminal);
int rebalance_check(Arguments args, const Terminal& terminal);
int rebalance_run(Arguments args, const Terminal& terminal);
int rebalance_resume(Arguments args, const Terminal& terminal);
int rebalance_status(Arguments args, const Terminal& terminal);
int rebalance_pause(Arguments args, const Terminal& terminal);
int rebalance_abort(Arguments args, const Terminal& terminal);
int rebalance_reverse(Arguments args, const Terminal& terminal);
int rebalance_finish(Arguments args, const Terminal& terminal);

}  // namespace shardplex::cli
