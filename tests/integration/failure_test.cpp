// What clients see when servers and routers die, stall, disagree and come back.
#include <doctest/doctest.h>

#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <csignal>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

constexpr int film_count = 200;
const Headers strong{{"Shardplex-Consistency", "strong"}};
const Headers as_json{{"Content-Type", "application/json"}};
const Router::Options unready{.arguments = {}, .environment = {}, .wait_until_ready = false};

/// Two shards with a replica each, which every test leaves as it found them.
const Cluster& cluster() {
  struct Loaded : Cluster {
    Loaded() : Cluster({.shards = 2, .replicas = 1, .map = "hash"}) {
      initialise();
      load("movies", make_movies({"--count", std::to_string(film_count)}));
      load("genres", make_movies({"--genres"}));
      wait_for_replicas();
    }
  };
  static const Loaded loaded;
  return loaded;
}

/// The path of a film on this shard.
std::string film_on(const std::string& shard) {
  for (std::int64_t id = 1;; ++id)
    if (cluster().shard_of("movies", id) == shard) return "/movies/" + std::to_string(id);
}

std::string asked(const HttpResponse& answer) {
  return answer.header("Shardplex-Shards").value_or("");
}

void check_unavailable(const HttpResponse& answer, const std::string& shard) {
  INFO(answer.body);
  CHECK(answer.status == 503);
  CHECK(answer.error_code() == "SHARD503");
  CHECK(answer.body.find(shard) != std::string::npos);
  CHECK(answer.header("Retry-After"));
}

HttpResponse patch(HttpClient& client, const std::string& film, const std::string& name) {
  return client.request("PATCH", film, as_json, R"({"director":")" + name + "\"}");
}

/// Waits until a read of `film` is answered by `server`; every answer on the way there has to be good.
void wait_for_reads_from(const std::string& server, HttpClient& client, const std::string& film) {
  wait_until("reads come from " + server, [&] {
    const auto answer = client.get(film);
    CHECK(answer.status == 200);
    return asked(answer) == server;
  });
}

/// The router's own connections come back a moment after its watch over the servers says that they may.
void wait_until_written(HttpClient& client, const std::string& film, const std::string& name) {
  wait_until(film + " can be written", [&] {
    const auto answer = patch(client, film, name);
    if (answer.status != 204) check_unavailable(answer, "alpha");
    return answer.status == 204;
  });
}

/// All films or a clear error, never some.
unsigned check_whole_or_refused(HttpClient& client, const Headers& headers) {
  const auto answer = client.get("/movies?select=id&limit=1000", headers);
  if (answer.status == 200)
    CHECK(json::parse(answer.body).as_array().size() == film_count);
  else
    check_unavailable(answer, "alpha");
  return answer.status;
}

}  // namespace

TEST_CASE("reads go on from the primary when a replica dies, and return to it when it is back") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  const auto film = film_on("alpha");
  wait_for_reads_from("alpha-1", client, film);
  cluster().kill("alpha-1");
  for (int i = 0; i < 50; ++i) {
    CHECK(client.get(film).status == 200);
    CHECK(check_whole_or_refused(client, {}) == 200);
  }
  wait_for_reads_from("alpha", client, film);
  cluster().start("alpha-1");
  wait_for_reads_from("alpha-1", client, film);
}

