// Finds the primaries of shards, wherever the map names them, and connects to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"
#include "shard_schema/primary_choice.hpp"

namespace shardplex::operations {

struct PrimaryFound {
  std::unique_ptr<pqxx::connection> connection;
  std::string conninfo;  ///< as the map has it
  std::int64_t timeline = 0;
  /// How many of the shard's other servers said that they are replicas of it and receive WAL.
  std::size_t followers = 0;
};

/// To the primary of each shard, in the order of the map.
using Connections = std::vector<std::unique_ptr<pqxx::connection>>;

/// The primary of the shard, by choose_primary(), the rule that routers go by. All servers of the shard are
/// asked at once, and those of the other shards of the map for what they have noted of it. Once one has
/// answered as a primary the others of the shard have another second, and those of other shards have two
/// seconds in all, so a dead one holds nothing up for long; an old primary is taken only where the new one
/// stays silent for that time, and no shard that answers has noted it. Throws CommandFailed, naming each
/// server and its reason, where there is none within five seconds.
PrimaryFound find_primary(const ShardMap& map, const Shard& shard,
                          Uninitialised uninitialised = Uninitialised::refused);

/// The primaries of all shards, in the order of the map; found at the same time. Throws as above, with the
/// problems of all.
std::vector<PrimaryFound> find_primaries(const ShardMap& map);

/// A shard's primary, or why there is none, which names the shard.
struct PrimaryOrProblem {
  std::optional<PrimaryFound> found = std::nullopt;
  std::string problem = {};
};

/// As find_primaries(), for what tells of a cluster of which a part is away.
std::vector<PrimaryOrProblem> find_primaries_there(const ShardMap& map);

/// The map with each shard's primary in the first place; `found` is by shard. What looks a server up by the
/// map from then on reaches the primary of now.
ShardMap with_primaries(const ShardMap& map, const std::vector<PrimaryFound>& found);

/// What has become of primaries, in sentences.
struct PrimariesSince {
  std::vector<std::string> replaced;  ///< they are not written to any more
  /// They do not answer, and nobody knows of a successor; by the shard's name.
  std::map<std::string, std::string> silent;
};

/// Asks all servers again; `found` is by shard.
PrimariesSince primaries_since(const ShardMap& map, const std::vector<PrimaryFound>& found);

}  // namespace shardplex::operations
