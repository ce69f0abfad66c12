// What the workers route by: map, catalogue, ownership and the servers' health, immutable, swapped whole.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/server_pulse.hpp"
#include "query/catalogue/catalogue.hpp"
#include "query/catalogue/relations.hpp"
#include "shard_map/ownership.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::router {

/// One PostgreSQL server as last seen.
struct ServerState {
  std::string name;      ///< "alpha" as configured for the primary, "alpha-1" for its first replica
  std::string conninfo;  ///< key of the worker's pool; never logged
  std::string address;   ///< host:port, for people
  std::shared_ptr<postgres::ServerPulse> pulse;  ///< beaten by the workers' pools
  bool up = false;
  bool hangs = false;     ///< it is not up since it did not answer in time
  bool writable = false;  ///< not in recovery, and the right shard
  bool readable = false;  ///< up, the right shard, and not behind: its lag is within bounds
  std::string problem;    ///< why it is not used; empty where it is
  std::int64_t timeline = 0;
  std::int64_t ruling = 0;  ///< of an operator on the timeline, as far as the server has it
  std::int64_t wal_lsn = 0;
  std::optional<double> lag_seconds;  ///< replicas
  Epoch epoch;
};

struct ShardState {
  std::vector<ServerState> servers;    ///< the configured primary first
  std::optional<std::size_t> primary;  ///< index into servers of the one that takes writes
};

/// What requests that name a schema see: everything by its name alone, and nothing of other schemas. Groups
/// and shards have the numbers that they have in the whole map.
struct ExposedSchema {
  std::string name;
  std::shared_ptr<const ShardMap> map;
  std::shared_ptr<const Catalogue> catalogue;  ///< null until the first shard has answered
  std::shared_ptr<const Relations> relations;  ///< between the catalogue's tables
};

struct Snapshot {
  std::uint64_t version = 0;      ///< grows with every change of how requests are routed
  std::uint64_t map_version = 0;  ///< grows with every map read and every shard added
  std::shared_ptr<const ShardMap> map;
  std::shared_ptr<const Catalogue> catalogue;  ///< null until the first shard has answered
  std::vector<ExposedSchema> schemas;          ///< those of map and catalogue that clients may name
  std::shared_ptr<const Ownership> ownership;
  std::vector<ShardState> shards;  ///< by ShardId
  /// Each shard of which a server answers has said since then that its tables are those of the catalogue.
  Clock::time_point tables_seen{};
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

/// Makes the schemas of these names out of map and catalogue; those of `before` (may be null) where it has
/// the same map and catalogue.
void expose_schemas(Snapshot& snapshot, const std::vector<std::string>& names, const Snapshot* before);

/// The schema of this name; nullptr where it is not exposed. Lifetime: the snapshot's.
const ExposedSchema* find_schema(const Snapshot& snapshot, std::string_view name);

/// True where requests are routed alike by both: same map, catalogue, ownership and usable servers.
bool routes_alike(const Snapshot& a, const Snapshot& b);

/// "host:port" of a libpq connection string; never a password. "?" where the string cannot be read.
std::string address_of(const std::string& conninfo);

}  // namespace shardplex::router
