// Writes of rows of several shards: all or nothing, whoever dies.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "shard_map/key.hpp"
#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

const Headers as_json{{"Content-Type", "application/json"}};

Headers preferring(const std::string& preference) {
  auto headers = as_json;
  headers.emplace_back("Prefer", preference);
  return headers;
}

struct Site {
  Site() : cluster({.shards = 3, .replicas = 0, .map = "hash"}) {
    cluster.initialise();
    router.emplace(cluster.map_file());
  }

  Cluster cluster;
  std::optional<Router> router;

  HttpResponse send(const std::string& method, const std::string& target, const std::string& body = "",
                    const Headers& headers = as_json) const {
    return HttpClient(router->port()).request(method, target, headers, body);
  }
  /// Over all shards.
  std::int64_t count(const std::string& from) const {
    std::int64_t rows = 0;
    for (const auto& shard : cluster.shards())
      rows += Database(cluster.conninfo(shard)).number("SELECT count(*) FROM " + from);
    return rows;
  }
  std::int64_t named(const std::string& name) const { return count("movies WHERE name = '" + name + '\''); }
  std::int64_t prepared() const {
    return Database(cluster.conninfo("alpha")).number("SELECT count(*) FROM pg_prepared_xacts") +
           Database(cluster.conninfo("beta")).number("SELECT count(*) FROM pg_prepared_xacts") +
           Database(cluster.conninfo("gamma")).number("SELECT count(*) FROM pg_prepared_xacts");
  }
  /// The first id from `from` on that lives on the shard.
  std::int64_t id_on(const std::string& shard, std::int64_t from) const {
    while (cluster.shard_of("movies", from) != shard) ++from;
    return from;
  }
};

Site& site() {
  static Site made;
  return made;
}

std::string film(std::int64_t id, const std::string& name) {
  return R"({"id":)" + std::to_string(id) + R"(,"name":")" + name + R"("})";
}

std::string films(std::int64_t from, std::int64_t count, const std::string& name) {
  std::string body = "[";
  for (std::int64_t i = 0; i < count; ++i) body += (i > 0 ? "," : "") + film(from + i, name);
  return body + ']';
}

std::string ids_as_answered(const std::vector<std::int64_t>& ids) {
  std::string text = "[";
  for (const auto id : ids)
    text += (text.size() > 1 ? ", \n " : "") + std::string("{\"id\":") + std::to_string(id) + '}';
  return text + ']';
}

}  // namespace

TEST_CASE("rows of several shards are inserted together, and come back in the order of the body") {
  const std::vector<std::int64_t> ids{1009, 1003, 1001, 1008, 1002, 1005};
  std::string body;
  for (const auto id : ids) body += (body.empty() ? "[" : ",") + film(id, "together");
  const auto answer =
      site().send("POST", "/movies?select=id", body + ']', preferring("return=representation, count=exact"));
  CHECK(answer.status == 201);
  CHECK(answer.body == ids_as_answered(ids));
  CHECK(answer.header("Content-Range") == "*/6");
  CHECK(site().named("together") == 6);
  CHECK(site().prepared() == 0);
  const auto plain = site().send("POST", "/movies", films(1100, 20, "many"));
  CHECK(plain.status == 201);
  CHECK(plain.body.empty());
  CHECK(site().named("many") == 20);
}

TEST_CASE("rows of several shards are changed and deleted by any filter, and come back by their key") {
  REQUIRE(site().send("POST", "/movies", films(1200, 12, "filtered")).status == 201);
  std::vector<std::int64_t> ids;
  for (std::int64_t id = 1200; id < 1212; ++id) ids.push_back(id);
  const auto shown = preferring("return=representation, count=exact");
  const auto changed =
      site().send("PATCH", "/movies?select=id&name=eq.filtered", R"({"name":"changed"})", shown);
  CHECK(changed.status == 200);
  CHECK(changed.header("Content-Range") == "0-11/12");
  CHECK(changed.body == ids_as_answered(ids));
  CHECK(site().named("changed") == 12);
  const auto deleted = site().send("DELETE", "/movies?select=id&name=eq.changed", "", shown);
  CHECK(deleted.status == 200);
  CHECK(deleted.body == ids_as_answered(ids));
  CHECK(site().named("changed") == 0);
  CHECK(site().send("DELETE", "/movies?name=eq.nobody").status == 204);
  CHECK(site().prepared() == 0);
}

TEST_CASE("how many rows may be changed is held to over all shards") {
  REQUIRE(site().send("POST", "/movies", films(1300, 9, "bounded")).status == 201);
  const auto most = [](int rows) {
    return preferring("handling=strict, max-affected=" + std::to_string(rows));
  };
  const auto many = site().send("PATCH", "/movies?name=eq.bounded", R"({"imdb_score":5})", most(8));
  CHECK(many.status == 400);
  CHECK(many.error_code() == "PGRST124");
  CHECK(many.body.find('9') != std::string::npos);
  CHECK(site().count("movies WHERE name = 'bounded' AND imdb_score = 5") == 0);
  CHECK(site().send("PATCH", "/movies?name=eq.bounded", R"({"imdb_score":5})", most(9)).status == 204);
  CHECK(site().count("movies WHERE name = 'bounded' AND imdb_score = 5") == 9);
  auto object = as_json;
  object.emplace_back("Accept", "application/vnd.pgrst.object+json");
  CHECK(site().send("DELETE", "/movies?name=eq.bounded", "", object).error_code() == "PGRST116");
  CHECK(site().named("bounded") == 9);
  CHECK(site().prepared() == 0);
}

