#include "router/topology/control.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/router/topology/closed_port.hpp"
#include "tests/router/topology/map_file.hpp"
#include "tests/router/topology/sample_shards.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

/// The control thread of a router whose servers all refuse connections.
class DarkCluster {
 public:
  bool run_until(const std::function<bool()>& holds) {
    const auto until = Clock::now() + std::chrono::seconds(10);
    while (!holds() && Clock::now() < until) io_.run_one_for(std::chrono::milliseconds(100));
    return holds();
  }
  void start() {
    control.start();
    REQUIRE(run_until([&] { return control.latest() != nullptr; }));
  }

 private:
  asio::io_context io_{1};
  IdSource ids_;

 public:
  const std::string alpha = closed_port_conninfo(1), beta = closed_port_conninfo(2);
  const MapFile file;
  const Settings settings = [this] {
    Settings all;
    all.map_file = file.path();
    all.poll_interval = std::chrono::milliseconds(20);
    return all;
  }();
  Metrics metrics{1};
  std::vector<SnapshotPtr> told;
  const std::shared_ptr<const ShardMap> map = [this] {
    const auto sample = sample_map();
    return std::make_shared<const ShardMap>(
        sample->cluster(), std::vector<Shard>{{"alpha", alpha, {}}, {"beta", beta, {}}}, sample->groups(),
        sample->tables(), sample->relations(), sample->views(), sample->functions());
  }();
  Control control{io_,  settings, map,
                  ids_, metrics,  [this](const SnapshotPtr& snapshot) { told.push_back(snapshot); }};
};

}  // namespace

TEST_CASE("a router whose shards are all down publishes that nobody is known to own anything") {
  DarkCluster cluster;
  CHECK_FALSE(cluster.control.latest());
  CHECK(cluster.control.readiness().missing == std::vector<std::string>{"no shard has been asked yet"});
  cluster.start();
  REQUIRE_FALSE(cluster.told.empty());
  const auto& snapshot = *cluster.told.front();
  CHECK(snapshot.map == cluster.map);
  CHECK_FALSE(snapshot.catalogue);
  CHECK(snapshot.ownership->owner(GroupId{0}, Slot{0}).fault == Ownership::Fault::shard_unknown);
  CHECK_FALSE(snapshot.shards[0].primary);
  const auto missing = cluster.control.readiness().missing;
  REQUIRE(missing.size() >= 4);
  CHECK(missing[0].starts_with("shard alpha has no primary: 127.0.0.1:"));
  CHECK(missing[1].starts_with("shard beta has no primary: 127.0.0.1:"));
  CHECK(missing[2] == "no shard's catalogue has been read");
  CHECK(missing.back() == "no shard has promised any ids for new rows");
}

TEST_CASE("requests for a refresh are one as long as close probes go on") {
  DarkCluster cluster;
  cluster.control.start();
  for (int i = 0; i < 5; ++i) cluster.control.request_refresh();
  REQUIRE(cluster.run_until([&] { return cluster.metrics.map_refreshes > 0; }));
  CHECK(cluster.metrics.map_refreshes == 1);
}

TEST_CASE("a map file that cannot be used leaves the map that serves") {
  DarkCluster cluster;
  cluster.start();
  cluster.file.write("primary: nonsense", "primary: host=b");
  cluster.control.reload();
  REQUIRE(cluster.run_until([&] { return cluster.metrics.map_reload_failures > 0; }));
  CHECK(cluster.control.latest()->map == cluster.map);
  CHECK(cluster.control.latest()->map_version == 1);
}

TEST_CASE("a map that is read again is taken over whole once all of its servers have been probed") {
  DarkCluster cluster;
  cluster.start();
  cluster.file.write("primary: " + cluster.alpha + ", replicas: [" + cluster.beta + "]",
                     "primary: " + closed_port_conninfo(3));
  cluster.control.reload();
  REQUIRE(cluster.run_until([&] { return cluster.control.latest()->map_version == 2; }));
  CHECK(cluster.metrics.map_reloads == 1);
  const auto& snapshot = *cluster.told.back();
  CHECK(snapshot.map_version == 2);
  REQUIRE(snapshot.shards.size() == 2);
  REQUIRE(snapshot.shards[0].servers.size() == 2);
  CHECK(snapshot.shards[0].servers[1].conninfo == cluster.beta);
  for (const auto& shard : snapshot.shards)
    for (const auto& server : shard.servers) CHECK(server.problem != "not reached yet");
}
