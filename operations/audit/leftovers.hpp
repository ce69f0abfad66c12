// What moves and loads that are over, or that nobody knows of, have left in the shards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operations/shard/move_entry.hpp"
#include "operations/shard/primary.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct Leftover {
  enum class Kind : std::uint8_t {
    subscription,
    publication,
    replication_slot,
    marker,
    move_row,          ///< on a target, of a move that its source does not know or has ended
    replica_identity,  ///< a table that logs whole rows for no move
    slots,             ///< incoming or moved, of no move
    prepared_load,     ///< decided or undecidable; loads under way are none
    prepared_write,    ///< a part of a write over several shards that no router has settled in time
  };
  Kind kind = Kind::subscription;
  ShardId shard;
  std::string name = {};      ///< of the object; of slots their group, of an identity its table
  std::string identity = {};  ///< replica_identity: what it was before: d, n, f, or i and an index's name
  std::string state = {};     ///< slots: incoming or moved
  SlotSet slots = SlotSet::none(1);
  std::uint64_t wal_bytes = 0;  ///< replication_slot: kept on disk for it
  std::string process = {};     ///< replication_slot: the process that uses it; empty where nobody does

  bool operator==(const Leftover& other) const {  // of two looks: WAL grows
    return kind == other.kind && shard == other.shard && name == other.name && state == other.state &&
           slots == other.slots;
  }
};

/// "replication slot shardplex_m3f09ab12_f keeps 1.5 MiB of WAL".
std::string to_string(const Leftover& leftover);

/// The statements that would remove it, for people.
std::string repair_of(const Leftover& leftover);

/// Looks at all shards. `connections`: to each shard's primary, in the order of the map. An object of a move
/// that has just begun or ended may be told: look again before it is called a problem.
std::vector<Leftover> find_leftovers(const ShardMap& map, const Connections& connections);

/// What is there at two looks with a pause between them.
std::vector<Leftover> find_lasting_leftovers(const ShardMap& map, const Connections& connections);

/// True where the move takes slots of the group to or from the shard.
bool takes_part(const MoveEntry& move, std::string_view group, std::string_view shard);

/// "REPLICA IDENTITY …" for an identity as Leftover has it.
std::string identity_clause(const std::string& identity);

}  // namespace shardplex::operations
