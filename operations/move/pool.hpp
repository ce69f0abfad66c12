// Runs several moves at a time, shows how far they are meanwhile, and keeps the map file up to date.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operations/move/board.hpp"
#include "operations/move/runner.hpp"
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
};

/// What became of the moves.
struct MovesOutcome {
  std::vector<MoveBoard::Line> moves;
  std::vector<std::string> problems;  ///< why not all came to their end; empty where they did
};

/// Runs the moves in their order, `parallel` at a time, each until it is over or rests. Where one stops, no
/// further ones are begun. On SIGINT or SIGTERM each stops at the next place where nobody waits for it.
/// The terminal shows how far they are. Throws CommandFailed where they cannot be begun at all.
MovesOutcome run_moves(const ShardMap& map, std::vector<MoveEntry> moves, Mover& mover,
                       const PoolOptions& options, const Terminal& terminal);

}  // namespace shardplex::operations
