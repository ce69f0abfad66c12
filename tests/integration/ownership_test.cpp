// Slots change hands under clients that read and write through two routers, and nobody notices.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;
using Random = std::mt19937_64;

constexpr auto fire_time = std::chrono::seconds(10);
constexpr std::uint64_t seed = 4711;
constexpr std::int64_t steady_films = 300, ratings_of_each = 2;
constexpr std::size_t least_moves = 8;
const std::string group = "catalog";

const Headers strong{{"Shardplex-Consistency", "strong"}};

/// What clients saw that they should not have. Any thread.
class Complaints {
 public:
  void add(std::string complaint) {
    const std::lock_guard lock(mutex_);
    if (complaints_.size() < 20) complaints_.push_back(std::move(complaint));
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return complaints_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> complaints_;
};

std::string slots_literal(const std::vector<int>& slots) {
  std::string out = "{";
  for (const auto slot : slots) out += (out.size() > 1 ? "," : "") + std::to_string(slot);
  return "'" + out + "}'::integer[]";
}

/// Moves slots by the steps that config/schema/shardplex.sql provides, and keeps account of who owns them.
class Mover {
 public:
  explicit Mover(const Cluster& cluster) {
    const auto& catalogue = cluster.map().group(*cluster.map().find_group(group));
    for (const auto& shard : cluster.shards()) shards_.emplace_back(cluster.conninfo(shard));
    owned_.resize(shards_.size());
    for (std::size_t slot = 0; slot < catalogue.placement.size(); ++slot)
      owned_[catalogue.placement[slot].value].push_back(static_cast<int>(slot));
  }

  /// Moves some slots from one shard to another.
  void move_some(Random& random) {
    std::size_t from = 0, to = 0;
    do {
      from = random() % shards_.size();
      to = random() % shards_.size();
    } while (from == to || owned_[from].size() < 100);
    auto& own = owned_[from];
    std::shuffle(own.begin(), own.end(), random);
    const auto count = 1 + random() % 80;
    const std::vector<int> slots(own.end() - static_cast<std::ptrdiff_t>(count), own.end());
    move(shards_[from], shards_[to], slots_literal(slots));
    own.resize(own.size() - count);
    owned_[to].insert(owned_[to].end(), slots.begin(), slots.end());
  }

  /// Every slot is owned by the shard that this account names, no row is anywhere else.
  void check() {
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      CHECK(shards_[i].number("SELECT count(*) FROM shardplex.slots WHERE state = 'owned' AND slot = ANY (" +
                              slots_literal(owned_[i]) + ')') == static_cast<std::int64_t>(owned_[i].size()));
      CHECK(shards_[i].number("SELECT count(*) FROM shardplex.slots") ==
            static_cast<std::int64_t>(owned_[i].size()));
      for (const auto* table : {"movies", "ratings"})
        CHECK(shards_[i].number(std::string("SELECT count(*) FROM ") + table +
                                " WHERE shardplex_slot <> ALL (" + slots_literal(owned_[i]) + ')') == 0);
    }
  }

 private:
  static void change(Database& shard, const std::string& function, const std::string& slots) {
    shard.run("SELECT shardplex." + function + "('" + group + "', " + slots + ')');
  }

  /// Brings the target's rows of these slots to what the source has.
  static void copy(Database& source, Database& target, const std::string& slots) {
    pqxx::work transaction(target.connection());
    for (const std::string table : {"movies", "ratings"}) {
      const auto rows = source.value("SELECT coalesce(json_agg(t), '[]')::text FROM " + table +
                                     " t WHERE shardplex_slot = ANY (" + slots + ')');
      transaction.exec("DELETE FROM " + table + " WHERE shardplex_slot = ANY (" + slots + ')');
      transaction.exec("INSERT INTO " + table + " SELECT * FROM json_populate_recordset(NULL::" + table +
                       ", " + transaction.quote(*rows) + "::json)");
    }
    transaction.commit();
  }

  static void move(Database& source, Database& target, const std::string& slots) {
    change(target, "receive_slots", slots);
    copy(source, target, slots);  // while clients go on writing to the source
    change(source, "fence_slots", slots);
    copy(source, target, slots);  // what they have written since
    change(source, "hand_over_slots", slots);
    change(target, "own_slots", slots);
    for (const std::string table : {"movies", "ratings"})
      source.run("DELETE FROM " + table + " WHERE shardplex_slot = ANY (" + slots + ')');
    change(source, "forget_slots", slots);
  }

  std::deque<Database> shards_;
  std::vector<std::vector<int>> owned_;  // by shard
};

