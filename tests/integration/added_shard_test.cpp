// A shard is added to a cluster, and routers that never see another map file find it.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <boost/json/parse.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/slot_mover.hpp"
#include "tests/integration/watchful_client.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

constexpr std::uint64_t seed = 1066;
constexpr std::int64_t films = 300;
constexpr std::size_t moves = 16, slots_at_a_time = 24;

const Headers strong{{"Shardplex-Consistency", "strong"}};

/// Three servers, of which alpha and beta are a cluster and gamma is none of it yet.
class GrowingCluster {
 public:
  GrowingCluster() { cluster.initialise(two_shards); }

  /// Makes gamma a shard without slots.
  void initialise_gamma() const {
    cluster.initialise(folder_.write("three.yaml", map_of({"alpha", "beta", "gamma"})));
  }
  /// Writes a shard into the directory of alpha and beta.
  void list(const std::string& name, int position, const std::string& primary) const {
    for (const auto* shard : {"alpha", "beta"})
      Database(cluster.conninfo(shard))
          .run("INSERT INTO shardplex.shards VALUES ('" + name + "', " + std::to_string(position) + ", '" +
               primary + "', '{}') ON CONFLICT (name) DO UPDATE SET \"primary\" = excluded.\"primary\"");
  }

  const Cluster cluster{{.shards = 3, .replicas = 0, .map = "hash"}};

 private:
  std::string map_of(const std::vector<std::string>& shards) const {
    std::string text = "version: 1\ncluster: movies\nshards:\n";
    for (const auto& shard : shards)
      text += "  " + shard + ": { primary: " + cluster.conninfo(shard) + " }\n";
    return text +
           "groups:\n  catalog:\n    slots: 1024\n    strategy: { hash: {} }\n"
           "    placement: { alpha: [0-511], beta: [512-1023] }\n"
           "tables:\n  movies: { group: catalog, key: id }\n  ratings: { group: catalog, key: movie_id }\n"
           "  genres: { reference: true }\n";
  }

  TemporaryFolder folder_;

 public:
  const std::string two_shards = folder_.write("two.yaml", map_of({"alpha", "beta"}));
};

std::vector<std::string> shards_of(const Router& router) {
  std::vector<std::string> names;
  const auto answer = json::parse(router.admin("/shards").body);
  for (const auto& shard : answer.as_array()) names.emplace_back(shard.at("shard").as_string());
  return names;
}

std::function<bool(const std::string&)> says(std::vector<std::string> parts) {
  return [parts = std::move(parts)](const std::string& line) {
    return std::ranges::all_of(parts,
                               [&](const std::string& part) { return line.find(part) != std::string::npos; });
  };
}

std::string votes(std::int64_t count) {
  return R"({"imdb_votes":)" + std::to_string(count) + '}';
}

std::string film(std::int64_t id) {
  return "/movies/" + std::to_string(id);
}

/// Counts a film of its own up by one, and sees the count it was told of.
void count_up(Client& client, std::map<std::int64_t, std::int64_t>& counts) {
  auto& [id, count] =
      *std::next(counts.begin(), static_cast<std::ptrdiff_t>(client.random() % counts.size()));
  const auto where = "id=eq." + std::to_string(id) + "&imdb_votes=eq." + std::to_string(count);
  client.expect_body(client.ask(200, "PATCH", "/movies?select=imdb_votes&" + where,
                                {{"Prefer", "return=representation"}}, votes(count + 1)),
                     '[' + votes(count + 1) + ']', "a count of film " + std::to_string(id));
  ++count;
  client.expect_body(client.ask(200, "GET", film(id) + "?select=imdb_votes", strong), votes(count),
                     "a read of film " + std::to_string(id));
}

