#include "query/catalogue/catalogue_of_schema.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "query/catalogue/routed_table.hpp"
#include "shard_map/map_name.hpp"

namespace shardplex {
namespace {

/// The entries whose names are of the schema, by their name alone.
template <class Entries>
Entries entries_of_schema(const Entries& all, std::string_view schema) {
  Entries found;
  for (const auto& [name, entry] : all)
    if (const auto split = split_map_name(name); split.schema == schema)
      found.emplace(std::string(split.name), entry);
  return found;
}

Table table_in_schema(Table table, std::string_view name, std::string_view schema) {
  table.schema = schema;
  table.name = name;
  for (const ForeignKey& key : table.foreign_keys) {
    const auto there = split_map_name(key.foreign_table);
    if (there.schema == schema) continue;
    table.keys_to_other_schemas.push_back(key);
    table.keys_to_other_schemas.back().foreign_table =
        std::string(there.schema) + '.' + std::string(there.name);
  }
  std::erase_if(table.foreign_keys,
                [&](const ForeignKey& key) { return split_map_name(key.foreign_table).schema != schema; });
  for (ForeignKey& key : table.foreign_keys)
    key.foreign_table = std::string(split_map_name(key.foreign_table).name);
  std::erase_if(table.shown_keys, [&](const ShownKey& shown) {
    return split_map_name(shown.key.foreign_table).schema != schema;
  });
  for (ShownKey& shown : table.shown_keys)
    shown.key.foreign_table = std::string(split_map_name(shown.key.foreign_table).name);
  // What gives rows of another schema is no relation here; what is refused says why.
  std::erase_if(table.computed_relations, [&](const ComputedRelation& computed) {
    return !computed.foreign_table.empty() && split_map_name(computed.foreign_table).schema != schema;
  });
  for (ComputedRelation& computed : table.computed_relations)
    if (!computed.foreign_table.empty())
      computed.foreign_table = std::string(split_map_name(computed.foreign_table).name);
  return table;
}

bool rows_are_sharded(const std::string& name, const ShardMap& map) {
  const TablePlacement* placement = map.find_placement(name);
  return placement != nullptr && placement->group.has_value();
}

/// Rows of another schema's table are rows of these columns; which shards have them is for that table to say,
/// which nobody sees here.
void bring_into_schema(Function& function, const ShardMap& map, std::string_view schema) {
  const auto own = split_map_name(function.name);
  function.schema = schema;
  function.name = std::string(own.name);
  if (function.table.empty()) return;
  const auto table = split_map_name(function.table);
  if (table.schema == schema) {
    function.table = std::string(table.name);
    return;
  }
  if (rows_are_sharded(function.table, map)) function.rows_of_other_schema = function.table;
  function.table.clear();
}

}  // namespace

Catalogue catalogue_of_schema(const Catalogue& catalogue, const ShardMap& map, std::string_view schema) {
  Catalogue part;
  part.bytewise_default_collation = catalogue.bytewise_default_collation;
  part.one_default_collation = catalogue.one_default_collation;
  for (const auto& [name, table] : catalogue.tables)
    if (const auto split = split_map_name(name); split.schema == schema)
      part.tables.emplace(std::string(split.name), table_in_schema(table, split.name, schema));
  part.refused = entries_of_schema(catalogue.refused, schema);
  part.differing = entries_of_schema(catalogue.differing, schema);
  part.functions = entries_of_schema(catalogue.functions, schema);
  for (auto& [name, functions] : part.functions)
    for (Function& function : functions) bring_into_schema(function, map, schema);
  part.refused_functions = entries_of_schema(catalogue.refused_functions, schema);
  for (const auto& name : catalogue.undeclared_functions)
    if (const auto split = split_map_name(name); split.schema == schema)
      part.undeclared_functions.emplace_back(split.name);
  std::ranges::sort(part.undeclared_functions);
  for (const auto& placement : map.tables())
    if (const Table* table = placement.group ? catalogue.find(placement.name) : nullptr)
      part.key_types.emplace(map.group(*placement.group).name,
                             RoutedTable(*table, placement, map).key_types());
  return part;
}

}  // namespace shardplex
