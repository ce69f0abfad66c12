#include "router/topology/health.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

using namespace shardplex;
using namespace shardplex::router;

namespace {

using Status = postgres::ServerStatus;

const HealthCriteria criteria{.cluster = "movies",
                              .shard = "alpha",
                              .max_replica_lag = std::chrono::seconds(5),
                              .known_timeline = 2,
                              .epoch = Epoch{3}};

Status answer(bool in_recovery) {
  Status status;
  status.in_recovery = status.receives_wal = in_recovery;
  status.timeline = 2;
  status.wal_lsn = 100;
  status.initialised = true;
  status.cluster = "movies";
  status.shard = "alpha";
  status.epoch = Epoch{3};
  return status;
}

ProbedServer probed(Status status) {
  return {.probed = true,
          .settled = true,
          .up = true,
          .failure = {},
          .hangs = false,
          .status = std::move(status)};
}

ShardState assess(const std::vector<ProbedServer>& servers) {
  ShardState before;
  before.servers.resize(servers.size());
  return assess_health(criteria, servers, choose_primary(criteria, servers), before);
}

/// What is wrong with a primary, and with the replica beside it, after `change`.
std::string problem_of_primary(const std::function<void(Status&)>& change) {
  auto primary = probed(answer(false));
  change(primary.status);
  const auto state = assess({primary});
  CHECK(state.servers[0].readable == state.servers[0].problem.empty());
  CHECK(state.servers[0].writable == state.servers[0].problem.empty());
  CHECK(state.primary.has_value() == state.servers[0].problem.empty());
  return state.servers[0].problem;
}
std::string problem_of_replica(const std::function<void(Status&)>& change) {
  auto replica = probed(answer(true));
  change(replica.status);
  const auto state = assess({probed(answer(false)), replica});
  CHECK(state.primary == 0);
  CHECK(state.servers[1].readable == state.servers[1].problem.empty());
  CHECK_FALSE(state.servers[1].writable);
  return state.servers[1].problem;
}

}  // namespace

TEST_CASE("a primary is used unless it is of another shard, not initialised, or left behind") {
  CHECK(problem_of_primary([](Status&) {}).empty());
  CHECK(problem_of_primary([](Status& s) { s.epoch = Epoch{2}; }).empty());  // it decides what the epoch is
  CHECK(problem_of_primary([](Status& s) { s.timeline = 3; }).empty());
  CHECK(problem_of_primary([](Status& s) { s.timeline = 1; }) ==
        "an old primary on an earlier timeline (1; 2 is known); where it is the right one, shardplex cluster "
        "accept-timeline");
  CHECK(problem_of_primary([](Status& s) { s.initialised = false; }) ==
        "not initialised (shardplex cluster init)");
  CHECK(problem_of_primary([](Status& s) { s.shard = "beta"; }) ==
        "it says it is shard beta of cluster movies");
  CHECK(problem_of_primary([](Status& s) { s.cluster = "books"; }) ==
        "it says it is shard alpha of cluster books");
}

TEST_CASE("a replica is used unless it is of another shard, behind the map, lags, or has lost its primary") {
  CHECK(problem_of_replica([](Status&) {}).empty());
  CHECK(problem_of_replica([](Status& s) { s.timeline = 1; }).empty());  // of its last restart point
  CHECK(problem_of_replica([](Status& s) { s.epoch = Epoch{4}; }).empty());
  CHECK(problem_of_replica([](Status& s) { s.epoch = Epoch{2}; }) == "behind the map");
  CHECK(problem_of_replica([](Status& s) { s.replay_lag_seconds = 5; }).empty());
  CHECK(problem_of_replica([](Status& s) { s.replay_lag_seconds = 5.1; }) == "lags behind");
  CHECK(problem_of_replica([](Status& s) { s.receives_wal = false; }).empty());  // it has all there is
  CHECK(problem_of_replica([](Status& s) { s.receives_wal = false, s.wal_lsn = 99; }) ==
        "is cut off from its primary");
  CHECK(problem_of_replica([](Status& s) { s.wal_lsn = 99; }).empty());
  CHECK(problem_of_replica([](Status& s) { s.shard = "beta"; }) ==
        "it says it is shard beta of cluster movies");
}

TEST_CASE("of two primaries on the newest timeline neither is written to or read, and their replica is") {
  const auto state = assess({probed(answer(false)), probed(answer(false)), probed(answer(true))});
  CHECK_FALSE(state.primary);
  for (const std::size_t rival : {0, 1}) {
    CHECK_FALSE(state.servers[rival].readable);
    CHECK_FALSE(state.servers[rival].writable);
    CHECK(state.servers[rival].problem.starts_with("two servers are primaries on the same timeline (2)"));
  }
  CHECK(state.servers[2].readable);
}

TEST_CASE("a server that does not answer is not used, and shows what it showed last") {
  const std::vector<ProbedServer> up{probed(answer(false))};
  auto down = up;
  down[0].up = false;
  down[0].failure = "connection refused";
  const auto state = assess_health(criteria, down, choose_primary(criteria, down), assess(up));
  CHECK_FALSE(state.primary);
  CHECK_FALSE(state.servers[0].up);
  CHECK_FALSE(state.servers[0].readable);
  CHECK(state.servers[0].problem == "connection refused");
  CHECK(state.servers[0].timeline == 2);
  CHECK(state.servers[0].wal_lsn == 100);
}

TEST_CASE("a server that was never probed keeps the state it has") {
  ShardState before;
  before.servers.emplace_back().problem = "not reached yet";
  const std::vector<ProbedServer> never(1);
  const auto state = assess_health(criteria, never, choose_primary(criteria, never), before);
  CHECK(state.servers[0].problem == "not reached yet");
  CHECK_FALSE(state.primary);
}

TEST_CASE("the newest timeline never goes back, and servers of other shards or that are down do not count") {
  const auto newest = [](const std::string& cluster, const std::string& shard,
                         const std::vector<ProbedServer>& servers, std::int64_t before) {
    auto knows = criteria;
    knows.cluster = cluster;
    knows.shard = shard;
    knows.known_timeline = before;
    return choose_primary(knows, servers).newest_timeline;
  };
  auto promoted = probed(answer(false));
  promoted.status.timeline = 4;
  CHECK(newest("movies", "alpha", {promoted, probed(answer(true))}, 0) == 4);
  CHECK(newest("movies", "alpha", {probed(answer(true))}, 4) == 4);
  CHECK(newest("movies", "beta", {promoted}, 1) == 1);
  CHECK(newest("books", "alpha", {promoted}, 1) == 1);
  promoted.up = false;
  CHECK(newest("movies", "alpha", {promoted}, 1) == 1);
}

TEST_CASE("no primary is written to before the other shards have told what they know of its timeline") {
  auto waits = criteria;
  waits.others_heard = false;
  ShardState before;
  before.servers.resize(2);
  const std::vector<ProbedServer> servers{probed(answer(false)), probed(answer(true))};
  const auto state = assess_health(waits, servers, choose_primary(waits, servers), before);
  CHECK_FALSE(state.primary);
  CHECK(state.servers[0].problem == "its timeline is being looked up in the other shards");
  CHECK(state.servers[1].readable);
}

TEST_CASE("a change of health is one of use or of its reason, not of lag or position") {
  ServerState a;
  a.up = a.readable = true;
  auto b = a;
  b.wal_lsn = 7;
  b.lag_seconds = 1;
  CHECK(same_health(a, b));
  b.writable = true;
  CHECK_FALSE(same_health(a, b));
  b = a;
  b.problem = "lags behind";
  CHECK_FALSE(same_health(a, b));
}