TEST_CASE(
    "a shard without its primary still reads, refuses to write by name, and comes back without a restart") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  const auto alpha = film_on("alpha"), beta = film_on("beta");
  REQUIRE(patch(client, alpha, "before").status == 204);
  cluster().wait_for_replicas();
  wait_for_reads_from("alpha-1", client, alpha);

  cluster().kill("alpha");
  for (int i = 0; i < 30; ++i) {
    check_unavailable(patch(client, alpha, "lost"), "alpha");
    check_unavailable(client.get(alpha, strong), "alpha");
    const auto answer = client.get(alpha + "?select=director");
    CHECK(answer.status == 200);
    CHECK(asked(answer) == "alpha-1");
    CHECK(answer.body == R"({"director":"before"})");
    CHECK(patch(client, beta, "beta goes on").status == 204);
    CHECK(client.get(beta, strong).status == 200);
    CHECK(check_whole_or_refused(client, {}) == 200);
    CHECK(check_whole_or_refused(client, strong) == 503);
  }
  CHECK(router.wait_for_ready_status(503).body.find("shard alpha has no primary") != std::string::npos);

  cluster().start("alpha");
  router.wait_until_ready();
  wait_until_written(client, alpha, "after");
  CHECK(client.get(alpha + "?select=director", strong).body == R"({"director":"after"})");
}

TEST_CASE("a shard that is gone altogether is named, and nothing partial is answered for it") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  const auto alpha = film_on("alpha"), beta = film_on("beta");
  cluster().kill("alpha-1");
  cluster().kill("alpha");
  for (int i = 0; i < 30; ++i) {
    check_unavailable(client.get(alpha), "alpha");
    check_unavailable(patch(client, alpha, "lost"), "alpha");
    CHECK(check_whole_or_refused(client, {}) == 503);
    check_unavailable(client.get("/movies?limit=1", {{"Prefer", "count=exact"}}), "alpha");
    CHECK(client.get(beta).status == 200);
    CHECK(client.get("/genres?limit=3").status == 200);  // any shard will do
  }
  cluster().start("alpha");
  cluster().start("alpha-1");
  router.wait_until_ready();
  // The router's own connections come back a moment after its watch over the servers says that they may. A
  // read waits for that, but no longer than it takes on a machine that has time for it.
  wait_until("the film is read", [&] { return client.get(alpha).status == 200; });
  wait_until_written(client, alpha, "back");
  wait_until("films are read from all shards", [&] { return check_whole_or_refused(client, strong) == 200; });
  wait_for_reads_from("alpha-1", client, alpha);
}

