// Reads a server's role and its shard's account of what it owns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postgres/pool.hpp"
#include "shard_map/ownership.hpp"

namespace shardplex::postgres {

/// A row of a shard's directory of all shards, the table shardplex.shards.
struct ListedShard {
  std::int64_t position = 0;  ///< order in the cluster
  Shard shard;                ///< as it was written there: to be checked before it is used
};

/// One server, seen in two round trips.
struct ServerStatus {
  bool in_recovery = false;  ///< a replica
  std::int64_t timeline = 0;
  std::int64_t wal_lsn = 0;                  ///< primary: current write position; replica: last replayed
  std::optional<double> replay_lag_seconds;  ///< replica: age of the last replayed transaction, 0 when all
                                             ///< received WAL is replayed
  bool receives_wal = false;                 ///< replica: connected to a server it replicates from
  bool has_schema = false;                   ///< the schema shardplex exists and is initialised
  std::string cluster, shard;                ///< identity, as `cluster init` wrote it
  Epoch epoch;
  std::int64_t max_prepared_transactions = 0;
  std::vector<ListedShard> directory;  ///< by position; empty where the schema is older and has none
  bool directory_denied = false;       ///< this role may not read the directory
};

/// The slots of `map`'s groups, states by slot, and the epoch, in one snapshot. A shard whose rows were
/// placed by other definitions than the map's fails it (SQLSTATE 55000): they would be looked for in the
/// wrong slots.
Awaitable<Outcome<ShardOwnership>> read_ownership(Pool& pool, const ShardMap& map, Deadline deadline);

Awaitable<Outcome<ServerStatus>> read_status(Pool& pool, Deadline deadline);

/// The epoch alone, in one cheap round trip. Precondition: the server has the schema.
Awaitable<Outcome<Epoch>> read_epoch(Pool& pool, Deadline deadline);

}  // namespace shardplex::postgres
