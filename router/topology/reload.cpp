#include "router/topology/reload.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "router/log.hpp"
#include "shard_map/definitions.hpp"
#include "shard_map/map_schemas.hpp"
#include "shard_map/yaml_map.hpp"

namespace shardplex::router {
namespace {

/// True where an ownership report that was read for `old` says as much for `next`.
bool reports_hold(const ShardMap& old, const ShardMap& next) {
  return std::ranges::includes(definitions_of(old), definitions_of(next));
}

}  // namespace

std::variant<ShardMap, std::vector<std::string>> next_map(const Membership& current,
                                                          const ShardMap& written) {
  auto changed = differences(definitions_of(*current.map), definitions_of(written));
  if (!changed.empty()) return changed;
  std::vector<Shard> kept;
  for (auto& named : added_shards(written, directories_of(current)).shards)
    if (current.map->find_shard(named.shard.name)) kept.push_back(std::move(named.shard));
  return with_shards(written, kept);
}

Membership carry_over(const Membership& current, const std::shared_ptr<const ShardMap>& next) {
  auto membership = membership_of(next);
  membership.version = current.version + 1;
  const bool hold = reports_hold(*current.map, *next);
  const bool same_schemas = schemas_of(*current.map) == schemas_of(*next);
  for (const auto& shard : membership.shards)
    if (const auto known = current.map->find_shard(shard->name))
      shard->inherit(*current.shards[known->value], hold, same_schemas);
  return membership;
}

Membership without_removed(Membership next, std::size_t written) {
  const auto& all = next.map->shards();
  const auto end_of_written = static_cast<std::ptrdiff_t>(written);
  const ShardMap file(next.map->cluster(), {all.begin(), all.begin() + end_of_written}, next.map->groups(),
                      next.map->tables(), next.map->relations(), next.map->views(), next.map->functions());
  auto directories = directories_of(next);
  directories.resize(written);
  const auto named = added_shards(file, directories).shards;
  std::vector<Shard> kept;
  std::vector<WatchedShardPtr> watched(next.shards.begin(), next.shards.begin() + end_of_written);
  for (std::size_t i = written; i < all.size(); ++i) {
    const auto is_this = [&](const AddedShard& added) { return added.shard.name == all[i].name; };
    if (std::ranges::none_of(named, is_this)) continue;
    kept.push_back(all[i]);
    watched.push_back(next.shards[i]);
  }
  if (watched.size() == next.shards.size()) return next;
  next.map = std::make_shared<const ShardMap>(with_shards(file, kept));
  next.shards = std::move(watched);
  for (const auto& shard : next.shards) shard->map = next.map;
  return next;
}

Reload::Reload(std::string map_file, Metrics& metrics) : map_file_(std::move(map_file)), metrics_(metrics) {}

bool Reload::read(const Membership& current) {
  const auto written = read_shard_map_file(map_file_);
  if (const auto* problems = std::get_if<std::vector<MapProblem>>(&written)) {
    std::vector<std::string> texts;
    for (const auto& problem : *problems) texts.push_back(problem.to_string());
    refuse(texts);
    return false;
  }
  auto next = next_map(current, std::get<ShardMap>(written));
  if (const auto* problems = std::get_if<std::vector<std::string>>(&next)) {
    refuse(*problems);
    return false;
  }
  ++metrics_.map_reloads;
  log_info("shard map read", {{"file", map_file_}});
  written_ = std::get<ShardMap>(written).shards().size();
  next_ = carry_over(current, std::make_shared<const ShardMap>(std::get<ShardMap>(std::move(next))));
  return true;
}

void Reload::refuse(const std::vector<std::string>& problems) {
  ++metrics_.map_reload_failures;
  for (const auto& problem : problems)
    log_error("shard map refused, the old one goes on serving", {{"file", map_file_}, {"problem", problem}});
}

std::vector<WatchedShardPtr> Reload::shards() const {
  return next_ ? next_->shards : std::vector<WatchedShardPtr>{};
}

std::optional<Membership> Reload::take_settled() {
  if (!next_ || !std::ranges::all_of(next_->shards, &WatchedShard::settled)) return std::nullopt;
  return without_removed(*std::exchange(next_, std::nullopt), written_);
}

}  // namespace shardplex::router
