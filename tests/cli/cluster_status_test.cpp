#include <chrono>

#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

/// The server of a shard that the map configures as `configured`.
boost::json::value server(const boost::json::value& status, std::string_view shard,
                          std::string_view configured) {
  for (const auto& one : status.at("servers").as_array())
    if (one.at("shard").as_string() == shard && one.at("configured").as_string() == configured) return one;
  FAIL("no such server");
  return {};
}

boost::json::value table(const boost::json::value& shard, std::string_view name) {
  for (const auto& one : shard.at("tables").as_array())
    if (one.at("name").as_string() == name) return one;
  FAIL("no such table");
  return {};
}

std::string movies(int count) {
  std::string rows;
  for (int id = 1; id <= count; ++id) rows += "{\"id\":" + std::to_string(id) + "}\n";
  return rows;
}

/// Until each shard's replica has all that its primary has written so far; at most 20 s.
void wait_for_replicas(const Cluster& cluster) {
  for (const auto& shard : cluster.shards()) {
    const auto caught_up =
        "SELECT pg_last_wal_replay_lsn() >= '" + cluster.sql(shard, "SELECT pg_current_wal_lsn()") + "'";
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (cluster.sql(shard + "-1", caught_up) != "t") REQUIRE(std::chrono::steady_clock::now() < end);
  }
}

}  // namespace

TEST_CASE("a healthy cluster is shown with roles, ownership and rows, and exits with 0") {
  Cluster& cluster = initialised(hash_cluster());
  REQUIRE(load(cluster, "movies", movies(100)).exit == 0);
  const auto json = status(cluster, 0, {"--exact"});
  CHECK(server(json, "alpha", "primary").at("role") == "primary");
  CHECK(server(json, "alpha", "replica").at("role") == "replica");
  CHECK(server(json, "beta", "replica").at("lag_bytes").is_int64());
  CHECK(json.at("faults").as_array().empty());
  const auto& shards = json.at("shards").as_array();
  REQUIRE(shards.size() == 2);
  CHECK(shards[0].at("epoch") == 2);
  CHECK(shards[0].at("groups").at(0).at("owned") == 512);
  const auto rows =
      table(shards[0], "movies").at("rows").as_int64() + table(shards[1], "movies").at("rows").as_int64();
  CHECK(rows == 100);
  CHECK(table(shards[0], "movies").at("exact") == true);
  const CommandRun text = run_shardplex({"cluster", "status", "--map", cluster.map()});
  CHECK(text.exit == 0);
  // The load's ANALYZE is the estimate.
  CHECK(text.says("alpha\tmovies\t~" + cluster.sql("alpha", "SELECT count(*) FROM movies")));
}

TEST_CASE("rows in slots that are not owned are counted as leftovers, and unowned slots are a fault") {
  Cluster& cluster = initialised(hash_cluster());
  REQUIRE(load(cluster, "movies", movies(500)).exit == 0);
  const std::string slots = "(SELECT array_agg(slot) FROM shardplex.slots WHERE slot < 100)";
  cluster.sql("alpha", "SELECT shardplex.fence_slots('catalog', " + slots + ")");
  const auto fenced = status(cluster, 0);
  CHECK(fenced.at("shards").at(0).at("groups").at(0).at("fenced") == 100);
  CHECK(table(fenced.at("shards").at(0), "movies").at("leftover_rows") == 0);
  cluster.sql("alpha", "SELECT shardplex.hand_over_slots('catalog', " + slots + ")");
  const auto moved = status(cluster, 1);
  CHECK(moved.at("shards").at(0).at("groups").at(0).at("moved") == 100);
  CHECK(std::to_string(table(moved.at("shards").at(0), "movies").at("leftover_rows").as_int64()) ==
        cluster.sql("alpha", "SELECT count(*) FROM movies WHERE shardplex_slot < 100"));
  CHECK(table(moved.at("shards").at(0), "movies").at("leftover_rows").as_int64() > 0);
  CHECK(boost::json::serialize(moved.at("faults")).find("0-99") != std::string::npos);
}

TEST_CASE(
    "a dead replica is shown and no fault; a dead primary is one, and the other shards are still shown") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.control("stop-server", "alpha-1");
  const auto without_replica = status(cluster, 0);
  CHECK(server(without_replica, "alpha", "replica").at("state") == "unreachable");
  cluster.control("stop-server", "beta");
  const auto without_primary = status(cluster, 1);
  CHECK(server(without_primary, "beta", "primary").at("state") == "unreachable");
  CHECK(server(without_primary, "beta", "primary").at("problem").is_string());
  CHECK(server(without_primary, "beta", "replica").at("state") == "up");
  REQUIRE(without_primary.at("shards").as_array().size() == 1);
  CHECK(without_primary.at("shards").at(0).at("name") == "alpha");
  const CommandRun text = run_shardplex({"cluster", "status", "--map", cluster.map()});
  CHECK(text.exit == 1);
  CHECK(text.says("error: beta: no primary can be reached"));

  const CommandRun refused = load(cluster, "movies", movies(10));
  CHECK(refused.exit == 1);
  CHECK(refused.says("error: beta: "));
  CHECK(cluster.sql("alpha", "SELECT count(*) FROM movies") == "0");
  CHECK(init(cluster.map()).exit == 1);
  cluster.control("start-server", "beta");
  cluster.control("start-server", "alpha-1");
  CHECK(status(cluster, 0).at("faults").as_array().empty());
}

TEST_CASE("a cluster that was not initialised, or has a shard of another name, is at fault") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  CHECK(boost::json::serialize(status(cluster, 1).at("faults")).find("not initialised") != std::string::npos);
  initialised(cluster);
  cluster.sql("beta", "UPDATE shardplex.shard SET name = 'gamma'");
  CHECK(server(status(cluster, 1), "beta", "primary").at("problem") ==
        "it says it is shard gamma of cluster movies");
}

TEST_CASE("a shard whose directory of servers differs from the map is warned of, and is no fault") {
  Cluster& cluster = initialised(hash_cluster());
  wait_for_replicas(cluster);
  const auto told = [&] {
    std::string text;
    const auto json = status(cluster, 0);
    for (const auto& shard : json.at("shards").as_array())
      for (const auto& difference : shard.at("directory_differences").as_array())
        text.append(shard.at("name").as_string()).append(": ").append(difference.as_string()).append("\n");
    return text;
  };
  CHECK(told().empty());
  cluster.sql("alpha", "UPDATE shardplex.shards SET replicas = '{}' WHERE name = 'beta'");
  cluster.sql("alpha", "INSERT INTO shardplex.shards VALUES ('gamma', 2, 'host=c')");
  cluster.sql("beta", "DELETE FROM shardplex.shards WHERE name = 'alpha'");
  cluster.sql("beta", "UPDATE shardplex.shards SET position = 7");
  CHECK(
      told() ==
      "alpha: its directory has other servers of shard beta than the map (shardplex cluster init writes it)\n"
      "alpha: its directory has shard gamma, which the map does not have\n"
      "beta: its directory does not have shard alpha (shardplex cluster init writes it)\n"
      "beta: its directory has shard beta in another place than the map (shardplex cluster init writes "
      "it)\n");
  cluster.sql("beta", "DROP TABLE shardplex.shards");
  const CommandRun text = run_shardplex({"cluster", "status", "--map", cluster.map()});
  CHECK(text.exit == 0);
  CHECK(text.says("warning: alpha: its directory has shard gamma"));
  CHECK(text.says("warning: beta: there is no directory of the cluster's servers yet"));
}
