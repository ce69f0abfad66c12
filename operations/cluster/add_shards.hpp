// New shards for a cluster: their tables, their copies of the reference tables, their place in the map.
#pragma once

#include <string>
#include <vector>

#include "operations/process/terminal.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Makes each of `added` a shard that owns nothing yet, and returns the map that has them: the tables that
/// are missing (by pg_dump from the first shard), the rows of the reference tables, the schema shardplex,
/// roles and grants as on the first shard, their entry in every shard's directory, by which routers learn of
/// them, and in the map file. Safe to repeat. Throws CommandFailed.
ShardMap add_shards(const std::string& map_file, const ShardMap& map, const std::vector<Shard>& added,
                    const Terminal& terminal);

/// Gives a shard of the map the roles, grants and default privileges of the first. Safe to repeat. Throws
/// CommandFailed where something differs that only a person should change, and where it is the first itself.
void make_access_rights_alike(const ShardMap& map, const Shard& shard, const Terminal& terminal);

}  // namespace shardplex::operations
