// The shard map by schema: who asks for tables of one schema sees no others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex {

/// public alone: the schema of maps that name no other.
const std::vector<std::string>& only_plain_schema();

/// public, and those of the map's other tables, views and functions, in the order of their names.
std::vector<std::string> schemas_of(const ShardMap& map);

/// True where all tables, views and functions are in the schema public.
bool has_one_schema(const ShardMap& map);

/// What the schema calls a relation of its tables. It stands for a constraint, whose name has no schema; one
/// of another schema than public may have the schema before it, since names of the map are different.
std::string name_within_schema(const MapRelation& relation);

/// The map as it were if its database had this schema alone: tables, views and functions of the schema, by
/// their name alone, and the relations between its tables. Shards and groups are the map's, so that their
/// numbers are.
ShardMap map_of_schema(const ShardMap& map, std::string_view schema);

}  // namespace shardplex
