#include "router/topology/watched_shard.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace shardplex;
using namespace shardplex::router;

namespace {

constexpr auto max_lag = std::chrono::seconds(5);

/// Shard alpha with a primary on timeline 1 and a replica, both at epoch 3, as if just probed.
struct Watch {
  Watch() {
    for (std::size_t i = 0; i < 2; ++i) {
      auto& server = alpha.servers[i];
      server.probed = server.up = true;
      server.status.timeline = 1;
      server.status.initialised = true;
      server.status.cluster = "movies";
      server.status.shard = "alpha";
      server.status.epoch = Epoch{3};
      server.status.in_recovery = i == 1;
      server.status.receives_wal = i == 1;
    }
  }
  void assess() { alpha.assess_health(max_lag, newest, others_heard); }
  /// As if the ownership report of a server had been read.
  void take_report_of(std::size_t server) {
    alpha.take_report(ShardOwnership{alpha.servers[server].status.epoch, {}}, alpha.timeline_of(server));
  }
  const std::string& problem(std::size_t server) { return alpha.state.servers[server].problem; }

  std::shared_ptr<const ShardMap> map = std::make_shared<const ShardMap>(
      "movies", std::vector<Shard>{{"alpha", "host=a", {"host=a1"}}}, std::vector<Group>{},
      std::vector<TablePlacement>{}, std::vector<MapRelation>{});
  WatchedShard alpha{map->shards().front(), map};
  KnownTimeline newest;
  bool others_heard = true;
};

}  // namespace

TEST_CASE("a server that has not been probed is not used") {
  Watch watch;
  watch.alpha.servers[0].probed = false;
  watch.assess();
  CHECK(watch.problem(0) == "not reached yet");
  CHECK_FALSE(watch.alpha.state.primary);
  CHECK(watch.alpha.best_server() == 1);
  CHECK_FALSE(watch.alpha.settled());
}

TEST_CASE("what a server of a history without an operator's ruling tells does not undo it, then or later") {
  Watch watch;
  watch.alpha.servers[0].status.timeline = 2;
  watch.alpha.servers[1].status.timeline =
      3;  // promoted by mistake, and stopped: its last word is remembered
  watch.alpha.servers[1].status.in_recovery = false;
  watch.newest = {.ruling = 1, .timeline = 2};
  watch.assess();
  CHECK(watch.newest.timeline == 2);
  CHECK(watch.alpha.state.primary == 0);

  watch.alpha.servers[1].overruled = false;  // it has been probed again: it runs
  watch.alpha.servers[1].status.ruling = 0;
  watch.assess();
  CHECK(watch.newest.timeline == 2);
  CHECK(watch.alpha.state.primary == 0);
  CHECK(watch.problem(1) == "on a timeline that was given up (shardplex cluster accept-timeline)");
  CHECK_FALSE(watch.alpha.state.servers[1].readable);

  watch.alpha.servers[1].status.ruling.reset();  // its schema is older, and its timeline is all there is
  watch.assess();
  CHECK(watch.newest.timeline == 3);
  CHECK(watch.alpha.state.primary == 1);
}

TEST_CASE("the server that is not in recovery is written to, the other one read") {
  Watch watch;
  watch.assess();
  CHECK(watch.alpha.state.primary == 0);
  CHECK(watch.alpha.state.servers[0].writable);
  CHECK_FALSE(watch.alpha.state.servers[1].writable);
  CHECK(watch.alpha.state.servers[1].readable);
  CHECK(watch.alpha.best_server() == 0);
}

TEST_CASE("a server of another shard or cluster is not used") {
  Watch watch;
  watch.alpha.servers[0].status.shard = "beta";
  watch.alpha.servers[1].status.cluster = "books";
  watch.assess();
  CHECK(watch.problem(0) == "it says it is shard beta of cluster movies");
  CHECK(watch.problem(1) == "it says it is shard alpha of cluster books");
  CHECK_FALSE(watch.alpha.best_server());
}

TEST_CASE("a primary on an earlier timeline is not written to, also while the newer one is away") {
  Watch watch;
  auto& promoted = watch.alpha.servers[1];
  promoted.status.in_recovery = false;
  promoted.status.timeline = 2;
  watch.assess();
  CHECK(watch.alpha.state.primary == 1);
  CHECK(watch.problem(0).starts_with("an old primary on an earlier timeline (1; 2 is known)"));
  promoted.up = false;
  promoted.failure = "gone";
  watch.assess();
  CHECK_FALSE(watch.alpha.state.primary);
  CHECK(watch.problem(1) == "gone");
}

TEST_CASE("what an operator rules outweighs a newer timeline that is away, and the report is read again") {
  Watch watch;
  watch.newest = {0, 2};
  watch.alpha.take_report(ShardOwnership{Epoch{9}, {}}, 2);
  watch.assess();
  CHECK_FALSE(watch.alpha.state.primary);
  watch.newest = {1, 1};
  watch.assess();
  CHECK(watch.alpha.state.primary == 0);
  CHECK(watch.alpha.has_newer_report(0));  // its epoch is an earlier one
  watch.take_report_of(0);
  watch.assess();
  CHECK(watch.alpha.epoch == Epoch{3});
  CHECK_FALSE(watch.alpha.has_newer_report(0));
}

TEST_CASE("a shard of one server has no other one to be told of") {
  Watch watch;
  watch.others_heard = false;
  watch.assess();
  CHECK_FALSE(watch.alpha.state.primary);
  watch.alpha.servers.pop_back();
  watch.alpha.state.servers.pop_back();
  watch.assess();
  CHECK(watch.alpha.state.primary == 0);
}

TEST_CASE("a replica is passed over while it is behind the map, lags, or has lost its primary") {
  Watch watch;
  watch.assess();
  watch.take_report_of(0);
  auto& replica = watch.alpha.servers[1].status;
  const auto problem = [&] {
    watch.assess();
    CHECK(watch.alpha.state.servers[1].readable == watch.problem(1).empty());
    return watch.problem(1);
  };
  CHECK(problem().empty());
  replica.epoch = Epoch{2};
  CHECK(problem() == "behind the map");
  replica.epoch = Epoch{3};
  replica.replay_lag_seconds = 5.1;
  CHECK(problem() == "lags behind");
  replica.replay_lag_seconds = 0;
  replica.receives_wal = false;
  CHECK(problem().empty());
  watch.alpha.servers[0].status.wal_lsn = 1;
  CHECK(problem() == "is cut off from its primary");
}

TEST_CASE(
    "an ownership report is newer when its epoch or its timeline is newer than any before, and never goes "
    "back") {
  Watch watch;
  watch.assess();
  CHECK(watch.alpha.has_newer_report(0));
  watch.take_report_of(0);
  CHECK_FALSE(watch.alpha.has_newer_report(0));
  watch.alpha.servers[0].status.epoch = Epoch{4};
  CHECK(watch.alpha.has_newer_report(0));
  watch.alpha.servers[1].status.epoch = Epoch{2};
  CHECK_FALSE(watch.alpha.has_newer_report(1));
  watch.alpha.ownership.reset();  // a map that the report was not read for: what was known still counts
  CHECK_FALSE(watch.alpha.has_newer_report(1));
  CHECK(watch.alpha.has_newer_report(0));
  watch.alpha.servers[1].status.in_recovery = false;  // promoted, without what it had not received
  watch.alpha.servers[1].status.timeline = 2;
  CHECK(watch.alpha.has_newer_report(1));
}
