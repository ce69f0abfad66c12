// The shards in use: the map and what is known of each of its shards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "router/topology/added_shards.hpp"
#include "router/topology/watched_shard.hpp"

namespace shardplex::router {

struct Membership {
  std::shared_ptr<const ShardMap> map;
  std::uint64_t version = 1;            ///< grows with every map read and every shard added
  std::vector<WatchedShardPtr> shards;  ///< by ShardId
};

/// The map's shards, none of them probed yet.
Membership membership_of(std::shared_ptr<const ShardMap> map);

/// What each shard has in its directory.
std::vector<ShardDirectory> directories_of(const Membership& membership);

/// The tables of the shards that were asked for them, by shard name.
std::vector<std::pair<std::string, ShardCatalogue>> tables_of(const Membership& membership);

/// Snapshot::tables_seen.
Clock::time_point tables_seen(const Membership& membership);

}  // namespace shardplex::router
