// How the way back of an import is, for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operations/import/journal.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct WayBackRow {
  std::string shard;
  bool flowing = false;         ///< a subscription reads the shard's changes now
  std::uint64_t lag_bytes = 0;  ///< not on the source's disk yet
  std::uint64_t refusals = 0;   ///< how often the source has refused a change, and tried again
  /// Why a reversal would lose something, or cannot be told from here; sentences.
  std::vector<std::string> problems;
};

/// Of the shards that have one. `source`: how to reach the source. A server that does not answer is a problem
/// of its row.
std::vector<WayBackRow> read_way_back_rows(const ShardMap& map, const ImportEntry& entry,
                                           const std::string& source);

}  // namespace shardplex::operations
