// What shardplex verify looks at, and how its parts reach it.
#pragma once

#include <string>
#include <vector>

#include "operations/audit/verify_findings.hpp"
#include "operations/compare/table_scan.hpp"
#include "operations/shard/move_entry.hpp"
#include "operations/shard/primary.hpp"
#include "shard_map/ownership.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Vectors of shards and groups are in the order of the map.
struct VerifyScope {
  const ShardMap& map;
  std::vector<std::string> primaries;         ///< connection string of each shard's primary
  std::vector<const TablePlacement*> tables;  ///< those that are verified
  std::vector<SlotSet> slots;                 ///< of each group
  int jobs = 1;                               ///< connections to each shard
  ScanWatch& watch;                           ///< how far the scans are
  Findings& findings;
};

/// The moves that are unfinished, as all shards tell; `shards` has a connection to each.
std::vector<MoveEntry> unfinished_moves(const VerifyScope& scope, const Connections& shards);

/// What all shards say they own.
Ownership read_all_ownership(const ShardMap& map, const Connections& shards);

/// The move that explains rows of the slot on a shard that does not own it, or nullptr.
const MoveEntry* move_of_slot(const std::vector<MoveEntry>& moves, const std::string& group,
                              const std::string& shard, Slot slot);

/// Rows on the wrong shard, in the wrong slot, and on two shards, of the sharded tables. Makes its own
/// connections.
void verify_rows(const VerifyScope& scope);

// The others may run at the same time; `shards` has a connection to each shard, for one of them at a time.

/// Owners of slots, and definitions.
void verify_ownership(const VerifyScope& scope, const Connections& shards);
/// Leftovers of moves and loads.
void verify_leftovers(const VerifyScope& scope, const Connections& shards);
/// Reference tables on all shards, and the copies that moves in their reverse window keep.
void verify_copies(const VerifyScope& scope, const Connections& shards);

}  // namespace shardplex::operations
