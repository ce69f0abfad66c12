// Asks the planner of a shard what it would make of indexes that are not there, by HypoPG.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "operations/advice/read_survey.hpp"
#include "query/advice/wished_index.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// By index: what the first shard that has the extension hypopg says of it; nullopt where none has it, or no
/// router is asked. The statement that is planned is that which a router says, by /plan, for the first of the
/// index's patterns that can be filled with values. It is prepared and planned, in a transaction that only
/// reads, and never run. `routers`: admin ports.
std::vector<std::optional<TriedIndex>> try_indexes(const ShardMap& map, ClusterSurvey& cluster,
                                                   const std::vector<WishedIndex>& wished,
                                                   const std::vector<std::string>& routers);

}  // namespace shardplex::operations