/// A client on a thread of its own, which uses the routers in turn and complains of every answer but a good
/// one.
class Client {
 public:
  Client(const std::vector<std::uint16_t>& ports, std::uint64_t own_seed, Complaints& complaints)
      : random(own_seed), complaints_(complaints) {
    for (const auto port : ports) routers_.emplace_back(port);
  }

  HttpResponse ask(unsigned status, std::string_view method, const std::string& target, Headers headers = {},
                   std::string_view body = {}) {
    if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
    ++asked;
    try {
      auto answer = routers_[random() % routers_.size()].request(method, target, headers, body);
      if (answer.status != status)
        complain(std::string(method) + ' ' + target + ": " + std::to_string(answer.status) + ' ' +
                 answer.body);
      return answer;
    } catch (const ConnectionFailure& failure) {
      complain(std::string(method) + ' ' + target + ": " + failure.what());
      return {};
    }
  }
  void expect_body(const HttpResponse& answer, const std::string& body, const std::string& what) {
    if (answer.body != body) complain(what + ": " + answer.body + " instead of " + body);
  }
  void complain(std::string complaint) { complaints_.add(std::move(complaint)); }

  Random random;
  std::uint64_t asked = 0;

 private:
  std::deque<HttpClient> routers_;
  Complaints& complaints_;
};

std::string row(std::int64_t id) {
  return "/movies/" + std::to_string(id);
}

std::string votes(std::int64_t count) {
  return R"({"imdb_votes":)" + std::to_string(count) + '}';
}

/// Counts its own films up by one each time, and sees every count it was told of.
void count_up(Client& client, std::map<std::int64_t, std::int64_t>& counts) {
  auto film = counts.begin();
  std::advance(film, client.random() % counts.size());
  auto& [id, count] = *film;
  auto answer = client.ask(
      200, "PATCH",
      "/movies?select=imdb_votes&id=eq." + std::to_string(id) + "&imdb_votes=eq." + std::to_string(count),
      {{"Prefer", "return=representation"}}, votes(count + 1));
  client.expect_body(answer, '[' + votes(count + 1) + ']', "a count of film " + std::to_string(id));
  ++count;
  answer = client.ask(200, "GET", row(id) + "?select=imdb_votes", strong);
  client.expect_body(answer, votes(count), "a strong read of film " + std::to_string(id));
}

/// Makes films, removes some and puts some back, and sees each as it left it.
void come_and_go(Client& client, std::set<std::int64_t>& there) {
  auto answer = client.ask(201, "POST", "/movies?select=id", {{"Prefer", "return=representation"}},
                           R"({"name":"came","director":"goes"})");
  if (answer.status != 201) return;
  const auto id = json::parse(answer.body).at(0).at("id").to_number<std::int64_t>();
  if (!there.insert(id).second) client.complain("id " + std::to_string(id) + " was handed out twice");
  client.expect_body(client.ask(200, "GET", row(id) + "?select=name", strong), R"({"name":"came"})",
                     "a new film");
  if (client.random() % 3 == 0) return;
  client.ask(204, "DELETE", row(id));
  client.ask(404, "GET", row(id), strong);
  there.erase(id);
  if (client.random() % 2 == 0) return;
  client.ask(201, "PUT", row(id), {}, R"({"name":"back","director":"goes"})");
  client.expect_body(client.ask(200, "GET", row(id) + "?select=name", strong), R"({"name":"back"})",
                     "a film put back");
  there.insert(id);
}

/// Reads films that are always there, one by one, from primaries and replicas.
void read_points(Client& client) {
  const auto id = 1 + static_cast<std::int64_t>(client.random() % steady_films);
  const auto answer =
      client.ask(200, "GET", row(id) + "?select=id", client.random() % 2 == 0 ? strong : Headers{});
  client.expect_body(answer, R"({"id":)" + std::to_string(id) + '}', "a film");
  std::string list, expected;
  for (auto other = id; other < std::min(id + 5, steady_films + 1); ++other) {
    list += (list.empty() ? "" : ",") + std::to_string(other);
    expected += (expected.empty() ? "" : ", \n ") + (R"({"id":)" + std::to_string(other) + '}');
  }
  client.expect_body(client.ask(200, "GET", "/movies?select=id&order=id&id=in.(" + list + ')'),
                     '[' + expected + ']', "some films");
}

