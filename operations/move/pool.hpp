// Runs several moves at a time, shows how far they are, and keeps the map file up to date.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operations/move/runner.hpp"
#include "operations/process/failure.hpp"
#include "operations/process/terminal.hpp"
#include "operations/shard/move_entry.hpp"
#include "operations/shard/mover.hpp"

namespace shardplex::operations {

struct PoolOptions {
  std::string map_file;
  std::size_t parallel = 1;            ///< moves at a time
  std::uint64_t bytes_per_second = 0;  ///< of all copies together; 0: no limit
  RunnerOptions runner;
  std::optional<std::string> metrics;  ///< address:port for Prometheus
  bool json = false;
};

/// Runs the moves in their order, `parallel` at a time, each until it is over or rests. Where one stops, no
/// further ones are begun. On SIGINT or SIGTERM each stops at the next place where nobody waits for it.
/// Prints what became of them, and throws CommandFailed where not all came to their end.
void run_moves(const ShardMap& map, std::vector<MoveEntry> moves, Mover& mover, const PoolOptions& options,
               const Terminal& terminal);

}  // namespace shardplex::operations
