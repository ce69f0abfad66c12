// Every server of a map as it is found, and what each shard owns and holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operations/shard/server.hpp"
#include "shard_map/ownership.hpp"
#include "shard_map/shard_map.hpp"
#include "shard_schema/prepared_writes.hpp"

namespace shardplex::operations {

/// A table on one shard.
struct TableSize {
  std::string name;
  std::uint64_t rows = 0;
  bool exact = false;               ///< counted, not estimated by the last ANALYZE
  bool known = true;                ///< false: not analysed yet and not counted
  std::uint64_t bytes = 0;          ///< with indexes and TOAST
  std::uint64_t leftover_rows = 0;  ///< in slots that the shard does not own; exact
};

/// What a shard's primary says about its data.
struct ShardContent {
  ShardOwnership ownership;
  std::vector<TableSize> tables;
  std::vector<std::string> prepared;               ///< transactions of interrupted loads
  std::vector<WaitingPart> waiting_parts;          ///< of writes over several shards
  std::vector<std::string> directory_differences;  ///< between its directory of servers and the map
  bool has_ways_back = false;  ///< of moves that have this shard as their source, or of an import
  std::vector<std::string> problems;
};

struct Server {
  ShardId shard;
  bool configured_primary = false;
  std::string conninfo;
  std::optional<ServerState> state;  ///< nullopt: unreachable
  std::string problem;
  std::optional<ShardContent> content;  ///< of a primary of this cluster
};

std::string role_of(const Server& server);   ///< "primary", "replica" or "unknown"
std::string state_of(const Server& server);  ///< "up", "wrong" (there is a problem) or "unreachable"

/// WAL that a replica has not replayed of what the primary of its shard has written; nullopt where that is
/// unknown (nullptr: no primary was found) or the server is no replica.
std::optional<std::int64_t> lag_bytes(const Server& server, const Server* primary);

struct ClusterStatus {
  std::vector<Server> servers;
  std::vector<const Server*> primaries;  ///< by shard; nullptr where none was found
  std::vector<std::string> faults;
};

/// Asks all servers of the map at once. `exact`: rows are counted, not estimated. What cannot be read is a
/// problem or a fault in the status, never an exception.
ClusterStatus read_cluster_status(const ShardMap& map, bool exact);

}  // namespace shardplex::operations
