// How the moves of a cluster are, as the journals in the shards have it, wherever their mover is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operations/move/board.hpp"
#include "operations/move/journal.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct MovesStatus {
  std::vector<MoveBoard::Line> lines;
  std::optional<MoverSeen> mover;
  std::vector<FenceSeen> fences;
  std::multimap<std::string, std::string> broken_ways_back;  ///< by move
  std::vector<std::string> problems;                         ///< shards that could not be read

  bool under_way() const;
};

/// The moves of these ids, over or not; without ids all, and those that are over only `with_history`. Throws
/// CommandFailed where all journals could be read and none has one of the ids.
MovesStatus read_moves_status(const ShardMap& map, const std::vector<std::string>& ids, bool with_history);

}  // namespace shardplex::operations
