// Functions of a table's row, which requests name like columns: what shards serve of them together.
#pragma once

#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

/// A table or view as one shard has it.
struct TableOnShard {
  const std::string& shard;
  const Table* table;
};

/// The part of combine() that is about computed columns: sets those of `served`, which is the first shard's
/// table as far as the others have it too. A row's shard alone works out its value, so a function is served
/// where it depends on the row alone (IMMUTABLE), or where the map says that it may be worked out there
/// (TablePlacement::computed). One that is VOLATILE or returns a set is refused, and one that is not the same
/// on all shards carries the conflict. Nothing else is refused with it; the reason is a warning too.
/// `on_shards`: at least one, the first shard's first.
void combine_computed(const TablePlacement& placement, const std::vector<TableOnShard>& on_shards,
                      Table& served, std::vector<std::string>& warnings);

}  // namespace shardplex
