#include "operations/shard/primary.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "operations/process/failure.hpp"
#include "shard_map/yaml_map.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::operations;
using namespace shardplex::test;

namespace {

/// A port on which connections are taken and nothing is ever said.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(socket_, 8) == 0);
    REQUIRE(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { close(socket_); }
  SilentServer(const SilentServer&) = delete;

  std::string conninfo() const {
    return "host=127.0.0.1 dbname=movies user=shardplex port=" + std::to_string(port_);
  }

 private:
  int socket_;
  int port_ = 0;
};

ShardMap map_of(const Cluster& cluster) {
  return std::get<ShardMap>(read_shard_map_file(cluster.map()));
}

/// Where the primary of alpha is found, of these servers of the cluster.
std::string found_at(const Cluster& cluster, const Shard& shard) {
  const PrimaryFound found = find_primary(map_of(cluster), shard);
  return pqxx::read_transaction(*found.connection).exec1("SELECT current_setting('port')")[0].c_str();
}

std::string port_of(const Cluster& cluster, const std::string& server) {
  const auto conninfo = cluster.conninfo(server);
  return conninfo.substr(conninfo.find("port=") + 5);
}

std::string failure_of(const Cluster& cluster, const Shard& shard,
                       Uninitialised uninitialised = Uninitialised::refused) {
  try {
    const auto found = find_primary(map_of(cluster), shard, uninitialised);
    return "found " + found.conninfo;
  } catch (const CommandFailed& failure) {
    return failure.what();
  }
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Until the replica of alpha has replayed that it is one.
void wait_for_replica(const Cluster& cluster) {
  const auto written = cluster.sql("alpha", "SELECT pg_current_wal_lsn()");
  for (int i = 0; i < 1000; ++i) {
    if (cluster.sql("alpha-1", "SELECT pg_last_wal_replay_lsn() >= '" + written + "'") == "t") return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  FAIL("alpha-1 does not catch up");
}

std::string problem_in(const boost::json::value& server) {
  return std::string(server.at("problem").as_string());
}

constexpr const char* nobody = "host=127.0.0.1 port=1 dbname=movies user=shardplex";

}  // namespace

TEST_CASE(
    "a primary that other shards know to have been replaced is not taken, though its successor is away") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("beta", "INSERT INTO shardplex.timelines (shard, ruling, timeline) VALUES ('alpha', 0, 9)");
  const Shard alpha = map_of(cluster).shards()[0];
  CHECK(contains(failure_of(cluster, alpha), "an old primary on an earlier timeline (1; 9 is known)"));
  CHECK(contains(failure_of(cluster, map_of(cluster).shards()[1]), "found "));
  // Nor does init go on with what the map calls the primary.
  const auto run = init(cluster.map());
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("9 is known"), run);
  cluster.sql("beta", "DELETE FROM shardplex.timelines WHERE shard = 'alpha'");
  CHECK(contains(failure_of(cluster, alpha), "found "));
}

TEST_CASE("the primary of a shard is found in whatever place the map names it") {
  Cluster& cluster = initialised(hash_cluster());
  const std::string alpha = cluster.conninfo("alpha"), replica = cluster.conninfo("alpha-1");
  const std::string port = port_of(cluster, "alpha");
  CHECK(found_at(cluster, {"alpha", alpha, {}}) == port);
  CHECK(found_at(cluster, {"alpha", alpha, {replica}}) == port);
  CHECK(found_at(cluster, {"alpha", replica, {alpha}}) == port);
  CHECK(found_at(cluster, {"alpha", nobody, {"not a connection string", replica, alpha}}) == port);
  CHECK(find_primary(map_of(cluster), {"alpha", alpha, {}}).conninfo == alpha);
  CHECK(find_primary(map_of(cluster), {"alpha", alpha, {}}).timeline == 1);
}

TEST_CASE("one database under two names is no second primary") {
  Cluster& cluster = initialised(hash_cluster());
  const std::string alpha = cluster.conninfo("alpha");
  CHECK(find_primary(map_of(cluster), {"alpha", alpha, {alpha + " application_name=again"}}).conninfo ==
        alpha);
}

TEST_CASE("where no server is the primary, each one's reason is told") {
  Cluster& cluster = initialised(hash_cluster());
  wait_for_replica(cluster);
  const Shard shard{
      "alpha", cluster.conninfo("beta"), {cluster.conninfo("alpha-1"), nobody, "not a connection string"}};
  const std::string failure = failure_of(cluster, shard);
  CAPTURE(failure);
  CHECK(failure.starts_with("alpha: no primary was found: "));
  CHECK(
      contains(failure, port_of(cluster, "beta") + "/movies: it says it is shard beta of cluster movies; "));
  CHECK(contains(failure, port_of(cluster, "alpha-1") + "/movies: a replica; "));
  CHECK(contains(failure, "127.0.0.1:1/movies: connection to server"));
  CHECK(contains(failure, "(connection string not understood): "));
}