/// Makes a film, and sees it.
void make_film(Client& client, std::set<std::int64_t>& made) {
  const auto answer = client.ask(201, "POST", "/movies?select=id", {{"Prefer", "return=representation"}},
                                 R"({"name":"made","director":"new"})");
  if (answer.status != 201) return;
  const auto id = json::parse(answer.body).at(0).at("id").to_number<std::int64_t>();
  if (!made.insert(id).second) client.complain("id " + std::to_string(id) + " was handed out twice");
  client.expect_body(client.ask(200, "GET", film(id) + "?select=name"), R"({"name":"made"})", "a new film");
}

}  // namespace

TEST_CASE("a router follows slots onto a shard that its map file does not have, and no client notices") {
  const GrowingCluster growing;
  const auto& cluster = growing.cluster;
  Router router(growing.two_shards);
  HttpClient http(router.port());
  std::string all_ids;
  for (std::int64_t id = 1; id <= films; ++id) {
    REQUIRE(http.request("POST", "/movies", {{"Content-Type", "application/json"}},
                         R"({"id":)" + std::to_string(id) + R"(,"director":"steady","imdb_votes":0})")
                .status == 201);
    all_ids += (all_ids.empty() ? "" : ", \n ") + (R"({"id":)" + std::to_string(id) + '}');
  }

  Complaints complaints;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> asked{0};
  std::vector<std::thread> threads;
  const auto start = [&](std::function<void(Client&)> act) {
    threads.emplace_back([&, act = std::move(act), own_seed = seed + threads.size()] {
      Client client({router.port()}, own_seed, complaints);
      while (!stop) act(client);
      asked += client.asked;
    });
  };
  std::map<std::int64_t, std::int64_t> counts[2];
  for (std::int64_t id = 1; id <= films; ++id) counts[id % 2][id] = 0;
  std::set<std::int64_t> made;
  start([&](Client& client) { count_up(client, counts[0]); });
  start([&](Client& client) { count_up(client, counts[1]); });
  start([&](Client& client) { make_film(client, made); });
  start([&](Client& client) {
    client.expect_body(client.ask(200, "GET", "/movies?select=id&director=eq.steady&order=id"),
                       '[' + all_ids + ']', "all films");
  });

  Random random(seed);
  std::string failure;
  try {
    growing.initialise_gamma();
    growing.list("gamma", 2, cluster.conninfo("gamma"));
    SlotMover mover(cluster);
    for (std::size_t move = 0; move < moves && complaints.all().empty(); ++move) {
      // Halfway, the file is read again: it still does not have the shard.
      if (move == moves / 2) {
        router.process().signal(SIGHUP);
        router.process().wait_for_line("that the map was read", says({R"("message":"shard map read")"}));
      }
      auto slots = mover.owned(move % 2);
      std::ranges::shuffle(slots, random);
      slots.resize(slots_at_a_time);
      mover.move(slots, move % 2, 2);
    }
    wait_until("the reloaded map serves",
               [&] { return json::parse(router.admin("/map").body).at("version").to_number<int>() >= 3; });
    stop = true;
    for (auto& thread : threads) thread.join();
    mover.check();
  } catch (const std::exception& e) {
    failure = e.what();
    stop = true;
    for (auto& thread : threads)
      if (thread.joinable()) thread.join();
  }
  INFO("seed ", seed, ", ", asked.load(), " requests");
  CHECK(failure.empty());
  for (const auto& complaint : complaints.all()) FAIL_CHECK(complaint);
  CHECK(shards_of(router) == std::vector<std::string>{"alpha", "beta", "gamma"});
  router.process().wait_for_line(
      "of whom it learned", says({R"("message":"shards added")", R"("shards":"gamma")", "learned_from"}));
  CHECK(router.admin("/metrics").body.find("shardplex_shards_added_total 1\n") != std::string::npos);

  Database gamma(cluster.conninfo("gamma"));
  REQUIRE(gamma.number("SELECT count(*) FROM movies") > 0);
  const auto moved = gamma.number("SELECT min(id) FROM movies");
  CHECK(http.get(film(moved)).header("Shardplex-Shards") == "gamma");
  CHECK(http.get("/movies?select=id&limit=500").header("Shardplex-Shards") == "alpha,beta,gamma");

  std::map<std::int64_t, std::int64_t> stored;
  std::multiset<std::int64_t> stored_new;
  for (const auto& shard : cluster.shards()) {
    Database database(cluster.conninfo(shard));
    for (const auto& row : database.run("SELECT id, imdb_votes FROM movies WHERE director = 'steady'"))
      CHECK(stored.emplace(row[0].as<std::int64_t>(), row[1].as<std::int64_t>()).second);
    for (const auto& row : database.run("SELECT id FROM movies WHERE director = 'new'"))
      stored_new.insert(row[0].as<std::int64_t>());
  }
  auto acknowledged = counts[0];
  acknowledged.insert(counts[1].begin(), counts[1].end());
  CHECK(stored == acknowledged);
  CHECK(std::equal(stored_new.begin(), stored_new.end(), made.begin(), made.end()));

  // A router that starts now, with the file of before, finds the slots where they are.
  const Router second(growing.two_shards);
  CHECK(HttpClient(second.port()).get(film(moved)).header("Shardplex-Shards") == "gamma");
  MESSAGE(asked.load(), " requests");
}

