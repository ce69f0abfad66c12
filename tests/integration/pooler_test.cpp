// A router whose servers are behind PgBouncer.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

const Headers as_json{{"Content-Type", "application/json"}};

const Cluster& cluster() {
  static const Cluster cluster = [] {
    Cluster made({.shards = 2, .replicas = 0});
    made.initialise();
    made.load("movies", make_movies({"--count", "60"}));
    return made;
  }();
  return cluster;
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

}  // namespace shardplex::integration