TEST_CASE("connections to all servers of a shard that are cut at once, again and again, cost no read") {
  const Router router(cluster().map_file());
  const std::vector<std::string> paths{film_on("alpha"), "/movies?select=id&limit=1000",
                                       "/movies?select=id&order=id&limit=20", "/genres?limit=3"};
  std::atomic<bool> stop{false};
  std::vector<std::atomic<int>> answers(paths.size());
  std::mutex mutex;
  std::set<std::string> refused;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < paths.size(); ++i)
    threads.emplace_back([&, i] {
      HttpClient client(router.port());
      while (!stop) {
        const auto answer = client.get(paths[i]);
        ++answers[i];
        if (answer.status == 200) continue;
        const std::scoped_lock lock(mutex);
        refused.insert(paths[i] + ": " + answer.body);
      }
    });
  Database primary(cluster().conninfo("alpha")), replica(cluster().conninfo("alpha-1"));
  for (int cut = 0; cut < 20; ++cut) {
    for (auto* server : {&primary, &replica})
      server->run(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'shardplexd%'");
    // No read meets two of the cuts.
    for (auto& count : answers)
      wait_until("reads go on", [&, before = count.load()] { return count >= before + 2; });
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  for (const auto& failure : refused) FAIL_CHECK(failure);
}

TEST_CASE("a router starts without a shard, says which, serves the others, and takes it in when it comes") {
  cluster().kill("alpha-1");
  cluster().kill("alpha");
  const Router router(cluster().map_file(), unready);
  HttpClient client(router.port());
  const auto beta = film_on("beta");
  wait_until("the other shard is served", [&] { return client.get(beta).status == 200; });
  wait_until("nothing else is missing", [&] {
    const auto ready = router.admin("/ready?strict");
    CHECK(ready.status == 503);
    CHECK(ready.body.find("shard alpha has no primary") != std::string::npos);
    return ready.body.find("beta") == std::string::npos;
  });
  check_unavailable(client.get(film_on("alpha")), "alpha");
  CHECK(check_whole_or_refused(client, {}) == 503);
  CHECK(patch(client, beta, "early").status == 204);
  // It is degraded, which is no reason for a load balancer to send its requests elsewhere: all routers are.
  wait_until("it serves", [&] { return router.admin("/ready").status == 200; });
  CHECK(router.admin("/ready").body.find(R"("state":"degraded")") != std::string::npos);
  // Ids are promised by the shard that is there, and only such are drawn as it can store.
  wait_until("ids are promised",
             [&] { return client.request("POST", "/movies", as_json, "{}").status == 201; });
  for (int i = 0; i < 50; ++i) {
    const auto inserted = client.request("POST", "/movies", as_json, R"({"director":"without alpha"})");
    INFO(inserted.body);
    CHECK(inserted.status == 201);
    CHECK(asked(inserted) == "beta");
  }
  // Those with ids of the router's, which are far above those of the films.
  Database(cluster().conninfo("beta")).run("DELETE FROM movies WHERE id > " + std::to_string(film_count));

  cluster().start("alpha");
  cluster().start("alpha-1");
  router.wait_until_ready();
  wait_until_written(client, film_on("alpha"), "late");
  wait_until("films are read from all shards", [&] { return check_whole_or_refused(client, strong) == 200; });
}

TEST_CASE("without the first shard, rows that come without an id are inserted on the shards that are up") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  const auto insert = [&] {
    return client.request("POST", "/movies",
                          {{"Content-Type", "application/json"}, {"Prefer", "return=representation"}},
                          R"({"director":"without an id"})");
  };
  REQUIRE(cluster().shards().front() == "alpha");
  cluster().kill("alpha");
  router.wait_for_ready_status(503);
  std::set<std::int64_t> acknowledged;
  // Half of all ids would be alpha's.
  for (int i = 0; i < 40; ++i) {
    const auto answer = insert();
    INFO(answer.body);
    CHECK(answer.status == 201);
    CHECK(asked(answer) == "beta");
    if (answer.status == 201)
      acknowledged.insert(json::parse(answer.body).at(0).at("id").to_number<std::int64_t>());
  }
  CHECK(acknowledged.size() == 40);
  std::set<std::int64_t> stored;
  for (const auto& row :
       Database(cluster().conninfo("beta")).run("SELECT id FROM movies WHERE director = 'without an id'"))
    stored.insert(row[0].as<std::int64_t>());
  CHECK(stored == acknowledged);

  cluster().start("alpha");
  router.wait_until_ready();
  wait_until("ids of the first shard are drawn again", [&] { return asked(insert()) == "alpha"; });
  for (const auto& shard : cluster().shards())
    Database(cluster().conninfo(shard)).run("DELETE FROM movies WHERE director = 'without an id'");
  wait_until("films are read from all shards", [&] { return check_whole_or_refused(client, strong) == 200; });
  cluster().wait_for_replicas();
}

TEST_CASE("a router killed in the middle of requests loses nothing it acknowledged, and another serves on") {
  Router first(cluster().map_file());
  const Router second(cluster().map_file());
  RawConnection half_answered(first.port());
  half_answered.write("GET /movies?order=name HTTP/1.1\r\nHost: x\r\n\r\n");

  std::atomic<int> acknowledged_by_first{0};
  std::set<std::int64_t> acknowledged;
  std::size_t cut = 0;
  std::thread writer([&] {
    HttpClient clients[] = {HttpClient(first.port()), HttpClient(second.port())};
    for (int router = 0; acknowledged.size() < 400;) {
      try {
        const auto answer = clients[router].request(
            "POST", "/movies", {{"Content-Type", "application/json"}, {"Prefer", "return=representation"}},
            R"({"director":"written while it died"})");
        if (answer.status != 201) break;
        acknowledged.insert(json::parse(answer.body).at(0).at("id").to_number<std::int64_t>());
        if (router == 0) ++acknowledged_by_first;
      } catch (const ConnectionFailure&) {
        ++cut;
        if (std::exchange(router, 1) == 1) break;
      }
    }
  });
  wait_until("the first router has acknowledged some", [&] { return acknowledged_by_first > 20; });
  first.kill();
  writer.join();
  CHECK(acknowledged.size() == 400);
  CHECK(cut == 1);

  std::multiset<std::int64_t> stored;
  for (const auto& shard : cluster().shards())
    for (const auto& row :
         Database(cluster().conninfo(shard))
             .run("DELETE FROM movies WHERE director = 'written while it died' RETURNING id"))
      stored.insert(row[0].as<std::int64_t>());
  for (const auto id : acknowledged) CHECK(stored.count(id) == 1);
  CHECK(stored.size() <= acknowledged.size() + cut);
}

