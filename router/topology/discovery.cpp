#include "router/topology/discovery.hpp"

#include <algorithm>
#include <utility>

namespace shardplex::router {

std::optional<std::string> obstacle_to_joining(const Membership& membership, const Catalogue& served,
                                               const JoiningShard& joining) {
  const auto& shard = *joining.shard;
  if (!shard.state.primary || !shard.ownership || !shard.tables)
    return shard.failure.empty() ? shard.state.servers.front().problem : shard.failure;
  std::vector<std::pair<std::string, ShardCatalogue>> tables{{shard.name, *shard.tables}};
  for (auto& known : tables_of(membership)) tables.push_back(std::move(known));
  const auto with_it = combine(with_shards(*membership.map, {joining.added.shard}), tables);
  // Views are refused by themselves: no slot waits for them.
  const auto is_table = [&](const std::string& name) { return membership.map->find_table(name) != nullptr; };
  for (const auto& [table, reason] : with_it.refused)
    if (is_table(table) && !served.refused.contains(table)) return "table " + table + ": " + reason;
  for (const auto& [table, difference] : with_it.differing)
    if (is_table(table) && !served.not_alike(table)) return "table " + table + ": " + difference;
  return std::nullopt;
}

Membership with_joined(Membership membership, const std::vector<JoiningShard>& joined) {
  std::vector<Shard> added;
  for (const auto& [is_added, shard] : joined) {
    added.push_back(is_added.shard);
    membership.shards.push_back(shard);
  }
  membership.map = std::make_shared<const ShardMap>(with_shards(*membership.map, added));
  for (const auto& shard : membership.shards) shard->map = membership.map;
  ++membership.version;
  return membership;
}

Discovery::Found Discovery::update(const Membership& membership) {
  auto listed = added_shards(*membership.map, directories_of(membership));
  for (const auto& problem : listed.problems) warn_once_(problem);
  ignored_ = std::move(listed.ignored);
  Found found;
  std::erase_if(joining_, [&](const JoiningShard& joining) {
    const bool still_named = std::ranges::count(listed.shards, joining.added) > 0;
    if (!still_named) {
      found.dropped.push_back(joining.shard);
      obstacles_.erase(joining.shard->name);
    }
    return !still_named;
  });
  for (auto& added : listed.shards) {
    if (std::ranges::count(joining_, added, &JoiningShard::added) > 0) continue;
    auto shard = std::make_shared<WatchedShard>(added.shard, membership.map);
    found.named.push_back(shard);
    joining_.push_back({std::move(added), std::move(shard)});
  }
  return found;
}

/// Each one that is ready counts for those after it: their tables have to agree with its tables too.
std::vector<JoiningShard> Discovery::take_ready(Membership membership, const Catalogue& served) {
  std::vector<JoiningShard> ready;
  std::erase_if(joining_, [&](const JoiningShard& joining) {
    if (!joining.shard->settled()) return false;
    if (const auto reason = obstacle_to_joining(membership, served, joining)) {
      warn_once_("added shard " + joining.shard->name + " cannot be used yet: " + *reason);
      obstacles_[joining.shard->name] = *reason;
      return false;
    }
    membership.shards.push_back(joining.shard);
    ready.push_back(joining);
    return true;
  });
  return ready;
}

std::map<std::string, std::string> Discovery::not_joined() const {
  auto reasons = ignored_;
  for (const auto& joining : joining_) {
    const auto known = obstacles_.find(joining.shard->name);
    reasons[joining.shard->name] =
        known == obstacles_.end() || known->second.empty() ? "it has not been read yet" : known->second;
  }
  return reasons;
}

std::vector<WatchedShardPtr> Discovery::forget() {
  obstacles_.clear();
  ignored_.clear();
  std::vector<WatchedShardPtr> left;
  for (auto& joining : std::exchange(joining_, {})) left.push_back(std::move(joining.shard));
  return left;
}

}  // namespace shardplex::router
