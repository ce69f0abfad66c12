// Whether changes can flow from the shards to the source after an import, found before it begins.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// What the shard's server lacks, in sentences about it.
std::vector<std::string> find_publishing_obstacles(pqxx::transaction_base& shard);

/// What the source's server lacks to subscribe to so many shards.
std::vector<std::string> find_subscribing_obstacles(pqxx::transaction_base& source, const ShardMap& map);

/// Has the source's server itself connect to the shard, as a subscription would, and takes everything back;
/// what is wrong with that, or "".
std::string try_to_subscribe(pqxx::connection& source, const std::string& source_conninfo,
                             const std::string& shard_conninfo);

}  // namespace shardplex::operations
