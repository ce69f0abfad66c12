// Rows that moves have left on a shard that does not own their slots, and how they go.
#pragma once

#include <cstdint>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/shard/primary.hpp"
#include "shard_map/ownership.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Rows of a table in slots that have no state on the shard.
struct StrayRows {
  ShardId shard;
  const TablePlacement* table = nullptr;
  std::uint64_t rows = 0;
  std::vector<std::int32_t> slots;
};

std::vector<StrayRows> find_stray_rows(pqxx::connection& connection, const ShardMap& map, ShardId shard);

/// "500 rows of movies are in slots 3, 7-9, which are not here".
std::string to_string(const StrayRows& stray);

/// Deletes those of the rows of which the owner of their slot has one of the same primary key, some at a
/// time. Returns how many were left, as they may be the only ones. `connections` and `ownership` are of all
/// shards.
std::uint64_t delete_stray_rows(const StrayRows& stray, const ShardMap& map, const Ownership& ownership,
                                const Connections& connections);

/// Deletes all rows of the group in these slots, some at a time, and forgets the slots. Precondition: they
/// are incoming or moved here, and another shard owns them.
void clear_slots(pqxx::connection& connection, const ShardMap& map, const Group& group, const SlotSet& slots);

}  // namespace shardplex::operations
