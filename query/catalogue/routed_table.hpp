// A table together with where its rows live: what planning and routing always need of it at once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "shard_map/contains_name.hpp"
#include "shard_map/invariant.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

/// Lifetime: refers to the table, its placement and the map. Precondition: the placement is the table's in
/// the map.
class RoutedTable {
 public:
  RoutedTable(const Table& table, const TablePlacement& placement, const ShardMap& map)
      : table_(&table), placement_(&placement), map_(&map) {}

  const Table& table() const { return *table_; }
  const ShardMap& map() const { return *map_; }

  /// The group whose slots hold the rows; nullopt and nullptr for a reference table.
  std::optional<GroupId> group_id() const { return placement_->group; }
  const Group* group() const { return placement_->group ? &map_->group(*placement_->group) : nullptr; }

  /// The group's list strategy; nullptr under hash and for a reference table.
  const ListStrategy* list() const {
    return placement_->group ? std::get_if<ListStrategy>(&group()->strategy) : nullptr;
  }
  bool is_hashed() const {
    return placement_->group && std::holds_alternative<HashStrategy>(group()->strategy);
  }

  /// The columns that are hashed; none for a reference table. Under list there is one.
  const KeyNames& key() const { return placement_->key; }

  /// The columns that decide a row's slot: those of the key; under list the list's column after them; none
  /// for a reference table.
  std::vector<std::string> routing_columns() const {
    if (!placement_->group) return {};
    std::vector<std::string> columns = key().names();
    if (const auto* strategy = list()) columns.push_back(strategy->column);
    return columns;
  }

  /// A column that has to be there.
  const Column& column(std::string_view name) const {
    const Column* found = table_->find_column(name);
    invariant(found != nullptr, "a served table has the columns its placement and its plans name");
    return *found;
  }
  /// What the columns of the key are hashed as.
  std::vector<KeyType> key_types() const {
    auto types = types_of_key(*table_, key());
    invariant(types.has_value(), "a served table's key is of key types");
    return *std::move(types);
  }

  /// The primary key of the table that has the rows, by its own names.
  const std::vector<std::string>& stored_primary_key() const {
    return table_->written ? table_->written->primary_key : table_->primary_key;
  }
  /// True where a row that comes without its key can be given one, as the key is the whole primary key.
  bool gives_keys() const {
    const KeyNames& stored = table_->written ? table_->written->key : key();
    return placement_->group && stored.size() == 1 && stored_primary_key() == stored.names();
  }

  /// True where the column is part of the primary key.
  bool in_primary_key(std::string_view name) const { return contains_name(table_->primary_key, name); }

 private:
  const Table* table_;
  const TablePlacement* placement_;
  const ShardMap* map_;
};

}  // namespace shardplex
