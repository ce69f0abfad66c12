// Which server of a shard is its primary. Roles are found, not configured: after a failover the map names a
// dead server, or an old primary that came back.
#pragma once

#include <cstdint>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct PrimaryFound {
  std::unique_ptr<pqxx::connection> connection;
  std::string conninfo;  ///< as the map has it
  std::int64_t timeline = 0;
};

/// To the primary of each shard, in the order of the map.
using Connections = std::vector<std::unique_ptr<pqxx::connection>>;

/// Whether a database that `cluster init` has not been to may be taken for the shard.
enum class Uninitialised : bool { refused, allowed };

/// The server of the shard that is not in recovery and says that it is this shard; of several, the one on the
/// newest timeline. All servers are asked at once. Once one has answered as a primary the others have another
/// second, so a dead one holds nothing up for long; an old primary is taken only where the new one stays
/// silent for that second. Throws CommandFailed, naming each server and its reason, where there is none
/// within five seconds, where two differ in nothing that would tell which is the right one, or where servers
/// of other shards, asked for two seconds at most, know that it has been replaced (shardplex.timelines).
PrimaryFound find_primary(const ShardMap& map, const Shard& shard,
                          Uninitialised uninitialised = Uninitialised::refused);

/// The primaries of all shards, in the order of the map; found at the same time. Throws as above.
std::vector<PrimaryFound> find_primaries(const ShardMap& map);

}  // namespace shardplex::operations
