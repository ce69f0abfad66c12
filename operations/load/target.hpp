// What is loaded where: all that the threads of a load have to know, fixed before the first row is read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "operations/load/row.hpp"
#include "operations/shard/primary.hpp"
#include "shard_map/ownership.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Where a row goes.
struct RowPlace {
  ShardId shard;
  Slot slot;
  std::string key;  ///< joined_bytes()
};

/// A column of the shard key.
struct TargetKeyColumn {
  std::size_t index = 0;  ///< of RowColumns
  KeyType type = KeyType::integer;
  std::vector<std::string> labels = {};  ///< of an enum: those that rows are placed by
};

/// A sharded table: its key, and who owns its slots.
struct ShardedTarget {
  const Group* group = nullptr;
  GroupId group_id;
  Ownership ownership;
  std::vector<TargetKeyColumn> key = {};
  std::optional<std::size_t> list_column;  ///< under the list strategy
  bool generates_ids = false;              ///< a row without a key gets an id
  /// Rows of one key may go to several shards, and the key is to be unique: PostgreSQL cannot see to that.
  bool unique_over_lists = false;
  std::vector<std::string> new_list_labels = {};  ///< of a list column that is one: those that none is yet

  /// The row's place, or why it has none.
  std::variant<RowPlace, std::string> place(const Row& row, const RowColumns& columns) const;

 private:
  std::optional<std::string> list_value_problem(const Row& row, const RowColumns& columns) const;
};

struct LoadTarget {
  std::shared_ptr<const ShardMap> map;  ///< with each shard's primary of now in the first place
  std::vector<PrimaryFound> primaries;  ///< of the shards; without their connections
  Table table;
  RowColumns columns;
  std::optional<ShardedTarget> sharded;  ///< nullopt: a reference table, copied to every shard
};

/// Reads the table and the ownership from the shards' primaries, wherever the map names them, and checks that
/// rows can be placed: every shard made by the map's definitions, the table the same on all of them, every
/// slot of its group owned and none fenced. Throws CommandFailed with all problems.
LoadTarget find_load_target(const ShardMap& map, const TablePlacement& placement);

}  // namespace shardplex::operations
