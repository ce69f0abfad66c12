#include "query/catalogue/view_problems.hpp"

#include <map>
#include <optional>
#include <set>
#include <string_view>

namespace shardplex {
namespace {

/// The view itself, or one that it reads, of which `is_it` is true; nullptr where there is none. PostgreSQL
/// lets no view read itself, so this ends.
template <class Predicate>
const StoredView* find_below(const StoredView& view, const ShardCatalogue& shard, Predicate is_it) {
  if (is_it(view)) return &view;
  for (const auto& name : view.reads)
    if (const auto below = shard.views.find(name); below != shard.views.end())
      if (const auto* found = find_below(below->second, shard, is_it)) return found;
  return nullptr;
}

void gather_tables(const StoredView& view, const ShardCatalogue& shard, std::set<std::string>& tables) {
  for (const auto& name : view.reads)
    if (const auto below = shard.views.find(name); below != shard.views.end())
      gather_tables(below->second, shard, tables);
    else
      tables.insert(name);
}

/// The tables that a view is made of in the end.
std::set<std::string> tables_of(const StoredView& view, const ShardCatalogue& shard) {
  std::set<std::string> tables;
  gather_tables(view, shard, tables);
  return tables;
}

/// The table's column that the view's is; nullopt where it is made of others, or nobody knows.
std::optional<ColumnOrigin> origin_of(const StoredView& view, std::string_view column,
                                      const ShardCatalogue& shard) {
  const auto found = view.origins.find(column);
  if (found == view.origins.end()) return std::nullopt;
  const auto below = shard.views.find(found->second.relation);
  if (below == shard.views.end()) return found->second;
  return origin_of(below->second, found->second.column, shard);
}

std::string is_read(const std::string& table) {
  return "it reads " + table + ", ";
}

void check_table(const std::string& name, const TablePlacement& view, const ShardMap& map,
                 const Catalogue& served, std::vector<std::string>& problems) {
  const TablePlacement* table = map.find_table(name);
  if (table == nullptr)
    problems.push_back(is_read(name) + "which is no table of the map");
  else if (!table->reference && view.reference)
    problems.push_back(is_read(name) + "which is no reference table, so no shard has all of its rows");
  else if (!table->reference && table->group != view.group)
    problems.push_back(is_read(name) + "which is not of group " + map.group(*view.group).name +
                       ", so its rows can be on other shards");
  else if (served.find(name) == nullptr)
    problems.push_back(is_read(name) + "which is not served");
}

/// The one table of the group whose slot, key and list the view shows.
void check_origins(const StoredView& view, const TablePlacement& placement, const ShardMap& map,
                   const ShardCatalogue& shard, std::vector<std::string>& problems) {
  const auto slot = origin_of(view, slot_column, shard);
  const TablePlacement* table = slot ? map.find_table(slot->relation) : nullptr;
  if (table == nullptr || table->group != placement.group || slot->column != slot_column) {
    problems.push_back("its column " + std::string(slot_column) +
                       " is not that of a table of the group as it is");
    return;
  }
  const auto check_column = [&](const std::string& name, const std::string& of_table) {
    if (view.table.find_column(name) == nullptr) return;  // told already
    if (const auto origin = origin_of(view, name, shard);
        !origin || origin->relation != table->name || origin->column != of_table)
      problems.push_back("its column " + name + " is not " + of_table + " of " + table->name +
                         " as it is, beside the slot of which it shows");
  };
  check_column(placement.key, table->key);
  if (const auto* list = std::get_if<ListStrategy>(&map.group(*placement.group).strategy))
    check_column(list->column, list->column);
}

}  // namespace

std::vector<std::string> view_problems(const StoredView& view, const TablePlacement& placement,
                                       const ShardMap& map, const ShardCatalogue& shard,
                                       const Catalogue& served) {
  std::vector<std::string> problems;
  if (const auto* empty = find_below(view, shard, [](const StoredView& v) { return !v.is_populated; }))
    problems.push_back("it has never been filled (REFRESH MATERIALIZED VIEW " + empty->table.name + ")");
  for (const auto& name : tables_of(view, shard)) check_table(name, placement, map, served, problems);
  if (placement.reference) return problems;
  if (const auto* found = find_below(view, shard, [](const StoredView& v) { return !v.across_rows.empty(); }))
    problems.push_back("its definition has " + found->across_rows +
                       ", which each shard would do for its own rows");
  if (view.table.has_slot_column) check_origins(view, placement, map, shard, problems);
  return problems;
}

bool keeps_rows(const StoredView& view, const ShardCatalogue& shard) {
  return find_below(view, shard, [](const StoredView& v) {
           return v.table.kind == TableKind::materialized_view;
         }) != nullptr;
}

std::vector<std::string> sharded_tables_of(const StoredView& view, const ShardMap& map,
                                           const ShardCatalogue& shard) {
  std::vector<std::string> sharded;
  for (const auto& name : tables_of(view, shard))
    if (const auto* table = map.find_table(name); table && table->group) sharded.push_back(name);
  return sharded;
}

}  // namespace shardplex