TEST_CASE("a table whose primary key differs on one shard is refused with the difference, until it agrees") {
  Database beta(cluster().conninfo("beta"));
  beta.run("ALTER TABLE genres DROP CONSTRAINT genres_pkey");
  Router router(cluster().map_file(), unready);
  HttpClient client(router.port());
  wait_until("tables are served", [&] { return client.get("/movies?limit=1").status == 200; });
  const auto difference = "the primary key is (name) on alpha and () on beta";
  HttpResponse ready;
  wait_until("/ready names the difference", [&] {
    ready = router.admin("/ready?strict");
    return ready.body.find(difference) != std::string::npos;
  });
  CHECK(ready.body.find("table genres is not served") != std::string::npos);
  // One table does not make the router unready: all else is served.
  CHECK(router.wait_for_ready_status(200).body.find(difference) != std::string::npos);
  const auto answer = client.get("/genres");
  CHECK(answer.status == 404);
  CHECK(answer.body.find(difference) != std::string::npos);

  beta.run("ALTER TABLE genres ADD PRIMARY KEY (name)");
  router.wait_until_ready();
  wait_until("the table is served", [&] { return client.get("/genres").status == 200; });
}

TEST_CASE("SIGTERM lets every request in flight come to its end") {
  Router router(cluster().map_file());
  const auto film = film_on("beta");

  // A write that waits for a lock, and an answer whose client has only begun to read it.
  pqxx::connection holder(cluster().conninfo("beta"));
  std::optional<pqxx::work> lock(std::in_place, holder);
  lock->exec("UPDATE movies SET director = 'held' WHERE id = " + film.substr(film.rfind('/') + 1));
  std::thread waiting([&] {
    HttpClient client(router.port());
    CHECK(patch(client, film, "not cut").status == 204);
  });
  Database watcher(cluster().conninfo("beta"));
  wait_until("the write waits", [&] {
    return watcher.number(
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE "
               "'%UPDATE%'") > 0;
  });
  RawConnection slow_reader(router.port());
  slow_reader.write("GET /movies HTTP/1.1\r\nHost: x\r\n\r\n");
  auto streamed = slow_reader.read_until("[");

  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> whole{0}, cut{0};
  std::vector<std::thread> load;
  for (int i = 0; i < 8; ++i)
    load.emplace_back([&] {
      HttpClient client(router.port());
      while (!stop) {
        try {
          const auto answer = client.get("/movies?select=id,name&limit=50");
          whole += answer.status == 200;
          cut += answer.status != 200;
        } catch (const ConnectionFailure& failure) {
          cut += failure.began;
          break;  // the port is closed
        }
      }
    });
  wait_until("there is load", [&] { return whole > 100; });
  router.process().signal(SIGTERM);
  router.wait_for_ready_status(503);
  wait_until("the port is closed", [&] {
    try {
      HttpClient(router.port()).get("/movies?limit=1");
      return false;
    } catch (const ConnectionFailure&) {
      return true;
    }
  });
  CHECK(router.process().running());
  lock.reset();
  waiting.join();
  streamed += slow_reader.read_to_end();
  CHECK(streamed.ends_with("]\r\n0\r\n\r\n"));
  CHECK(router.process().wait() == 0);
  stop = true;
  for (auto& thread : load) thread.join();
  CHECK(cut == 0);
}