TEST_CASE(
    "a shard that is listed but cannot be used is named in the log and left out until it can be, and is left "
    "by one SIGHUP when it was removed") {
  const GrowingCluster growing;
  Router router(growing.two_shards);
  auto& log = router.process();
  growing.list("delta", 5, "host=127.0.0.1 port=1 password=hush");
  log.wait_for_line("what is wrong with delta", says({"'delta'", "password"}));
  growing.list("epsilon", 6, "host=127.0.0.1 port=1 dbname=movies user=shardplex");
  log.wait_for_line("what is wrong with epsilon", says({"added shard epsilon cannot be used yet"}));
  growing.list("gamma", 2, growing.cluster.conninfo("gamma"));
  log.wait_for_line("what is wrong with gamma",
                    says({"added shard gamma cannot be used yet", "not initialised"}));
  CHECK(shards_of(router) == std::vector<std::string>{"alpha", "beta"});
  CHECK(router.admin("/ready").status == 200);
  CHECK(HttpClient(router.port()).get("/movies?limit=1").status == 200);

  growing.initialise_gamma();
  log.wait_for_line("that gamma was added", says({R"("message":"shards added")", R"("shards":"gamma")"}));
  wait_until("gamma is in use", [&] { return shards_of(router).size() == 3; });
  CHECK(router.admin("/ready").status == 200);

  for (const auto* shard : {"alpha", "beta"})
    Database(growing.cluster.conninfo(shard)).run("DELETE FROM shardplex.shards WHERE name = 'gamma'");
  log.signal(SIGHUP);  // at once: what was read of the directories before does not count
  wait_until("gamma is left", [&] { return shards_of(router).size() == 2; });
  CHECK(HttpClient(router.port()).get("/movies?limit=1").status == 200);
  for (const auto& line : log.errors()) CHECK(line.find("hush") == std::string::npos);
}

TEST_CASE("a shard whose tables differ is not let in to spoil those that are served") {
  const GrowingCluster growing;
  growing.initialise_gamma();
  Database gamma(growing.cluster.conninfo("gamma"));
  gamma.run("ALTER TABLE movies ADD COLUMN only_here integer");
  Router router(growing.two_shards);
  growing.list("gamma", 2, growing.cluster.conninfo("gamma"));
  const auto line = router.process().wait_for_line("what is wrong with gamma",
                                                   says({"added shard gamma cannot be used yet"}));
  CHECK(line.find("movies") != std::string::npos);
  HttpClient client(router.port());
  CHECK(client.get("/movies?limit=1").status == 200);
  CHECK(shards_of(router).size() == 2);
}

}  // namespace shardplex::integration
