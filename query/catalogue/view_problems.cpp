#include "query/catalogue/view_problems.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <variant>

#include "query/catalogue/view_slots.hpp"
#include "shard_map/joined.hpp"

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

void gather_functions(const StoredView& view, const ShardCatalogue& shard, std::set<std::string>& functions) {
  functions.insert(view.functions.begin(), view.functions.end());
  for (const auto& name : view.reads)
    if (const auto below = shard.views.find(name); below != shard.views.end())
      gather_functions(below->second, shard, functions);
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

/// Citext takes for equal what text does not, and a view can show a column of it as text: its rows would be
/// looked for where none with this text was placed.
void check_key_type(const StoredView& view, const TablePlacement& placement, const ShardMap& map,
                    const ShardCatalogue& shard, std::vector<std::string>& problems) {
  const auto& names = placement.key.names();
  for (std::size_t place = 0; place < names.size(); ++place) {
    const Column* column = view.table.find_column(names[place]);
    const auto type = column ? key_type(*column) : std::nullopt;
    if (type != KeyType::text && type != KeyType::character) continue;
    for (const auto& name : tables_read_by(view, shard)) {
      const TablePlacement* below = map.find_table(name);
      const auto table = shard.tables.find(name);
      if (below == nullptr || below->reference || table == shard.tables.end()) continue;
      if (below->key.size() != names.size()) continue;
      const Column* key = table->second.find_column(below->key.names()[place]);
      if (key != nullptr && key_type(*key) == KeyType::citext)
        problems.push_back("its column " + column->name + " is " + column->type + ", and the shard key of " +
                           name + " is " + key->type + ", of which other values are equal");
    }
  }
}

/// Its columns that say where a row is. A key that is not there is told already.
void check_columns(const StoredView& view, const TablePlacement& placement, const ShardMap& map,
                   const ViewSlots& slots, std::vector<std::string>& problems) {
  const auto number_of = [&](std::string_view name) {
    const auto found = std::ranges::find(view.columns, name);
    return found == view.columns.end() ? 0 : static_cast<int>(found - view.columns.begin()) + 1;
  };
  if (!slots.slot.contains(number_of(slot_column))) {
    problems.push_back("its column " + std::string(slot_column) +
                       " is not that of a table of the group as it is, in each of its rows");
    return;
  }
  std::vector<std::string> deciding = placement.key.names();
  const auto* list = std::get_if<ListStrategy>(&map.group(*placement.group).strategy);
  if (list != nullptr) deciding.push_back(list->column);
  const auto shows = [&](const std::vector<std::set<int>>& key) {
    for (std::size_t i = 0; i < deciding.size(); ++i)
      if (view.table.find_column(deciding[i]) && !key.at(i).contains(number_of(deciding[i]))) return false;
    return true;
  };
  if (std::ranges::any_of(slots.keys, shows)) return;
  const auto of_tables = " of " + joined(slots.tables, " and ") + " as ";
  problems.push_back(deciding.size() == 1
                         ? "its column " + deciding[0] + " is not the shard key" + of_tables + "it is"
                         : "its columns " + joined(deciding, " and ") + " are not the shard key" +
                               (list != nullptr ? " and the list column" : "") + of_tables + "they are");
}

}  // namespace

std::set<std::string> tables_read_by(const StoredView& view, const ShardCatalogue& shard) {
  std::set<std::string> tables;
  gather_tables(view, shard, tables);
  return tables;
}

std::vector<std::string> view_problems(const StoredView& view, const TablePlacement& placement,
                                       const ShardMap& map, const ShardCatalogue& shard,
                                       const Catalogue& served) {
  std::vector<std::string> problems;
  if (const auto* empty = find_below(view, shard, [](const StoredView& v) { return !v.is_populated; }))
    problems.push_back("it has never been filled (REFRESH MATERIALIZED VIEW " + empty->table.name + ")");
  const auto beside_tables = problems.size();
  for (const auto& name : tables_read_by(view, shard)) check_table(name, placement, map, served, problems);
  const bool are_of_group = problems.size() == beside_tables;
  std::set<std::string> functions;
  gather_functions(view, shard, functions);
  for (const auto& name : functions)
    problems.push_back("it calls " + name + ", which is volatile or may read tables, on each shard its own");
  // That a slot is missing is told already.
  if (placement.reference || !view.table.has_slot_column || !are_of_group) return problems;
  auto slots = view_slots(view, map, shard);
  const bool is_proven = slots.problems.empty();
  std::ranges::move(slots.problems, std::back_inserter(problems));
  if (is_proven) check_columns(view, placement, map, slots, problems);
  check_key_type(view, placement, map, shard, problems);
  return problems;
}

bool keeps_rows(const StoredView& view, const ShardCatalogue& shard) {
  return find_below(view, shard, [](const StoredView& v) {
           return v.table.kind == TableKind::materialized_view;
         }) != nullptr;
}

}  // namespace shardplex
