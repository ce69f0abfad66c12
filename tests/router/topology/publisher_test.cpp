#include "router/topology/publisher.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "tests/router/topology/sample_shards.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

SnapshotPtr next(const Membership& membership, const Changes& changes, const SnapshotPtr& before) {
  return std::make_shared<const Snapshot>(next_snapshot(membership, changes, before));
}

constexpr Changes nothing{}, everything{.tables = true, .ownership = true};

}  // namespace

TEST_CASE("the first snapshot has all that is known, whatever is said to have changed") {
  const auto membership = well_membership();
  const auto first = next(membership, nothing, nullptr);
  CHECK(first->version == 1);
  CHECK(first->map_version == 1);
  CHECK(first->map == membership.map);
  REQUIRE(first->catalogue);
  CHECK(first->catalogue->find("movies") != nullptr);
  CHECK(first->ownership->faults(*membership.map).empty());
  CHECK(first->ownership->epoch(ShardId{1}) == Epoch{3});
  REQUIRE(first->shards.size() == 2);
  CHECK(first->shards[0].primary == 0);
}

TEST_CASE("before any shard has answered there is no catalogue, and nobody owns anything") {
  const auto membership = membership_of(sample_map());
  const auto first = next(membership, everything, nullptr);
  CHECK_FALSE(first->catalogue);
  CHECK(first->ownership->owner(GroupId{0}, Slot{0}).fault == Ownership::Fault::shard_unknown);
}

TEST_CASE("catalogue and ownership are combined anew only where they changed") {
  const auto membership = well_membership();
  const auto first = next(membership, everything, nullptr);
  owns(*membership.shards[0], {0, 1, 2});  // read, but not told of
  const auto same = next(membership, nothing, first);
  CHECK(same->catalogue == first->catalogue);
  CHECK(same->ownership == first->ownership);
  const auto told = next(membership, {.ownership = true}, same);
  CHECK(told->catalogue == first->catalogue);
  CHECK(told->ownership->owner(GroupId{0}, Slot{2}).fault == Ownership::Fault::doubly_owned);
  CHECK(next(membership, {.tables = true}, told)->catalogue == told->catalogue);  // they are as they were
  for (const auto& shard : membership.shards) shard->tables = movies_with("varchar");
  const auto tables = next(membership, {.tables = true}, told);
  CHECK(tables->catalogue != told->catalogue);
  CHECK(tables->ownership == told->ownership);
}

TEST_CASE("relations are found anew where tables or the map changed, and are none before any shard answers") {
  CHECK(next(membership_of(sample_map()), everything, nullptr)->schemas.front().relations->tables().empty());
  auto membership = well_membership();
  const auto first = next(membership, everything, nullptr);
  CHECK(next(membership, {.tables = true}, first)->schemas.front().relations ==
        first->schemas.front().relations);
  membership.map = related_map();
  ++membership.version;
  const auto read_again = next(membership, everything, first);
  CHECK(first->schemas.front().relations->from("movies").empty());
  CHECK(read_again->schemas.front().relations->from("movies").size() == 2);
}

TEST_CASE("the version grows where requests are routed otherwise, and only there") {
  const auto membership = well_membership();
  auto& replica = membership.shards[0]->servers[1];
  auto before = next(membership, nothing, nullptr);
  const auto grows = [&](const Changes& changes) {
    assess(*membership.shards[0]);
    const auto after = next(membership, changes, before);
    const auto growth = after->version - before->version;
    before = after;
    return growth == 1;
  };
  CHECK_FALSE(grows(nothing));
  replica.status.replay_lag_seconds = 1;
  CHECK_FALSE(grows(nothing));
  CHECK(before->shards[0].servers[1].lag_seconds == 1);  // it is kept up to date all the same
  replica.status.replay_lag_seconds = 6;
  CHECK(grows(nothing));
  CHECK_FALSE(grows(nothing));
  CHECK(grows({.ownership = true}));
  CHECK_FALSE(grows({.tables = true}));  // they are as they were
  for (const auto& shard : membership.shards) shard->tables = movies_with("varchar");
  CHECK(grows({.tables = true}));
  membership.shards[0]->servers[0].up = false;
  CHECK(grows(nothing));
  CHECK_FALSE(before->shards[0].primary);
}

TEST_CASE("workers are told of the first snapshot, and then of those that change how they route") {
  Metrics metrics(1);
  std::vector<SnapshotPtr> told;
  Publisher publisher(metrics, [&](const SnapshotPtr& snapshot) { told.push_back(snapshot); });
  CHECK_FALSE(publisher.latest());
  const auto membership = well_membership();
  publisher.publish(membership, everything);
  REQUIRE(told.size() == 1);
  CHECK(told.front() == publisher.latest());
  publisher.publish(membership, nothing);
  CHECK(told.size() == 1);
  CHECK(publisher.latest() != told.front());
  publisher.publish(membership, {.ownership = true});
  REQUIRE(told.size() == 2);
  CHECK(told.back()->version == 2);
}

TEST_CASE("workers are told of tables that are as they were where they wait to hear it") {
  Metrics metrics(1);
  std::vector<SnapshotPtr> told;
  Publisher publisher(metrics, [&](const SnapshotPtr& snapshot) { told.push_back(snapshot); });
  const auto membership = well_membership();
  publisher.publish(membership, everything);
  publisher.publish(membership, {.seen = true});
  REQUIRE(told.size() == 2);
  CHECK(told.back()->version == told.front()->version);
  CHECK(told.back()->catalogue == told.front()->catalogue);
}

TEST_CASE("tables are known as of the look at the shard that was looked at first, of those that answer") {
  const auto membership = well_membership();
  const Clock::time_point early{std::chrono::seconds(10)}, late{std::chrono::seconds(20)};
  membership.shards[0]->tables_seen = late;
  membership.shards[1]->tables_seen = early;
  CHECK(next(membership, everything, nullptr)->tables_seen == early);
  for (auto& server : membership.shards[1]->servers) server.up = false;
  membership.shards[1]->state.servers.front().up = false;
  membership.shards[1]->state.primary.reset();
  CHECK_FALSE(membership.shards[1]->best_server());
  CHECK(tables_seen(membership) == late);
  CHECK(tables_seen(membership_of(sample_map())) == Clock::time_point{});
}

TEST_CASE("the metrics have every server of every shard") {
  const auto gauges = server_gauges(well_membership());
  REQUIRE(gauges.size() == 3);
  CHECK(gauges[0].server == "alpha");
  CHECK(gauges[0].writable);
  CHECK(gauges[1].server == "alpha-1");
  CHECK(gauges[1].shard == "alpha");
  CHECK_FALSE(gauges[1].writable);
  CHECK(gauges[2].epoch == 3);
}