TEST_CASE("a shard that is set otherwise is named by /ready, and no restart is needed when that is mended") {
  Database beta(cluster().conninfo("beta"));
  beta.run("ALTER DATABASE movies SET TimeZone = 'Asia/Tokyo'");
  const Router router(cluster().map_file());
  const auto told = [&] { return router.admin("/ready").body; };
  wait_until("it is named", [&] {
    const auto body = told();
    return body.find("TimeZone is Asia/Tokyo on beta (") != std::string::npos &&
           body.find(" on alpha (") != std::string::npos;
  });
  CHECK(router.admin("/ready").status == 200);
  beta.run("ALTER DATABASE movies RESET TimeZone");
  wait_until("nobody is named any more", [&] { return told().find("TimeZone") == std::string::npos; });
}

TEST_CASE("SIGHUP takes a good map over and leaves the old one serving for a bad one") {
  const TemporaryFolder folder;
  const auto good = read_file(cluster().map_file());
  const auto map = folder.write("map.yaml", good);
  Router router(map);
  HttpClient client(router.port());
  REQUIRE(client.get("/genres?limit=1").status == 200);

  const auto said_before = router.process().errors().size();
  folder.write("map.yaml", good.substr(0, good.size() / 2) + "\n  : nonsense");
  router.process().signal(SIGHUP);
  router.process().wait_for_line(
      "that the map is refused",
      [](const std::string& line) { return line.find("the old one goes on serving") != std::string::npos; },
      said_before);
  CHECK(client.get("/genres?limit=1").status == 200);
  CHECK(client.get("/movies?limit=1").status == 200);
  CHECK(router.admin("/ready").status == 200);

  const auto line = good.find("  genres:");
  folder.write("map.yaml", good.substr(0, line) + good.substr(good.find('\n', line) + 1));
  router.process().signal(SIGHUP);
  wait_until("the new map serves", [&] { return client.get("/genres?limit=1").status == 404; });
  CHECK(client.get("/movies?limit=1").status == 200);
  CHECK(client.get(film_on("alpha")).status == 200);
  router.wait_until_ready();
}

TEST_CASE("a replica that has not replayed the map's epoch is passed over until it has") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  const auto film = film_on("alpha");
  wait_for_reads_from("alpha-1", client, film);
  Database primary(cluster().conninfo("alpha")), replica(cluster().conninfo("alpha-1"));
  const auto slot = primary.value("SELECT min(slot) FROM shardplex.slots").value();
  replica.run("SELECT pg_wal_replay_pause()");
  wait_until("the replica has paused",
             [&] { return replica.value("SELECT pg_get_wal_replay_pause_state()") == "paused"; });
  primary.run("SELECT shardplex.fence_slots('catalog', ARRAY[" + slot + "])");
  primary.run("SELECT shardplex.unfence_slots('catalog', ARRAY[" + slot + "])");
  const auto epoch = primary.value("SELECT epoch FROM shardplex.shard").value();
  const auto names = [](const HttpResponse& answer, const std::string& text) {
    return answer.body.find(text) != std::string::npos;
  };
  wait_until("the router knows the epoch",
             [&] { return names(router.admin("/shards"), "\"shard\":\"alpha\",\"epoch\":" + epoch); });
  REQUIRE(patch(client, film, "after the epoch").status == 204);
  for (int i = 0; i < 30; ++i) {
    const auto answer = client.get(film + "?select=director");
    CHECK(asked(answer) == "alpha");
    CHECK(answer.body == R"({"director":"after the epoch"})");
    CHECK(check_whole_or_refused(client, {}) == 200);
  }
  CHECK(names(router.admin("/shards"), "behind the map"));
  replica.run("SELECT pg_wal_replay_resume()");
  wait_for_reads_from("alpha-1", client, film);
}

}  // namespace shardplex::integration
