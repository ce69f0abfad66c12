// The directory of all servers of the cluster that every shard has (shardplex.shards): who knows one shard
// can find the others, those included that a map file does not have yet.
#pragma once

#include <cstddef>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Writes the addresses of the servers (without the user and whatever else says who connects) and the place
/// of every shard of the map into the directory of this one; the number of shards it did not have so. Shards
/// that the map does not have stay in it.
std::size_t write_directory(pqxx::transaction_base& transaction, const ShardMap& map);

/// Where the shard's directory and the map differ, a sentence each. Precondition: initialised.
std::vector<std::string> directory_differences(pqxx::transaction_base& transaction, const ShardMap& map);

/// Shards of the directory that the map does not have.
std::vector<std::string> shards_beyond(pqxx::transaction_base& transaction, const ShardMap& map);

}  // namespace shardplex::operations
