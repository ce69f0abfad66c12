// What slots weigh, measured in the shards and in the routers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

using SlotWeights = std::vector<std::vector<std::uint64_t>>;  ///< by group, then by slot

/// All slots of a cluster, as its shards say.
struct SlotSurvey {
  std::vector<std::vector<ShardId>> owners;  ///< by group, then by slot
  SlotWeights rows;                          ///< over all tables of the group
  SlotWeights bytes;                         ///< of these rows, without indexes and page headers
};

/// Asks the primary of every shard, in parallel, and reads all rows of the sharded tables for it. Throws
/// CommandFailed with all problems: shards that do not answer, slots that have no owner or two, slots that a
/// move has left half-way.
SlotSurvey survey_slots(const ShardMap& map);

/// The requests for each slot that the routers have counted since they started, added up. `routers` are the
/// URLs of their admin ports, http://host:port. Throws CommandFailed with all problems.
SlotWeights read_router_load(const ShardMap& map, std::span<const std::string> routers);

}  // namespace shardplex::operations
