#include "query/plan/locality.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

const TablePlacement& placement(const ShardMap& map, std::string_view table) {
  const auto* found = map.find_placement(table);
  invariant(found != nullptr, "relations are of tables and views that the map has");
  return *found;
}

/// The columns that decide the slot, in an order that is the same for all tables of a group.
std::vector<std::string> deciding_columns(const ShardMap& map, const TablePlacement& table) {
  std::vector<std::string> columns = table.key.names();
  if (const auto* list = std::get_if<ListStrategy>(&map.group(*table.group).strategy))
    columns.push_back(list->column);
  return columns;
}

/// `columns` are those of rows of `from` and of `to` that are equal.
bool leads_to_own_shard(const ShardMap& map, std::string_view from, std::string_view to,
                        const std::vector<ColumnPair>& columns) {
  const auto &here = placement(map, from), &there = placement(map, to);
  if (there.reference) return true;
  if (here.reference || here.group != there.group) return false;
  const auto deciding_here = deciding_columns(map, here), deciding_there = deciding_columns(map, there);
  for (std::size_t i = 0; i < deciding_here.size(); ++i)
    if (std::ranges::find(columns, ColumnPair{deciding_here[i], deciding_there[i]}) == columns.end())
      return false;
  return true;
}

std::vector<ColumnPair> swapped(std::vector<ColumnPair> columns) {
  for (auto& pair : columns) std::swap(pair.column, pair.foreign_column);
  return columns;
}

}  // namespace

bool is_local(const Relation& relation, const ShardMap& map) {
  if (relation.function) return true;  // or it would not be served
  if (!relation.junction)
    return leads_to_own_shard(map, relation.table, relation.foreign_table, relation.columns);
  const auto& junction = *relation.junction;
  return leads_to_own_shard(map, relation.table, junction.table, junction.columns) &&
         is_local_to_junction(relation, map);
}

bool is_local_to_junction(const Relation& relation, const ShardMap& map) {
  const auto& junction = *relation.junction;
  return leads_to_own_shard(map, junction.table, relation.foreign_table, swapped(junction.foreign_columns));
}

bool is_wholly_local(const ResolvedEmbed& embed, const ShardMap& map) {
  return is_local(*embed.relation, map) &&
         std::ranges::all_of(embed.node.embeds,
                             [&](const ResolvedEmbed& below) { return is_wholly_local(below, map); });
}

std::vector<const ResolvedEmbed*> looked_up_embeds(const ResolvedNode& node, const ShardMap& map) {
  std::vector<const ResolvedEmbed*> out;
  for (const auto& embed : node.embeds)
    if (!is_wholly_local(embed, map)) out.push_back(&embed);
  return out;
}

}  // namespace shardplex
