#include "router/topology/membership.hpp"

#include <algorithm>
#include <optional>

namespace shardplex::router {

Membership membership_of(std::shared_ptr<const ShardMap> map) {
  Membership membership;
  for (const auto& shard : map->shards())
    membership.shards.push_back(std::make_shared<WatchedShard>(shard, map));
  membership.map = std::move(map);
  return membership;
}

std::vector<ShardDirectory> directories_of(const Membership& membership) {
  std::vector<ShardDirectory> all;
  for (const auto& shard : membership.shards) all.push_back({shard->name, shard->directory});
  return all;
}

std::vector<std::pair<std::string, ShardCatalogue>> tables_of(const Membership& membership) {
  std::vector<std::pair<std::string, ShardCatalogue>> known;
  for (const auto& shard : membership.shards)
    if (shard->tables) known.emplace_back(shard->name, *shard->tables);
  return known;
}

Clock::time_point tables_seen(const Membership& membership) {
  std::optional<Clock::time_point> seen;
  for (const auto& shard : membership.shards)
    if (shard->best_server()) seen = std::min(seen.value_or(shard->tables_seen), shard->tables_seen);
  return seen.value_or(Clock::time_point{});
}

}  // namespace shardplex::router
