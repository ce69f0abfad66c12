#include "shard_map/map_schemas.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "shard_map/map_name.hpp"

namespace shardplex {
namespace {

/// Those of the schema, by their name alone.
template <class Named>
std::vector<Named> in_schema(const std::vector<Named>& all, std::string_view schema) {
  std::vector<Named> found;
  for (const Named& named : all) {
    const auto split = split_map_name(named.name);
    if (split.schema != schema) continue;
    found.push_back(named);
    found.back().name = std::string(split.name);
  }
  return found;
}

std::vector<MapRelation> relations_in_schema(const std::vector<MapRelation>& all, std::string_view schema) {
  std::vector<MapRelation> found;
  for (const MapRelation& relation : all) {
    const auto table = split_map_name(relation.table), foreign = split_map_name(relation.foreign_table);
    if (table.schema != schema || foreign.schema != schema) continue;
    MapRelation& own = found.emplace_back(relation);
    own.table = std::string(table.name);
    own.foreign_table = std::string(foreign.name);
    own.name = name_within_schema(relation);
  }
  return found;
}

}  // namespace

const std::vector<std::string>& only_plain_schema() {
  static const std::vector<std::string> schemas{std::string(plain_schema)};
  return schemas;
}

std::string name_within_schema(const MapRelation& relation) {
  const auto schema = split_map_name(relation.table).schema;
  const auto prefix = std::string(schema) + '.';
  if (schema == plain_schema || !relation.name.starts_with(prefix)) return relation.name;
  return relation.name.substr(prefix.size());
}

std::vector<std::string> schemas_of(const ShardMap& map) {
  std::set<std::string> schemas{std::string(plain_schema)};
  const auto add = [&](const auto& all) {
    for (const auto& named : all) schemas.emplace(split_map_name(named.name).schema);
  };
  add(map.tables());
  add(map.views());
  add(map.functions());
  return {schemas.begin(), schemas.end()};
}

bool has_one_schema(const ShardMap& map) {
  return schemas_of(map) == only_plain_schema();
}

ShardMap map_of_schema(const ShardMap& map, std::string_view schema) {
  return ShardMap(map.cluster(), map.shards(), map.groups(), in_schema(map.tables(), schema),
                  relations_in_schema(map.relations(), schema), in_schema(map.views(), schema),
                  in_schema(map.functions(), schema));
}

}  // namespace shardplex
