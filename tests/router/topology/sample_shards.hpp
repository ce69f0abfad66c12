// Shards as the control thread knows them, without servers.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "router/topology/membership.hpp"

namespace shardplex::router {

/// Shards alpha (with a replica) and beta, and the table movies in a group of four slots: alpha's 0 and 1,
/// beta's 2 and 3.
inline std::shared_ptr<const ShardMap> sample_map() {
  const ShardId alpha{0}, beta{1};
  return std::make_shared<const ShardMap>(
      "movies", std::vector<Shard>{{"alpha", "host=a", {"host=a1"}}, {"beta", "host=b", {}}},
      std::vector<Group>{{"catalog", 4, HashStrategy{}, {alpha, alpha, beta, beta}}},
      std::vector<TablePlacement>{{"movies", false, GroupId{0}, "id"}}, std::vector<MapRelation>{});
}

inline const std::vector<MapRelation> sample_relations{{"sequel", "movies", {"id"}, "movies", {"id"}}};

/// The same map with relations.
inline std::shared_ptr<const ShardMap> related_map() {
  const auto map = sample_map();
  return std::make_shared<const ShardMap>(map->cluster(), map->shards(), map->groups(), map->tables(),
                                          sample_relations);
}

/// As if the server had just answered a probe: of this shard, at epoch 3 on timeline 1.
inline void answers(WatchedShard& shard, std::size_t server, bool in_recovery) {
  auto& probed = shard.servers[server];
  probed.probed = probed.settled = probed.up = true;
  auto& status = probed.status;
  status.in_recovery = status.receives_wal = in_recovery;
  status.timeline = 1;
  status.initialised = true;
  status.cluster = shard.map->cluster();
  status.shard = shard.name;
  status.epoch = Epoch{3};
}

inline void assess(WatchedShard& shard) {
  KnownTimeline newest;
  shard.assess_health(std::chrono::seconds(5), newest, true);
}

/// As if the shard's ownership report had been read: it owns these slots of the group, and no others.
inline void owns(WatchedShard& shard, const std::vector<std::size_t>& slots) {
  ShardOwnership report{.epoch = Epoch{3}, .groups = {{"catalog", {4, SlotState::absent}}}};
  for (const auto slot : slots) report.groups.at("catalog")[slot] = SlotState::owned;
  shard.take_report(std::move(report), 1);
}

/// The table movies, with a column `name` of the given type.
inline ShardCatalogue movies_with(const std::string& type_of_name) {
  Table movies;
  movies.name = "movies";
  movies.has_slot_column = true;
  movies.primary_key = {"id"};
  for (const auto& [name, type] :
       {std::pair<std::string, std::string>{"id", "int8"}, {"name", type_of_name}}) {
    Column column;
    column.name = name;
    column.type = column.type_name = type;
    column.type_schema = "pg_catalog";
    column.not_null = true;
    movies.columns.push_back(std::move(column));
  }
  return {.tables = {{"movies", movies}},
          .server_encoding = "UTF8",
          .default_collation = "C",
          .character_type = "C",
          .definitions = {}};
}

/// A shard of which everything has been read and nothing is wrong.
inline void is_well(WatchedShard& shard, const std::vector<std::size_t>& slots) {
  for (std::size_t server = 0; server < shard.servers.size(); ++server) answers(shard, server, server > 0);
  owns(shard, slots);
  shard.tables = movies_with("text");
  assess(shard);
}

/// The sample map's shards, both well.
inline Membership well_membership() {
  auto membership = membership_of(sample_map());
  is_well(*membership.shards[0], {0, 1});
  is_well(*membership.shards[1], {2, 3});
  return membership;
}

}  // namespace shardplex::router
