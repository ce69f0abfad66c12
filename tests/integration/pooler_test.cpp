// A router, and the command line, whose servers are behind PgBouncer.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

const Headers as_json{{"Content-Type", "application/json"}};

const Cluster& cluster() {
  static const auto cluster = [] {
    auto made = std::make_unique<Cluster>(ClusterOptions{.shards = 2, .replicas = 0});
    made->initialise();
    made->load("movies", make_movies({"--count", "60"}));
    return made;
  }();
  return *cluster;
}

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// PgBouncer before the cluster's servers, on a socket in a folder, and the map of the cluster behind it.
class Pooler {
 public:
  explicit Pooler(const std::string& pool_mode) {
    namespace fs = std::filesystem;
    fs::permissions(folder_.path(), fs::perms::all);  // PgBouncer does not run as root
    std::string databases, map = text_of(cluster().map_file());
    for (const auto& shard : cluster().shards()) {
      const auto direct = cluster().conninfo(shard);
      databases += shard + " = " + direct + '\n';
      const auto pooled = "host=" + folder_.path() + " port=6432 dbname=" + shard + " user=shardplex";
      map = std::regex_replace(map, std::regex("primary: " + direct), "primary: " + pooled);
    }
    map_file_ = folder_.write("map.yaml", map);
    const auto configuration =
        folder_.write("pgbouncer.ini", "[databases]\n" + databases +
                                           "[pgbouncer]\nlisten_addr =\nlisten_port = 6432\n"
                                           "auth_type = any\ndefault_pool_size = 50\n"
                                           "unix_socket_dir = " +
                                           folder_.path() + "\npool_mode = " + pool_mode + '\n');
    std::vector<std::string> command{"/usr/sbin/pgbouncer", configuration};
    if (geteuid() == 0) command.insert(command.begin() + 1, {"-u", "postgres"});
    process_.emplace(command);
    wait_until("PgBouncer listens", [&] { return fs::exists(folder_.path() + "/.s.PGSQL.6432"); });
  }

  const std::string& map_file() const { return map_file_; }

 private:
  TemporaryFolder folder_;
  std::string map_file_;
  std::optional<Process> process_;
};

/// Takes away what a case has loaded, and the pooler's addresses from the shards.
struct Undone {
  Undone() = default;
  Undone(const Undone&) = delete;
  ~Undone() {
    for (const auto& shard : cluster().shards())
      Database(cluster().conninfo(shard)).run("DELETE FROM movies WHERE id > 1000");
    cluster().initialise();
  }
};

/// Whether this PgBouncer lends replication connections: from 1.23 on.
bool passes_replication() {
  const auto version = run({"pgbouncer", "--version"}).output;
  int major = 0, minor = 0;
  REQUIRE(std::sscanf(version.c_str(), "PgBouncer %d.%d", &major, &minor) == 2);
  return std::pair(major, minor) >= std::pair(1, 23);
}

}  // namespace

TEST_CASE("a router works through PgBouncer that lends whole sessions") {
  const Pooler pooler("session");
  Router router(pooler.map_file());
  HttpClient client(router.port());
  CHECK(client.get("/movies?order=imdb_score.desc,name&limit=20").body == [] {
    Router direct(cluster().map_file());
    return HttpClient(direct.port()).get("/movies?order=imdb_score.desc,name&limit=20").body;
  }());
  CHECK(client.get("/movies/1").status == 200);
  const auto made = client.request("POST", "/movies", as_json, R"({"name":"pooled"})");
  INFO(made.body);
  CHECK(made.status == 201);
  CHECK(client.request("DELETE", "/movies?id=eq.2", as_json).status == 204);
}

TEST_CASE("a pooler that lends sessions for a transaction only is named, and nothing is asked of it") {
  const Pooler pooler("transaction");
  Router router(pooler.map_file(), {.arguments = {"--workers", "2"}, .wait_until_ready = false});
  HttpClient client(router.port());
  wait_until("the pooler is named", [&] {
    client.get("/movies?limit=20&order=name");
    for (const auto& line : router.process().errors())
      if (line.find("pool_mode = session") != std::string::npos) return true;
    return false;
  });
}

TEST_CASE(
    "the command line works through PgBouncer that lends whole sessions, but for moves, which it names") {
  const Pooler pooler("session");
  const Undone undone;
  const auto run_through = [&](std::vector<std::string> command, const std::vector<std::string>& more = {}) {
    command.insert(command.end(), {"--map", pooler.map_file()});
    command.insert(command.end(), more.begin(), more.end());
    return run_shardplex(command);
  };
  // The shards keep the addresses of the map that a cluster was made with.
  auto done = run_through({"cluster", "init"});
  CHECK_MESSAGE(done.status == 0, done.output << done.errors);
  done = run_through({"cluster", "status"});
  CHECK_MESSAGE(done.status == 0, done.output << done.errors);
  const TemporaryFolder folder;
  const auto rows = folder.write("rows.ndjson", "{\"id\":1001,\"name\":\"pooled\"}\n{\"id\":1002}\n");
  done = run_through({"load"}, {"--table", "movies", rows});
  CHECK_MESSAGE(done.status == 0, done.output << done.errors);
  done = run_through({"verify"});
  CHECK_MESSAGE(done.status == 0, done.output << done.errors);

  Database alpha(cluster().conninfo("alpha"));
  const auto slot = alpha.value("SELECT min(slot) FROM shardplex.slots WHERE state = 'owned'").value();
  if (passes_replication()) return;
  const auto plan =
      folder.write("plan.yaml", "version: 1\ncluster: movies\nmoves:\n  - {group: catalog, slots: [" + slot +
                                    "], from: alpha, to: beta}\n");
  done = run_through({"rebalance", "check"}, {plan});
  INFO(done.output, done.errors);
  CHECK(done.status == 1);
  CHECK((done.output + done.errors).find("replication") != std::string::npos);
}

TEST_CASE(
    "the command line, too, names a pooler that lends sessions for a transaction only, and changes nothing") {
  const Pooler pooler("transaction");
  const TemporaryFolder folder;
  const auto rows = folder.write("rows.ndjson", "{\"id\":1003}\n");
  const std::vector<std::vector<std::string>> commands{
      {"cluster", "init", "--map", pooler.map_file()},
      {"cluster", "status", "--map", pooler.map_file()},
      {"verify", "--map", pooler.map_file()},
      {"rebalance", "status", "--map", pooler.map_file()},
      {"load", "--map", pooler.map_file(), "--table", "movies", rows}};
  for (const auto& command : commands) {
    const auto refused = run_shardplex(command);
    INFO(command[0], " ", command[1], ": ", refused.output, refused.errors);
    CHECK(refused.status == 1);
    CHECK((refused.output + refused.errors).find("pool_mode = session") != std::string::npos);
  }
  for (const auto& shard : cluster().shards())
    CHECK(Database(cluster().conninfo(shard)).number("SELECT count(*) FROM movies WHERE id = 1003") == 0);
}

}  // namespace shardplex::integration
