// Reads a server's role and its shard's ownership report.
#pragma once

#include "postgres/pool.hpp"
#include "shard_map/ownership.hpp"
#include "shard_schema/server_status.hpp"

namespace shardplex::postgres {

using shardplex::ListedShard;
using shardplex::ServerStatus;

/// The slots of `map`'s groups, states by slot, and the epoch, in one snapshot. A shard whose rows were
/// placed by other definitions than the map's fails it (SQLSTATE 55000): they would be looked for in the
/// wrong slots. So does one with slots or states that cannot be understood.
Awaitable<Outcome<ShardOwnership>> read_ownership(Pool& pool, const ShardMap& map, Deadline deadline);

/// In two round trips.
Awaitable<Outcome<ServerStatus>> read_status(Pool& pool, Deadline deadline);

/// The epoch alone, in one cheap round trip. Precondition: the server has the schema.
Awaitable<Outcome<Epoch>> read_epoch(Pool& pool, Deadline deadline);

}  // namespace shardplex::postgres