/// Counts and lists what is always there, over all shards.
void read_all(Client& client, const std::string& all_ids) {
  auto headers = client.random() % 2 == 0 ? strong : Headers{};
  client.expect_body(client.ask(200, "GET", "/movies?select=id&director=eq.steady&order=id", headers),
                     all_ids, "all films");
  headers.emplace_back("Prefer", "count=exact");
  auto answer = client.ask(206, "HEAD", "/movies?director=eq.steady&limit=1", headers);
  const auto expect_range = [&](const std::string& range) {
    if (answer.header("Content-Range") != range)
      client.complain("a count is " + answer.header("Content-Range").value_or("absent") + " instead of " +
                      range);
  };
  expect_range("0-0/" + std::to_string(steady_films));
  answer = client.ask(206, "GET", "/ratings?select=score&order=score.desc&limit=3", headers);
  expect_range("0-2/" + std::to_string(steady_films * ratings_of_each));
}

}  // namespace

TEST_CASE(
    "slots change hands under fire, and no client sees an error, a gap, a double or a stale strong read") {
  const Cluster cluster({.shards = 3, .replicas = 1, .map = "hash"});
  cluster.initialise();
  std::string films, ratings, all_ids;
  for (std::int64_t id = 1; id <= steady_films; ++id) {
    films += R"({"id":)" + std::to_string(id) + R"(,"director":"steady","imdb_votes":0})" + '\n';
    for (std::int64_t user = 0; user < ratings_of_each; ++user)
      ratings += R"({"movie_id":)" + std::to_string(id) + R"(,"user_id":)" + std::to_string(user) +
                 ",\"score\":5}\n";
    all_ids += (all_ids.empty() ? "" : ", \n ") + (R"({"id":)" + std::to_string(id) + '}');
  }
  cluster.load("movies", films);
  cluster.load("ratings", ratings);
  cluster.wait_for_replicas();
  const Router first(cluster.map_file()), second(cluster.map_file());

  Complaints complaints;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> asked{0};
  std::vector<std::thread> threads;
  const auto start = [&](std::function<void(Client&)> act) {
    threads.emplace_back([&, act = std::move(act), own_seed = seed + threads.size()] {
      Client client({first.port(), second.port()}, own_seed, complaints);
      while (!stop) act(client);
      asked += client.asked;
    });
  };
  std::map<std::int64_t, std::int64_t> counts[2];  // each film is counted by one client only
  for (std::int64_t id = 1; id <= steady_films; ++id) counts[id % 2][id] = 0;
  std::set<std::int64_t> there;
  start([&](Client& client) { count_up(client, counts[0]); });
  start([&](Client& client) { count_up(client, counts[1]); });
  start([&](Client& client) { come_and_go(client, there); });
  start([&](Client& client) { read_points(client); });
  start([&](Client& client) { read_points(client); });
  start([&](Client& client) { read_all(client, '[' + all_ids + ']'); });

  Mover mover(cluster);
  Random random(seed);
  std::size_t moves = 0;
  std::string mover_failure;
  const auto end = std::chrono::steady_clock::now() + fire_time;
  try {
    for (; std::chrono::steady_clock::now() < end && complaints.all().empty(); ++moves)
      mover.move_some(random);
  } catch (const std::exception& failure) {
    mover_failure = failure.what();
  }
  stop = true;
  for (auto& thread : threads) thread.join();

  INFO("seed ", seed, ", ", moves, " moves, ", asked.load(), " requests");
  CHECK(mover_failure.empty());
  for (const auto& complaint : complaints.all()) FAIL_CHECK(complaint);
  CHECK(moves >= least_moves);
  mover.check();

  std::map<std::int64_t, std::int64_t> stored_counts;
  std::multiset<std::int64_t> stored;
  for (const auto& shard : cluster.shards()) {
    for (const auto& film : Database(cluster.conninfo(shard))
                                .run("SELECT id, imdb_votes FROM movies WHERE director = 'steady'")) {
      const bool is_first =
          stored_counts.emplace(film[0].as<std::int64_t>(), film[1].as<std::int64_t>()).second;
      CHECK(is_first);
    }
    for (const auto& film :
         Database(cluster.conninfo(shard)).run("SELECT id FROM movies WHERE director = 'goes'"))
      stored.insert(film[0].as<std::int64_t>());
  }
  auto acknowledged = counts[0];
  acknowledged.insert(counts[1].begin(), counts[1].end());
  CHECK(stored_counts == acknowledged);
  CHECK(std::equal(stored.begin(), stored.end(), there.begin(), there.end()));
  MESSAGE(moves, " moves under ", asked.load(), " requests");
}

}  // namespace shardplex::integration