TEST_CASE("a database that is no shard yet is found only where that is allowed") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  const Shard alpha{"alpha", cluster.conninfo("alpha"), {}};
  CHECK(contains(failure_of(cluster, alpha), "not initialised"));
  CHECK(find_primary(map_of(cluster), alpha, Uninitialised::allowed).conninfo == alpha.primary);
  CHECK(contains(failure_of(cluster, {"alpha", alpha.primary, {nobody}}, Uninitialised::allowed),
                 "not initialised, and another server of the shard may be the shard"));
  initialised(cluster);
  CHECK(find_primary(map_of(cluster), alpha, Uninitialised::allowed).conninfo == alpha.primary);
  CHECK(contains(failure_of(cluster, {"alpha", cluster.conninfo("beta"), {}}, Uninitialised::allowed),
                 "it says it is shard beta"));
}

TEST_CASE("a server that says nothing holds up neither finding the primary nor finding none") {
  using namespace std::chrono;
  Cluster& cluster = initialised(hash_cluster());
  const SilentServer dead;
  auto start = steady_clock::now();
  CHECK(found_at(cluster, {"alpha", dead.conninfo(), {cluster.conninfo("alpha"), dead.conninfo()}}) ==
        port_of(cluster, "alpha"));
  CHECK(steady_clock::now() - start < seconds(4));
  start = steady_clock::now();
  CHECK(contains(failure_of(cluster, {"alpha", dead.conninfo(), {}}), "/movies: no answer in time"));
  CHECK(steady_clock::now() - start < seconds(15));
}

TEST_CASE("a primary that only says nothing is not taken for one that was replaced") {
  Cluster& cluster = initialised(hash_cluster());
  const SilentServer dead;
  const std::string alpha = cluster.conninfo("alpha");
  const auto since = [&](const Shard& shard, std::int64_t timeline) {
    std::vector<PrimaryFound> found;
    found.push_back({nullptr, shard.primary, timeline});
    const ShardMap whole = map_of(cluster);
    auto shards = whole.shards();
    shards.front() = shard;
    return primaries_since(ShardMap(whole.cluster(), shards, whole.groups(), whole.tables(),
                                    whole.relations(), whole.views(), whole.functions()),
                           found);
  };
  const auto well = since({"alpha", alpha, {}}, 1);
  CHECK(well.replaced.empty());
  CHECK(well.silent.empty());
  const auto silent = since({"alpha", dead.conninfo(), {cluster.conninfo("alpha-1")}}, 1);
  CHECK(silent.replaced.empty());
  CHECK(silent.silent.contains("alpha"));
  CHECK(since({"alpha", nobody, {alpha}}, 1).replaced.size() == 1);
  CHECK(since({"alpha", nobody, {cluster.conninfo("alpha-1")}}, 0).replaced.size() == 1);  // it has followed
  CHECK(since({"alpha", cluster.conninfo("alpha-1"), {}}, 1).replaced.size() == 1);
}

TEST_CASE("after a failover the promoted replica is the primary, and stays so when the old one comes back") {
  Cluster cluster("--shards 1 --replicas 2 --map hash");
  initialised(cluster);
  const Shard alpha = map_of(cluster).shards().front();
  REQUIRE(find_primary(map_of(cluster), alpha).timeline == 1);
  cluster.control("kill", "alpha");
  CHECK(contains(failure_of(cluster, alpha), "a replica"));
  cluster.sql("alpha-1", "SELECT pg_promote()");
  CHECK(find_primary(map_of(cluster), alpha).conninfo == alpha.replicas[0]);
  cluster.control("start-server", "alpha");
  CHECK(find_primary(map_of(cluster), {"alpha", alpha.primary, {}}).timeline == 1);
  const auto found = find_primary(map_of(cluster), alpha);
  CHECK(found.conninfo == alpha.replicas[0]);
  CHECK(found.timeline == 2);

  // What is loaded goes there, though the map names the old one, and that is there as well.
  const std::string film = R"({"director":"after the failover"})";
  const auto loaded = load(cluster, "movies", film);
  REQUIRE_MESSAGE(loaded.exit == 0, loaded);
  CHECK(cluster.sql("alpha-1", "SELECT count(*) FROM movies") == "1");
  CHECK(cluster.sql("alpha", "SELECT count(*) FROM movies") == "0");
  const auto of_old = status(cluster, 1).at("servers").as_array()[0];
  CHECK(problem_in(of_old).starts_with("an old primary on an earlier timeline (1; 2 is known)"));

  // Both replicas promoted: nothing tells which one has the shard's writes.
  cluster.sql("alpha-2", "SELECT pg_promote()");
  const auto failure = failure_of(cluster, alpha);
  CHECK(contains(failure, "two servers are primaries on the same timeline (2)"));
  // Everybody who looks for a primary says so.
  const auto servers = status(cluster, 1).at("servers").as_array();
  CHECK(problem_in(servers[0]).starts_with("an old primary on an earlier timeline (1; 2 is known)"));
  for (const std::size_t rival : {1, 2})
    CHECK(contains(
        failure, std::string(servers[rival].at("address").as_string()) + ": " + problem_in(servers[rival])));
  const auto refused = load(cluster, "movies", film);
  CHECK(refused.exit == 1);
  CHECK_MESSAGE(refused.says(failure), refused);
}
