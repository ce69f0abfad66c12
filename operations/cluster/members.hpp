// Shards and replicas that leave a cluster, and replicas that come. Each changes the directories of all
// shards and the map file; routers take it over when they read the map again.
#pragma once

#include <string>

#include "operations/process/terminal.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Takes a shard out that owns nothing, the first one of the map like any other: what ids it has promised is
/// written down on the others, and it promises no more. Its data stays where it is. Safe to repeat. Throws
/// CommandFailed, with nothing changed, where it has slots, or a move or an import is not over.
void remove_shard(const std::string& map_file, const ShardMap& map, const std::string& name,
                  const Terminal& terminal);

/// Puts a server that is a replica of the shard's primary into the directories and the map file. Throws
/// CommandFailed where it is none.
void add_replica(const std::string& map_file, const ShardMap& map, const std::string& shard,
                 const std::string& conninfo, const Terminal& terminal);

/// Takes a server of the shard out, `server` being its host:port or its connection string. Throws
/// CommandFailed where it is the primary of the moment, or the shard has none: the server may be the only one
/// that has what was acknowledged. Other shards that have none are warned of.
void remove_replica(const std::string& map_file, const ShardMap& map, const std::string& shard,
                    const std::string& server, const Terminal& terminal);

}  // namespace shardplex::operations
