// What moves and loads that are over have left in the shards: all of it found, and on request removed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operations/audit/ways_back.hpp"
#include "operations/move/journal.hpp"
#include "operations/process/terminal.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Something left over, and what became of it.
struct LeftoverFound {
  std::string shard, text;
  std::uint64_t wal_bytes = 0;  ///< kept on disk for it
  bool removed = false;
  std::string problem = {};  ///< why it could not be removed; empty where that was not tried
};

struct DoctorReport {
  std::vector<LeftoverFound> leftovers;
  ClusterJournal journal;  ///< of the moves that are not over: what belongs to them is no leftover
  WaysBack ways_back;
  std::vector<std::string> unguarded;  ///< tables where nothing looks at what triggers write, and the remedy
};

/// Looks at all shards, and with `remove` removes what can be removed safely, under the movers' lock. Throws
/// CommandFailed where a shard cannot be read, or where something is to be removed while a mover is at work.
DoctorReport examine_cluster(const ShardMap& map, bool remove, const Terminal& terminal);

}  // namespace shardplex::operations
