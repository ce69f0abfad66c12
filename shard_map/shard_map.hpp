// The shard map: who should own which slots, and where the servers are. An immutable value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shard_map/ids.hpp"
#include "shard_map/key.hpp"
#include "shard_map/key_names.hpp"
#include "shard_map/slot_set.hpp"

namespace shardplex {

/// Name of the column in which every row of a sharded table stores its slot. Clients never see it.
inline constexpr std::string_view slot_column = "shardplex_slot";

/// One PostgreSQL primary and its streaming replicas, by libpq connection strings (no passwords in them:
/// libpq takes those from PGPASSWORD, a passfile or a service file).
struct Shard {
  std::string name;
  std::string primary;
  std::vector<std::string> replicas;
};

/// slot = hash of the table's key.
struct HashStrategy {
  bool operator==(const HashStrategy&) const = default;
};

/// The value of `column` picks a list of slots; the hash of `spread_by` picks one slot of that list.
struct ListStrategy {
  std::string column;
  std::string spread_by;
  std::map<std::string, std::vector<Slot>, std::less<>> lists;  ///< value -> its slots, ascending
  std::vector<Slot> otherwise;                                  ///< values on no list, and null
  /// The slots of the list that holds `value` (nullopt is SQL null).
  const std::vector<Slot>& slots_of(std::optional<std::string_view> value) const;
  bool operator==(const ListStrategy&) const = default;
};

using Strategy = std::variant<HashStrategy, ListStrategy>;

/// Colocation group: tables partitioned by the same key over one slot space.
struct Group {
  std::string name;
  std::uint32_t slot_count = 1024;  ///< a power of two, 1..32768
  Strategy strategy;
  std::vector<ShardId> placement;  ///< slot -> the shard that should own it; size() == slot_count
};

/// Where the rows of one table live.
struct TablePlacement {
  std::string name;              ///< shard_map/map_name.hpp
  bool reference = false;        ///< a full copy on every shard
  std::optional<GroupId> group;  ///< set unless reference
  /// hash: the columns that are hashed together, as many in all tables of a group, where those at one place
  /// mean the same; list: spread_by alone; empty for reference.
  KeyNames key;
  /// Functions of a row, by their names alone, that the shard of the row can work out though they read
  /// tables: what they read is there.
  std::vector<std::string> computed = {};
  bool operator==(const TablePlacement&) const = default;
};

/// A foreign key that PostgreSQL does not keep, since what it leads to can be on another shard. Embeds follow
/// it all the same.
struct MapRelation {
  std::string name;  ///< stands for the constraint's
  std::string table;
  std::vector<std::string> columns;
  std::string foreign_table;
  std::vector<std::string> foreign_columns;  ///< as many, in their order
  bool operator==(const MapRelation&) const = default;
};

/// Which shards answer a call of the function of this name.
struct MapFunction {
  enum class Runs : std::uint8_t {
    any,  ///< one of them, whichever: it depends on reference tables or on none
    all,  ///< each, for the rows that it owns
    by,   ///< the one that owns the slot of an argument, or of several together
  };
  std::string name;  ///< shard_map/map_name.hpp
  Runs runs = Runs::any;
  KeyNames arguments = {};                      ///< of `by`: one for each column of the group's keys
  std::optional<GroupId> group = std::nullopt;  ///< of `by`: whose slots the arguments are hashed to
  bool operator==(const MapFunction&) const = default;
};

class ShardMap {
 public:
  ShardMap(std::string cluster, std::vector<Shard> shards, std::vector<Group> groups,
           std::vector<TablePlacement> tables, std::vector<MapRelation> relations,
           std::vector<TablePlacement> views = {}, std::vector<MapFunction> functions = {});

  const std::string& cluster() const { return cluster_; }
  const std::vector<Shard>& shards() const { return shards_; }
  const std::vector<Group>& groups() const { return groups_; }
  const std::vector<TablePlacement>& tables() const { return tables_; }
  const std::vector<MapRelation>& relations() const { return relations_; }
  /// Views and materialized views that are read. They are none of the tables: nothing is stored, moved or
  /// loaded by them.
  const std::vector<TablePlacement>& views() const { return views_; }
  const std::vector<MapFunction>& functions() const { return functions_; }

  const Shard& shard(ShardId id) const { return shards_[id.value]; }
  const Group& group(GroupId id) const { return groups_[id.value]; }
  std::optional<ShardId> find_shard(std::string_view name) const;
  std::optional<GroupId> find_group(std::string_view name) const;
  /// How many columns the keys of the group's tables have; 0 where it has no table.
  std::size_t key_columns_of(GroupId id) const;
  const TablePlacement* find_table(std::string_view name) const;  ///< nullptr where the map has no such table
  const TablePlacement* find_view(std::string_view name) const;   ///< nullptr where the map has no such view
  const TablePlacement* find_placement(std::string_view name) const;  ///< of a table or view, or nullptr
  const MapFunction* find_function(std::string_view name) const;      ///< nullptr where it is not declared

 private:
  std::string cluster_;
  std::vector<Shard> shards_;
  std::vector<Group> groups_;
  std::vector<TablePlacement> tables_;
  std::vector<MapRelation> relations_;
  std::vector<TablePlacement> views_;
  std::vector<MapFunction> functions_;
};

/// The slot of a row under `group`. `key` is the joined_bytes() of the hashed columns (hash: key; list:
/// spread_by); `list_value` is the list column's value (ignored under hash; nullopt is null).
Slot slot_of_row(const Group& group, std::string_view key, std::optional<std::string_view> list_value);

/// The slots in which rows with this key may be, whatever their list value: one under hash, one per list
/// under list (the lists' and `otherwise`'s).
SlotSet slots_of_key(const Group& group, std::string_view key);

/// The slots in which rows with this list value may be. Precondition: the group's strategy is list.
SlotSet slots_of_list_value(const Group& group, std::optional<std::string_view> value);

}  // namespace shardplex
