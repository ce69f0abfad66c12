#include "router/topology/discovery.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/router/topology/sample_shards.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

const Shard gamma_shard{"gamma", "host=c", {}}, delta_shard{"delta", "host=d", {}};

/// A membership whose alpha names further shards in its directory.
Membership naming(const std::vector<Shard>& shards) {
  auto membership = well_membership();
  for (const auto& shard : shards) membership.shards[0]->directory.push_back({7, shard});
  return membership;
}

std::vector<std::string> names(const std::vector<WatchedShardPtr>& shards) {
  std::vector<std::string> out;
  for (const auto& shard : shards) out.push_back(shard->name);
  return out;
}

JoiningShard joining(const Shard& shard) {
  return {{.position = 7, .shard = shard, .learned_from = "alpha"},
          std::make_shared<WatchedShard>(shard, sample_map())};
}

const Catalogue all_served;

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a shard that a directory names is watched from then on, once") {
  Discovery discovery;
  CHECK(names(discovery.update(naming({})).named).empty());
  const auto membership = naming({gamma_shard});
  CHECK(names(discovery.update(membership).named) == Names{"gamma"});
  const auto again = discovery.update(membership);
  CHECK(again.named.empty());
  CHECK(again.dropped.empty());
}

TEST_CASE("a shard that is named no longer is left, and one that is named otherwise is watched anew") {
  Discovery discovery;
  discovery.update(naming({gamma_shard, delta_shard}));
  const auto changed = discovery.update(naming({{"gamma", "host=elsewhere", {}}}));
  CHECK(names(changed.dropped) == Names{"delta", "gamma"});
  CHECK(names(changed.named) == Names{"gamma"});
  CHECK(changed.named.front()->state.servers.front().conninfo == "host='elsewhere'");
}

TEST_CASE("it is told why shards that are named have not joined") {
  using Reasons = std::map<std::string, std::string>;
  Discovery discovery;
  CHECK(discovery.not_joined().empty());
  const auto membership = naming({gamma_shard, {"delta", "host=d password=secret", {}}});
  const auto gamma = discovery.update(membership).named.front();
  const std::string ignored = "a connection string of it has a password in it";
  CHECK(discovery.not_joined() == Reasons{{"gamma", "it has not been read yet"}, {"delta", ignored}});
  is_well(*gamma, {});
  gamma->tables = movies_with("int4");
  discovery.take_ready(membership, all_served);
  CHECK(discovery.not_joined().at("gamma").starts_with("table movies: "));
  gamma->tables = movies_with("text");
  REQUIRE(discovery.take_ready(membership, all_served).size() == 1);
  CHECK(discovery.not_joined() == Reasons{{"delta", ignored}});
}

TEST_CASE("a shard that cannot be used is not watched") {
  Discovery discovery;
  CHECK(discovery.update(naming({{"gamma", "host=c password=secret", {}}})).named.empty());
}

TEST_CASE("a shard joins once it has been probed and nothing stands in its way") {
  Discovery discovery;
  const auto membership = naming({gamma_shard});
  const auto gamma = discovery.update(membership).named.front();
  CHECK(discovery.take_ready(membership, all_served).empty());
  is_well(*gamma, {});
  const auto ready = discovery.take_ready(membership, all_served);
  REQUIRE(ready.size() == 1);
  CHECK(ready.front().shard == gamma);
  CHECK(ready.front().added.learned_from == "alpha");
  CHECK(discovery.take_ready(membership, all_served).empty());  // it is joining no longer
}

TEST_CASE("of two that are ready, the second has to agree with the first, too") {
  Discovery discovery;
  const auto membership = naming({gamma_shard, delta_shard});
  for (const auto& shard : discovery.update(membership).named) {
    is_well(*shard, {});
    if (shard->name == "gamma") shard->tables = movies_with("int4");
  }
  for (const auto& known : membership.shards) known->tables.reset();  // they have not been asked yet
  const auto ready = discovery.take_ready(membership, all_served);
  REQUIRE(ready.size() == 1);
  CHECK(ready.front().shard->name == "delta");
}

TEST_CASE("under another map discovery begins anew") {
  Discovery discovery;
  const auto membership = naming({gamma_shard});
  discovery.update(membership);
  CHECK(names(discovery.forget()) == Names{"gamma"});
  CHECK(names(discovery.update(membership).named) == Names{"gamma"});
}

TEST_CASE(
    "a shard cannot join while it has no primary, no ownership report or no tables, and it is said why") {
  const auto membership = well_membership();
  const auto obstacle = [&](const auto& change) {
    const auto gamma = joining(gamma_shard);
    is_well(*gamma.shard, {});
    change(*gamma.shard);
    return obstacle_to_joining(membership, all_served, gamma);
  };
  CHECK_FALSE(obstacle([](WatchedShard&) {}));
  CHECK(obstacle([](WatchedShard& shard) {
          shard.servers[0].up = false;
          shard.servers[0].failure = "connection refused";
          assess(shard);
        }) == "connection refused");
  CHECK(obstacle([](WatchedShard& shard) {
          shard.ownership.reset();
          shard.failure = "the ownership of shard gamma cannot be read: it has no identity";
        }) == "the ownership of shard gamma cannot be read: it has no identity");
  CHECK(obstacle([](WatchedShard& shard) { shard.tables.reset(); }).has_value());
}

TEST_CASE("a shard cannot join while a table that is served would be refused with it") {
  const auto membership = well_membership();
  const auto gamma = joining(gamma_shard);
  is_well(*gamma.shard, {});
  gamma.shard->tables = movies_with("int4");
  const auto obstacle = obstacle_to_joining(membership, all_served, gamma);
  REQUIRE(obstacle.has_value());
  CHECK(obstacle->starts_with("table movies: "));
  Catalogue refused;
  refused.refused.emplace("movies", "it is refused already");
  CHECK_FALSE(obstacle_to_joining(membership, refused, gamma));
}

TEST_CASE("shards that have joined stand behind the map's own, and all shards are read for the new map") {
  const auto before = well_membership();
  const auto after = with_joined(before, {joining(gamma_shard), joining(delta_shard)});
  CHECK(names(after.shards) == Names{"alpha", "beta", "gamma", "delta"});
  REQUIRE(after.map->shards().size() == 4);
  CHECK(after.map->shards()[2].name == "gamma");
  CHECK(after.version == before.version + 1);
  for (const auto& shard : after.shards) CHECK(shard->map == after.map);
  CHECK(before.map->shards().size() == 2);
}

TEST_CASE("the map's relations are served as before when a shard joins") {
  auto before = well_membership();
  before.map = related_map();
  CHECK(with_joined(before, {joining(gamma_shard)}).map->relations() == sample_relations);
}
