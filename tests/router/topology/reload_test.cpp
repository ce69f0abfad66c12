#include "router/topology/reload.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "router/topology/discovery.hpp"
#include "tests/router/topology/map_file.hpp"
#include "tests/router/topology/sample_shards.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

using Problems = std::vector<std::string>;

/// The sample map with other shards and slot count.
ShardMap written(std::vector<Shard> shards, std::uint32_t slots = 4) {
  const auto sample = sample_map();
  return {sample->cluster(),
          std::move(shards),
          {{"catalog", slots, HashStrategy{}, std::vector<ShardId>(slots, ShardId{0})}},
          sample->tables(),
          sample->relations(),
          sample->views(),
          sample->functions()};
}

const std::vector<Shard> sample_shards = sample_map()->shards();

std::vector<std::string> names(const ShardMap& map) {
  std::vector<std::string> out;
  for (const auto& shard : map.shards()) out.push_back(shard.name);
  return out;
}

constexpr auto alpha = "primary: host=a, replicas: [host=a1]";

}  // namespace

TEST_CASE("servers, shards and placement may change in a map that is read again") {
  const auto next =
      next_map(well_membership(), written({{"alpha", "host=other", {}}, {"zeta", "host=z", {}}}));
  REQUIRE(std::holds_alternative<ShardMap>(next));
  CHECK(names(std::get<ShardMap>(next)) == std::vector<std::string>{"alpha", "zeta"});
}

TEST_CASE("relations of a map that is read again are its own, with and without shards that joined") {
  const Shard gamma{"gamma", "host=c", {}};
  auto current = well_membership();
  const auto relations_after = [&] {
    return std::get<ShardMap>(next_map(current, *related_map())).relations();
  };
  CHECK(relations_after() == sample_relations);
  current = with_joined(std::move(current),
                        {{{2, gamma, "alpha"}, std::make_shared<WatchedShard>(gamma, sample_map())}});
  current.shards[0]->directory = {{2, gamma}};
  CHECK(relations_after() == sample_relations);
  current.map = related_map();
  CHECK(std::get<ShardMap>(next_map(current, *sample_map())).relations().empty());
}

TEST_CASE("a map that a shard is left out of keeps its relations") {
  const Shard gamma{"gamma", "host=c", {}};
  auto current = well_membership();
  current.map = related_map();
  current = with_joined(std::move(current),
                        {{{2, gamma, "alpha"}, std::make_shared<WatchedShard>(gamma, related_map())}});
  const auto next = without_removed(std::move(current), 2);
  CHECK(names(*next.map) == std::vector<std::string>{"alpha", "beta"});
  CHECK(next.map->relations() == sample_relations);
}

TEST_CASE("how keys become slots may not change, and each difference is named") {
  const auto next = next_map(well_membership(), written(sample_shards, 8));
  REQUIRE(std::holds_alternative<Problems>(next));
  REQUIRE(std::get<Problems>(next).size() == 1);
  CHECK(std::get<Problems>(next).front().find("catalog") != std::string::npos);
}

TEST_CASE("a shard in use that the file does not have stays as long as a directory names it") {
  const Shard gamma{"gamma", "host=c", {}}, delta{"delta", "host=d", {}};
  auto current = with_joined(well_membership(),
                             {{{2, gamma, "alpha"}, std::make_shared<WatchedShard>(gamma, sample_map())}});
  const auto names_after = [&] {
    return names(std::get<ShardMap>(next_map(current, written(sample_shards))));
  };
  CHECK(names_after() == std::vector<std::string>{"alpha", "beta"});
  current.shards[0]->directory = {{2, gamma}, {3, delta}};
  CHECK(names_after() == std::vector<std::string>{"alpha", "beta", "gamma"});  // delta has not joined yet
}

TEST_CASE("what was known of a shard goes along under another map, but its servers are probed anew") {
  const auto current = well_membership();
  current.shards[0]->directory = {{2, {"gamma", "host=c", {}}}};
  current.shards[0]->tables_fingerprint = "as they were";
  REQUIRE(current.shards[0]->tables);
  const auto next =
      std::make_shared<const ShardMap>(written({{"beta", "host=b", {}}, {"alpha", "host=a", {}}}));
  const auto after = carry_over(current, next);
  CHECK(after.map == next);
  CHECK(after.version == 2);
  REQUIRE(after.shards.size() == 2);
  const auto& same = *after.shards[1];
  CHECK(same.name == "alpha");
  CHECK(same.epoch == Epoch{3});
  CHECK(same.timeline == 1);
  CHECK(same.directory.size() == 1);
  REQUIRE(same.ownership);
  CHECK(same.ownership->groups.at("catalog")[1] == SlotState::owned);
  CHECK_FALSE(same.settled());
  CHECK(same.tables == current.shards[0]->tables);
  CHECK(same.tables_fingerprint == "as they were");
  CHECK_FALSE(same.state.primary);
}

