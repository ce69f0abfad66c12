#include "query/catalogue/view_relations.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>

#include "query/catalogue/relations.hpp"
#include "query/catalogue/view_columns.hpp"
#include "shard_map/map_schemas.hpp"

namespace shardplex {
namespace {

/// A column of a view, by its name there.
struct NamedColumn {
  std::string name;
  ShownColumn shown;
};

using ColumnsOfViews = std::map<std::string, std::vector<NamedColumn>>;

/// What all shards show alike. Views are defined alike on all, so their columns have the same numbers.
std::vector<std::optional<ShownColumn>> shown_on_all(
    const std::string& name, const std::vector<std::pair<std::string, ShardCatalogue>>& shards) {
  std::optional<std::vector<std::optional<ShownColumn>>> all;
  for (const auto& [shard, catalogue] : shards) {
    const auto view = catalogue.views.find(name);
    if (view == catalogue.views.end()) return {};
    auto shown = shown_columns(view->second, catalogue);
    if (!all) {
      all = std::move(shown);
      continue;
    }
    if (shown.size() != all->size()) return {};
    for (std::size_t at = 0; at < shown.size(); ++at) {
      auto& of_all = (*all)[at];
      if (!of_all) continue;
      if (!shown[at] || shown[at]->of != of_all->of) {
        of_all.reset();
        continue;
      }
      of_all->is_once = of_all->is_once && shown[at]->is_once && shown[at]->source == of_all->source;
    }
  }
  return all.value_or(std::vector<std::optional<ShownColumn>>());
}

ColumnsOfViews columns_of_views(const std::vector<std::pair<std::string, ShardCatalogue>>& shards,
                                const Catalogue& catalogue) {
  ColumnsOfViews all;
  const auto& views = shards.front().second.views;
  for (const auto& [name, table] : catalogue.tables) {
    const auto view = table.is_view() ? views.find(name) : views.end();
    if (view == views.end()) continue;
    const auto shown = shown_on_all(name, shards);
    for (std::size_t at = 0; at < shown.size(); ++at)
      if (const std::string& column = view->second.columns[at]; shown[at] && table.find_column(column))
        all[name].push_back({column, *shown[at]});
  }
  return all;
}

/// One end of a key.
struct KeyEnd {
  std::string name;  ///< the table, or a view that stands for it
  std::vector<std::string> columns;
  bool is_view = false;
  bool has_several = false;  ///< rows for one of the table
};

/// Each way in which the view shows these columns of the table.
void add_view_ends(const std::string& view, const std::vector<NamedColumn>& columns, const std::string& table,
                   const std::vector<std::string>& wanted, std::vector<KeyEnd>& ends) {
  std::vector<std::vector<const NamedColumn*>> ways(1);
  for (const auto& name : wanted) {
    std::vector<std::vector<const NamedColumn*>> longer;
    for (const auto& way : ways)
      for (const auto& column : columns) {
        if (column.shown.of.relation != table || column.shown.of.name != name) continue;
        longer.push_back(way);
        longer.back().push_back(&column);
      }
    ways = std::move(longer);
  }
  for (const auto& way : ways) {
    KeyEnd end{view, {}, true, false};
    for (const NamedColumn* column : way) {
      end.columns.push_back(column->name);
      if (!column->shown.is_once || column->shown.source != way.front()->shown.source) end.has_several = true;
    }
    ends.push_back(std::move(end));
  }
}

/// The table itself, and the views that stand for it.
std::vector<KeyEnd> ends_of(const std::string& table, const std::vector<std::string>& columns,
                            const ColumnsOfViews& views) {
  std::vector<KeyEnd> ends{{table, columns, false, false}};
  for (const auto& [view, shown] : views) add_view_ends(view, shown, table, columns, ends);
  return ends;
}

/// Of each table whose whole primary key the view shows, the first columns that have it.
std::vector<std::string> shown_primary_key(const std::vector<NamedColumn>& columns,
                                           const Catalogue& catalogue) {
  std::set<std::string> tables;
  for (const auto& column : columns) tables.insert(column.shown.of.relation);
  std::vector<std::string> all;
  for (const auto& name : tables) {
    const Table* table = catalogue.find(name);
    if (table == nullptr) continue;
    std::vector<std::string> key;
    for (const auto& wanted : table->primary_key) {
      const auto found = std::ranges::find_if(columns, [&](const NamedColumn& column) {
        return column.shown.of.relation == name && column.shown.of.name == wanted;
      });
      if (found != columns.end()) key.push_back(found->name);
    }
    if (key.size() == table->primary_key.size()) all.insert(all.end(), key.begin(), key.end());
  }
  return all;
}

/// The map's own keys, by the names that requests have for them.
std::vector<DeclaredKey> keys_by_names_of_requests(const ShardMap& map) {
  std::vector<DeclaredKey> keys;
  for (const auto& relation : map.relations())
    keys.push_back(
        {relation.table,
         {name_within_schema(relation), relation.columns, relation.foreign_table, relation.foreign_columns}});
  return keys;
}

}  // namespace

void add_shown_keys(const ShardMap& map, const std::vector<std::pair<std::string, ShardCatalogue>>& shards,
                    Catalogue& catalogue) {
  const auto views = columns_of_views(shards, catalogue);
  if (views.empty()) return;
  for (const auto& [name, columns] : views)
    catalogue.tables.at(name).shown_primary_key = shown_primary_key(columns, catalogue);
  for (const Relation& relation : relations_of_keys(catalogue, keys_by_names_of_requests(map))) {
    std::vector<std::string> columns, foreign_columns;
    for (const auto& [column, foreign_column] : relation.columns) {
      columns.push_back(column);
      foreign_columns.push_back(foreign_column);
    }
    const auto foreign_ends = ends_of(relation.foreign_table, foreign_columns, views);
    for (const auto& end : ends_of(relation.table, columns, views))
      for (const auto& foreign : foreign_ends) {
        if (!end.is_view && !foreign.is_view) continue;
        catalogue.tables.at(end.name).shown_keys.push_back(
            {{relation.constraint, end.columns, foreign.name, foreign.columns},
             relation.cardinality == Cardinality::one_to_one,
             end.has_several,
             foreign.has_several});
      }
  }
}

}  // namespace shardplex