TEST_CASE("what one shard refuses is kept on none") {
  const auto taken = site().id_on("beta", 1400);
  REQUIRE(site().send("POST", "/movies", film(taken, "taken")).status == 201);
  const auto body = '[' + film(site().id_on("alpha", 1400), "half") + ',' + film(taken, "half") + ',' +
                    film(site().id_on("gamma", 1400), "half") + ']';
  const auto refused = site().send("POST", "/movies", body);
  CHECK(refused.status == 409);
  CHECK(refused.error_code() == "23505");
  CHECK(site().named("half") == 0);
  CHECK(site().prepared() == 0);
  CHECK(site().count("shardplex.decisions WHERE outcome = 'aborted'") == 0);
}

TEST_CASE("a part that waits is settled as its decider says, by a router and by doctor") {
  const std::string kept(32, 'a'), lost(32, 'b');
  const auto prepare = [](const std::string& write, const std::string& name, std::int64_t from) {
    const auto id = site().id_on("beta", from);
    Database beta(site().cluster.conninfo("beta"));
    const auto slot = slot_of(canonical_bytes(id), site().cluster.map().group(GroupId{0}).slot_count).value;
    beta.run("BEGIN; INSERT INTO movies (id, name, shardplex_slot) VALUES (" + std::to_string(id) + ", '" +
             name + "', " + std::to_string(slot) + "); PREPARE TRANSACTION 'shardplex:" + write +
             ":1:alpha'");
  };
  Database alpha(site().cluster.conninfo("alpha"));
  alpha.run("INSERT INTO shardplex.decisions (txid, participants, outcome) VALUES ('" + kept +
            "', '{beta}', 'committed')");
  prepare(kept, "kept", 1500);
  prepare(lost, "lost", 1600);
  wait_until("the parts are settled", [] { return site().prepared() == 0; });
  CHECK(site().named("kept") == 1);
  CHECK(site().named("lost") == 0);
  CHECK(alpha.value("SELECT outcome FROM shardplex.decisions WHERE txid = '" + lost + '\'') == "aborted");

  site().router.reset();
  prepare(std::string(32, 'c'), "by doctor", 1700);
  wait_until("doctor finds the part old", [] {
    return run_shardplex({"cluster", "doctor", "--map", site().cluster.map_file(), "--fix"}).status == 0 &&
           site().prepared() == 0;
  });
  CHECK(site().named("by doctor") == 0);
  site().router.emplace(site().cluster.map_file());
}

TEST_CASE("a router that dies leaves whole writes, and others settle the rest") {
  struct Sent {
    std::string name;
    bool acknowledged;
  };
  std::vector<Sent> sent;
  std::mutex mutex;
  Router other(site().cluster.map_file());
  for (int round = 0; round < 10; ++round) {
    Router dying(site().cluster.map_file());
    std::atomic<bool> over{false};
    std::vector<std::thread> clients;
    for (int number = 0; number < 4; ++number)
      clients.emplace_back([&, round, number] {
        HttpClient client(dying.port(), HttpClient::Repeats::never);
        for (int i = 0; !over; ++i) {
          const auto name =
              "r" + std::to_string(round) + 'c' + std::to_string(number) + 'n' + std::to_string(i);
          const auto from = 1'000'000 + ((round * 4 + number) * 10'000 + i) * 10;
          bool acknowledged = false;
          try {
            acknowledged = client.request("POST", "/movies", as_json, films(from, 10, name)).status == 201;
          } catch (const ConnectionFailure&) {
            over = true;
          }
          const std::lock_guard lock(mutex);
          sent.push_back({name, acknowledged});
        }
      });
    std::this_thread::sleep_for(std::chrono::milliseconds(150 + 37 * round));
    dying.kill();
    over = true;
    for (auto& client : clients) client.join();
  }
  wait_until("nothing is prepared any more", [] { return site().prepared() == 0; });
  std::map<std::string, std::int64_t> rows;
  for (const auto& shard : site().cluster.shards())
    for (const auto& row : Database(site().cluster.conninfo(shard))
                               .run("SELECT name, count(*) FROM movies WHERE id >= 1000000 GROUP BY name"))
      rows[row[0].as<std::string>()] += row[1].as<std::int64_t>();
  CHECK(!sent.empty());
  for (const auto& [name, acknowledged] : sent) {
    INFO(name, acknowledged ? " was acknowledged" : " was not acknowledged");
    const auto found = rows.contains(name) ? rows[name] : 0;
    CHECK((found == 10 || (found == 0 && !acknowledged)));
  }
}

TEST_CASE("without prepared transactions a write over shards is refused by name") {
  Cluster cluster({.shards = 2, .replicas = 0, .map = "hash", .settings = {"max_prepared_transactions=0"}});
  cluster.initialise();
  const Router router(cluster.map_file());
  HttpClient client(router.port());
  const auto refused = client.request("POST", "/movies", as_json, films(1, 20, "none"));
  CHECK(refused.status == 400);
  CHECK(refused.error_code() == "SHARD400");
  CHECK(refused.body.find("max_prepared_transactions") != std::string::npos);
  CHECK(client.request("POST", "/movies", as_json, film(1, "one")).status == 201);
  for (const auto& shard : cluster.shards())
    CHECK(Database(cluster.conninfo(shard)).number("SELECT count(*) FROM movies WHERE name = 'none'") == 0);
}

}  // namespace shardplex::integration
