// The file of the shard map: read whole, and rewritten after slots have changed hands.
#pragma once

#include <string>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Reads a shard map; throws CommandFailed with every problem found, each prefixed by the file's name.
ShardMap load_shard_map(const std::string& file);

/// The table of the map; throws CommandFailed where there is none of that name.
const TablePlacement& table_of_map(const ShardMap& map, std::string_view name);

/// Makes the map file read as `wanted`, which differs from it in shards and placements only; its comments
/// stay where they can (shard_map/map_text.hpp), and the text before is kept as `path`.bak. Does nothing
/// where the file reads as wanted already.
///
/// There is a whole map at `path` at every moment, a power cut and a second process that rewrites it
/// included; a symbolic link stays one, and what it leads to is rewritten. Throws CommandFailed, with the
/// file as it was, where that cannot be done, or where it has another cluster, other groups, tables,
/// relations, views or functions than `wanted`.
void rewrite_map_file(const std::string& path, const ShardMap& wanted);

}  // namespace shardplex::operations
