// Views that show columns of one table as they are, and the tables of the movies API with keys between them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/query/fixtures.hpp"

namespace shardplex::fixtures {

/// A column of the view, and that of the table.
using ViewColumns = std::vector<std::pair<std::string, std::string>>;

/// SELECT these columns FROM the table, and its slot where it has one.
inline StoredView view_of_table(std::string name, const Table& table, ViewColumns columns) {
  StoredView view;
  view.table.name = std::move(name);
  view.table.kind = TableKind::view;
  view.table.has_slot_column = table.has_slot_column;
  view.reads = {table.name};
  view.definition = "SELECT …";
  ViewRelation relation;
  relation.kind = ViewRelation::Kind::stored;
  relation.name = table.name;
  for (const auto& column : table.columns) relation.columns.push_back(column.name);
  if (table.has_slot_column) {
    relation.columns.emplace_back(slot_column);
    columns.emplace_back(slot_column, slot_column);
  }
  ViewQuery query;
  for (const auto& [shown, of] : columns) {
    view.columns.push_back(shown);
    view.origins.emplace_back(StoredColumn{table.name, of});
    int number = 1;
    for (const auto& each : relation.columns)
      if (each == of)
        break;
      else
        ++number;
    query.columns.emplace_back(ViewColumn{0, 1, number});
    const Column* column = table.find_column(of);
    if (column == nullptr) continue;
    view.table.columns.push_back(*column);
    view.table.columns.back().name = shown;
    view.table.columns.back().not_null = false;
    view.table.columns.back().has_default = false;
  }
  query.relations.push_back(std::move(relation));
  query.from.parts.push_back({ViewFrom::Kind::relation, 1});
  view.query = std::move(query);
  return view;
}

inline Table related_movies() {
  Table table = movies();
  table.foreign_keys = {{"movies_genre_fkey", {"primary_genre"}, "genres", {"name"}}};
  return table;
}

inline Table related_ratings() {
  Table table = ratings();
  table.foreign_keys = {{"ratings_movie_fkey", {"movie_id"}, "movies", {"id"}}};
  return table;
}

/// The tables, and these views.
inline ShardCatalogue shard_with_views(const std::vector<StoredView>& views) {
  ShardCatalogue shard;
  for (const auto& table : {related_movies(), related_ratings(), genres()}) shard.tables[table.name] = table;
  for (const auto& view : views) shard.views[view.table.name] = view;
  shard.server_encoding = "UTF8";
  shard.default_collation = "C.UTF-8";
  return shard;
}

inline ShardMap hash_map_with_views(std::vector<TablePlacement> views) {
  const ShardMap map = hash_map();
  return ShardMap(map.cluster(), map.shards(), map.groups(), map.tables(), map.relations(), std::move(views));
}

}  // namespace shardplex::fixtures
