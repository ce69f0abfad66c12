#include "router/topology/readiness.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "router/topology/publisher.hpp"
#include "tests/router/topology/sample_shards.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

using Sentences = std::vector<std::string>;

Readiness readiness(const Membership& membership, bool starting = false) {
  const auto latest = std::make_shared<const Snapshot>(next_snapshot(membership, {}, nullptr));
  return readiness_of(membership, latest, 1, starting);
}

void fails(WatchedShard& shard, std::size_t server) {
  shard.servers[server].up = false;
  shard.servers[server].failure = "connection refused";
  assess(shard);
}

Sentences missing(const Membership& membership, std::int64_t promised_ms = 1) {
  const auto latest = std::make_shared<const Snapshot>(next_snapshot(membership, {}, nullptr));
  return readiness_of(membership, latest, promised_ms, false).missing;
}

}  // namespace

TEST_CASE("a router that knows all shards is ready") {
  CHECK(missing(well_membership()).empty());
}

TEST_CASE("before the first probe nothing is known") {
  const auto readiness = readiness_of(well_membership(), nullptr, 1, false);
  CHECK(readiness.missing == Sentences{"no shard has been asked yet"});
  CHECK_FALSE(readiness.serves);
  CHECK_FALSE(readiness.degraded());
}

TEST_CASE("a shard without a primary is missing, and it is said what is wrong with the configured one") {
  const auto membership = well_membership();
  membership.shards[1]->servers[0].up = false;
  membership.shards[1]->servers[0].failure = "connection refused";
  assess(*membership.shards[1]);
  CHECK(missing(membership) == Sentences{"shard beta has no primary: b:5432: connection refused"});
}

TEST_CASE("what could not be read of a shard is missing") {
  const auto membership = well_membership();
  membership.shards[0]->failure = "the ownership of shard alpha cannot be read: no";
  CHECK(missing(membership) == Sentences{"the ownership of shard alpha cannot be read: no"});
}

TEST_CASE("slots without an owner are missing") {
  const auto membership = well_membership();
  owns(*membership.shards[1], {2});
  CHECK(missing(membership) == Sentences{"catalog: slot 3 has no owner"});
}

TEST_CASE("a promise of ids is missing when it is used up") {
  CHECK(missing(well_membership(), 0) == Sentences{"no shard has promised any ids for new rows"});
}

TEST_CASE(
    "a catalogue is missing, and so are tables where none is served, but none that differs in a column") {
  const auto membership = well_membership();
  for (const auto& shard : membership.shards) shard->tables.reset();
  CHECK(missing(membership) == Sentences{"no shard's catalogue has been read"});
  membership.shards[0]->tables = movies_with("text");
  membership.shards[1]->tables = movies_with("int4");
  CHECK(missing(membership).empty());
  membership.shards[1]->tables->tables.at("movies").primary_key = {"name"};
  CHECK(missing(membership) == Sentences{"no table is served"});
}

TEST_CASE("a table that is not served is told, and makes nobody unready where another is") {
  const auto membership = well_membership();
  const auto map = membership.shards[0]->map;
  Snapshot snapshot;
  snapshot.map = std::make_shared<const ShardMap>(
      map->cluster(), map->shards(), map->groups(), map->tables(), map->relations(),
      std::vector<TablePlacement>{{"dramas", true, std::nullopt, ""}});
  Catalogue catalogue;
  catalogue.refused["dramas"] = "dramas: the view is missing on beta";
  catalogue.refused["movies"] = "movies: the table is missing on beta";
  snapshot.catalogue = std::make_shared<const Catalogue>(catalogue);
  CHECK(refused_tables(std::make_shared<const Snapshot>(snapshot)) ==
        Sentences{"view dramas is not served: dramas: the view is missing on beta",
                  "table movies is not served: movies: the table is missing on beta"});
  CHECK(refused_tables(nullptr).empty());

  auto latest = next_snapshot(membership, {}, nullptr);
  catalogue = *latest.catalogue;
  catalogue.refused["dramas"] = "dramas: the view is missing on beta";
  latest.catalogue = std::make_shared<const Catalogue>(catalogue);
  const auto readiness = readiness_of(membership, std::make_shared<const Snapshot>(latest), 1, true);
  CHECK(readiness.serves);
  CHECK_FALSE(readiness.degraded());
}

TEST_CASE("a router that lacks a shard or a replica is degraded, and serves") {
  const auto without_replica = well_membership();
  CHECK_FALSE(readiness(without_replica).degraded());
  fails(*without_replica.shards[0], 1);
  CHECK(readiness(without_replica).serves);
  CHECK(readiness(without_replica).degraded());
  CHECK(readiness(without_replica).missing.empty());
  CHECK(readiness(without_replica).unused ==
        Sentences{"server alpha-1 is not in use: a1:5432: connection refused"});

  const auto without_shard = well_membership();
  fails(*without_shard.shards[1], 0);
  CHECK(readiness(without_shard).serves);
  CHECK(readiness(without_shard).degraded());
  CHECK(readiness(without_shard).missing.size() == 1);
}

TEST_CASE("a router that can read no shard does not serve") {
  const auto membership = well_membership();
  fails(*membership.shards[0], 0);
  fails(*membership.shards[0], 1);
  fails(*membership.shards[1], 0);
  CHECK_FALSE(readiness(membership).serves);
  CHECK_FALSE(readiness(membership).degraded());
}

TEST_CASE("a router that starts serves once nothing is missing, or once it has had time to look") {
  const auto membership = well_membership();
  CHECK(readiness(membership, true).serves);
  fails(*membership.shards[1], 0);
  CHECK_FALSE(readiness(membership, true).serves);
  CHECK(readiness(membership, false).serves);
}
