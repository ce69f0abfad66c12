// The options of every command that runs moves.
#pragma once

#include "cli/command_line.hpp"
#include "operations/move/pool.hpp"

namespace shardplex::cli {

/// The options that every command shares which runs moves: --map, --parallel, --rate, --max-lag, --max-pause,
/// --patience, --jobs, --metrics, --json.
void add_pool_options(CommandOptions& options);
/// Throws UsageError on values that make no sense.
PoolOptions read_pool_options(const boost::program_options::variables_map& values);

}  // namespace shardplex::cli
