// Shards that the shards themselves name in their directories, and that the map does not have.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "postgres/ownership_reader.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::router {

/// What one shard of the map has in its directory.
struct ShardDirectory {
  std::string shard;
  std::vector<postgres::ListedShard> listed;
};

struct AddedShard {
  std::int64_t position = 0;
  Shard shard;
  std::string learned_from;  ///< the first shard that names it
  bool operator==(const AddedShard&) const;
};

struct AddedShards {
  std::vector<AddedShard> shards;  ///< by position, then by name; each name once
  /// Sentences about those that cannot be used. They never repeat any part of a connection string.
  std::vector<std::string> problems;
  std::map<std::string, std::string> ignored;  ///< the same by name: why
};

/// The shards that `directories` name beyond those of `map`, checked as a map file's are: their names, and
/// connection strings of one server each, without passwords, and of no server that another shard has. A
/// directory says where a server is and not who connects: their connection strings have all else from that of
/// the shard that names them, as the map has it.
AddedShards added_shards(const ShardMap& map, const std::vector<ShardDirectory>& directories);

/// `map` with further shards behind its own; placement stays.
ShardMap with_shards(const ShardMap& map, const std::vector<Shard>& added);

}  // namespace shardplex::router
