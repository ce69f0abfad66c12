#include "router/topology/health_watch.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/router/topology/closed_port.hpp"
#include "tests/router/topology/sample_shards.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

/// A watch over servers that refuse connections.
struct Watching {
  Watching() { settings.poll_interval = std::chrono::milliseconds(20); }

  WatchedShardPtr shard(const std::string& name) {
    const Shard shard{name, closed_port_conninfo(next++), {closed_port_conninfo(next++)}};
    return std::make_shared<WatchedShard>(shard, sample_map());
  }
  bool run_until(const std::function<bool()>& holds) {
    const auto until = Clock::now() + std::chrono::seconds(10);
    while (!holds() && Clock::now() < until) io.run_one_for(std::chrono::milliseconds(100));
    return holds();
  }
  void run_for(std::chrono::milliseconds time) {
    io.restart();
    io.run_for(time);
  }

  int next = 1;
  asio::io_context io{1};
  Settings settings;
  std::size_t changes = 0;
  std::vector<std::string> probed;
  HealthWatch watch{
      io,
      settings,
      {.changed = [this](const Changes&) { ++changes; },
       .probed = [this](const WatchedShardPtr& shard, std::size_t server) { return note(shard, server); }}};

 private:
  Awaitable<void> note(const WatchedShardPtr& shard, std::size_t server) {
    probed.push_back(shard->state.servers[server].name);
    co_return;
  }
};

}  // namespace

TEST_CASE("each server of a shard is probed, and again when the interval is over") {
  Watching watching;
  const auto alpha = watching.shard("alpha");
  watching.watch.start();
  watching.watch.watch(alpha);
  REQUIRE(watching.run_until([&] {
    return std::ranges::count(watching.probed, "alpha") >= 3 &&
           std::ranges::count(watching.probed, "alpha-1") >= 3;
  }));
  CHECK(alpha->settled());
  CHECK(watching.changes >= 6);
}

TEST_CASE("a server that refuses connections is settled, and it is said what is wrong") {
  Watching watching;
  const auto alpha = watching.shard("alpha");
  watching.watch.watch(alpha);
  REQUIRE(watching.run_until([&] { return alpha->settled(); }));
  for (const auto& server : alpha->state.servers) {
    CHECK_FALSE(server.up);
    CHECK_FALSE(server.problem.empty());
    CHECK(server.problem != "not reached yet");
  }
  CHECK_FALSE(alpha->best_server());
}

TEST_CASE("a server that says nothing hangs, and goes on to hang, for one and the same reason") {
  // Within the first probe an attempt to connect ends, or it does not: both are silence.
  for (const auto connect_timeout : {std::chrono::milliseconds(200), std::chrono::milliseconds(900)}) {
    Watching watching;
    watching.settings.pool.connection.connect_timeout = connect_timeout;
    const asio::ip::tcp::acceptor silent(watching.io, {asio::ip::address_v4::loopback(), 0});
    const auto conninfo =
        "host=127.0.0.1 dbname=movies port=" + std::to_string(silent.local_endpoint().port());
    const auto alpha = std::make_shared<WatchedShard>(Shard{"alpha", conninfo, {}}, sample_map());
    HealthWatch watch(watching.io, watching.settings,
                      {.changed = [](const Changes&) {},
                       .probed = [](const WatchedShardPtr&, std::size_t) -> Awaitable<void> { co_return; }});
    watch.start();
    watch.watch(alpha);
    REQUIRE(watching.run_until([&] { return alpha->settled(); }));
    std::set<std::string> problems;
    const auto until = Clock::now() + 2 * connect_timeout;
    watching.run_until([&] {
      problems.insert(alpha->state.servers[0].problem);
      CHECK(alpha->state.servers[0].hangs);
      return Clock::now() >= until;
    });
    CHECK(problems == std::set<std::string>{"does not answer"});
    watch.stop();
    watching.run_for(std::chrono::milliseconds(50));
  }
}

TEST_CASE("a shard that is left is not probed any more, others are") {
  Watching watching;
  const auto alpha = watching.shard("alpha"), beta = watching.shard("beta");
  watching.watch.watch(alpha);
  watching.watch.watch(beta);
  REQUIRE(watching.run_until([&] { return alpha->settled() && beta->settled(); }));
  watching.watch.leave(*alpha);
  watching.run_for(std::chrono::milliseconds(50));
  watching.probed.clear();
  REQUIRE(watching.run_until([&] { return std::ranges::count(watching.probed, "beta") >= 3; }));
  CHECK(std::ranges::count(watching.probed, "alpha") == 0);
}

TEST_CASE("a watch that is stopped ends: nothing is left to wait for") {
  Watching watching;
  const auto alpha = watching.shard("alpha");
  watching.watch.watch(alpha);
  REQUIRE(watching.run_until([&] { return alpha->settled(); }));
  watching.watch.stop();
  watching.run_for(std::chrono::seconds(5));
  CHECK(watching.io.stopped());
  watching.probed.clear();
  watching.watch.watch(watching.shard("beta"));  // too late
  watching.run_for(std::chrono::milliseconds(50));
  CHECK(watching.probed.empty());
}

TEST_CASE("close probes begin once, however many requests ask for them") {
  Watching watching;
  CHECK(watching.watch.probe_closely());
  CHECK_FALSE(watching.watch.probe_closely());
}