TEST_CASE("an ownership report is read anew where the map has groups that it was not read for") {
  const auto current = well_membership();
  const auto sample = sample_map();
  auto groups = sample->groups();
  groups.push_back({"users", 2, HashStrategy{}, {ShardId{0}, ShardId{1}}});
  const auto after = carry_over(
      current, std::make_shared<const ShardMap>(sample->cluster(), sample->shards(), groups, sample->tables(),
                                                sample->relations(), sample->views(), sample->functions()));
  CHECK_FALSE(after.shards[0]->ownership);
  CHECK(after.shards[0]->epoch == Epoch{3});  // an older report is none that is taken
}

TEST_CASE("tables count as changed where the map has schemas that they were not read for") {
  const auto current = well_membership();
  current.shards[0]->tables_fingerprint = "as they were";
  const auto sample = sample_map();
  auto tables = sample->tables();
  tables.push_back(tables.front());
  tables.back().name = "archive." + tables.back().name;
  const auto after = carry_over(
      current, std::make_shared<const ShardMap>(sample->cluster(), sample->shards(), sample->groups(), tables,
                                                sample->relations(), sample->views(), sample->functions()));
  CHECK(after.shards[0]->tables == current.shards[0]->tables);
  CHECK(after.shards[0]->tables_fingerprint.empty());
}

TEST_CASE("a map file is pending until all of its servers have been probed, and then taken whole") {
  const MapFile file;
  Metrics metrics(1);
  Reload reload(file.path(), metrics);
  CHECK_FALSE(reload.pending());
  CHECK_FALSE(reload.take_settled());
  file.write(alpha, "primary: host=b, replicas: [host=b1]");
  REQUIRE(reload.read(well_membership()));
  CHECK(metrics.map_reloads == 1);
  CHECK(reload.pending());
  const auto shards = reload.shards();
  REQUIRE(shards.size() == 2);
  for (auto& server : shards[0]->servers) server.settled = true;
  shards[1]->servers[0].settled = true;
  CHECK_FALSE(reload.take_settled());
  shards[1]->servers[1].settled = true;  // whatever came of it
  const auto next = reload.take_settled();
  REQUIRE(next);
  CHECK(next->shards == shards);
  CHECK_FALSE(reload.pending());
  CHECK(reload.shards().empty());
}

TEST_CASE("a bad map file is refused and counted, and what was pending before stays") {
  const MapFile file;
  Metrics metrics(1);
  Reload reload(file.path(), metrics);
  file.write(alpha, "primary: host=b");
  REQUIRE(reload.read(well_membership()));
  const auto pending = reload.shards();
  file.write(alpha, "primary: nonsense");
  CHECK_FALSE(reload.read(well_membership()));
  file.write(alpha, "primary: host=b, unknown: key");
  CHECK_FALSE(reload.read(well_membership()));
  CHECK(metrics.map_reload_failures == 2);
  CHECK(metrics.map_reloads == 1);
  CHECK(reload.shards() == pending);
}

TEST_CASE("a map file that is read again takes the place of the one that is pending") {
  const MapFile file;
  Metrics metrics(1);
  Reload reload(file.path(), metrics);
  file.write(alpha, "primary: host=b");
  REQUIRE(reload.read(well_membership()));
  const auto pending = reload.shards();
  REQUIRE(reload.read(well_membership()));
  CHECK(reload.shards() != pending);
}

TEST_CASE("a shard that was removed is left when its directory is read again, whoever else still names it") {
  const MapFile file;
  Metrics metrics(1);
  Reload reload(file.path(), metrics);
  const Shard gamma{"gamma", "host=c", {}}, delta{"delta", "host=d", {}};
  auto current = with_joined(well_membership(),
                             {{{2, gamma, "alpha"}, std::make_shared<WatchedShard>(gamma, sample_map())},
                              {{3, delta, "alpha"}, std::make_shared<WatchedShard>(delta, sample_map())}});
  for (const auto& shard : current.shards) shard->directory = {{2, gamma}, {3, delta}};
  file.write(alpha, "primary: host=b");
  REQUIRE(reload.read(current));
  const auto pending = reload.shards();
  REQUIRE(pending.size() == 4);
  for (const auto& shard : pending)
    for (auto& server : shard->servers) server.settled = true;
  pending[0]->directory =
      pending[1]->directory = {{3, delta}};  // gamma cannot be reached: it has the old one
  const auto next = reload.take_settled();
  REQUIRE(next);
  CHECK(names(*next->map) == std::vector<std::string>{"alpha", "beta", "delta"});
  CHECK(next->shards == std::vector{pending[0], pending[1], pending[3]});
  for (const auto& shard : next->shards) CHECK(shard->map == next->map);
  CHECK(next->version == current.version + 1);
}
