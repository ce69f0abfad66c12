// What hot slots hold.
#pragma once

#include <vector>

#include "operations/advice/read_survey.hpp"
#include "query/advice/load_advice.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// The keys of each slot with the most rows, as its owner has them; reads the slot's rows, for ten seconds at
/// most. A shard that does not say is told as the slot's problem.
std::vector<SlotContent> read_slot_contents(const ShardMap& map, ClusterSurvey& cluster,
                                            const std::vector<HotSlot>& slots);

}  // namespace shardplex::operations
