// Slots change hands under clients that read and write through two routers, and nobody notices.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "shard_map/key.hpp"
#include "tests/integration/cluster.hpp"
#include "tests/integration/slot_mover.hpp"
#include "tests/integration/watchful_client.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

constexpr auto fire_time = std::chrono::seconds(10);
constexpr std::uint64_t seed = 4711;
constexpr std::int64_t steady_films = 300, ratings_of_each = 2;
constexpr std::size_t least_moves = 8;
constexpr auto median_wait = std::chrono::milliseconds(25);  // beside what some writes take; alone it is 5

const Headers strong{{"Shardplex-Consistency", "strong"}};

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

using Moment = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::duration<double, std::milli>;

/// Writes one film over and over, and remembers when each write was acknowledged.
class Writer {
 public:
  Writer(std::uint16_t port, std::int64_t film, Complaints& complaints)
      : thread_([this, port, film, &complaints] {
          Client client({port}, seed, complaints);
          for (std::int64_t count = 0; !stop_; ++count) {
            client.ask(204, "PATCH", row(film), {}, votes(count));
            const std::lock_guard lock(mutex_);
            acknowledged_.push_back(std::chrono::steady_clock::now());
          }
        }) {}
  ~Writer() {
    stop_ = true;
    thread_.join();
  }

  /// From `moment` to the first write acknowledged after it.
  Milliseconds wait_after(Moment moment) {
    std::optional<Moment> next;
    wait_until("a write is acknowledged", [&] {
      const std::lock_guard lock(mutex_);
      const auto after = std::ranges::upper_bound(acknowledged_, moment);
      if (after != acknowledged_.end()) next = *after;
      return next.has_value();
    });
    return *next - moment;
  }

  /// From one write to the next: the median.
  Milliseconds usual() {
    const std::lock_guard lock(mutex_);
    std::vector<Milliseconds> between;
    for (std::size_t i = 1; i < acknowledged_.size(); ++i)
      between.push_back(acknowledged_[i] - acknowledged_[i - 1]);
    std::ranges::sort(between);
    return between.at(between.size() / 2);
  }

 private:
  std::mutex mutex_;
  std::vector<Moment> acknowledged_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

/// How long writes to a film go on waiting after its slot has a new owner. The film's slot goes back and
/// forth between the first two shards.
void check_waits_after_moves(SlotMover& mover, const Router& router, std::int64_t film, std::size_t moves) {
  const auto slot = static_cast<int>(slot_of(canonical_bytes(film), 1024).value);
  std::size_t owner = std::ranges::count(mover.owned(0), slot) > 0 ? 0 : 1;
  REQUIRE(std::ranges::count(mover.owned(owner), slot) == 1);
  Complaints complaints;
  std::vector<Milliseconds> waits;
  Milliseconds usual{};
  {
    Writer writer(router.port(), film, complaints);
    writer.wait_after(std::chrono::steady_clock::now());
    for (std::size_t move = 0; move < moves; ++move, owner = 1 - owner)
      waits.push_back(writer.wait_after(mover.move({slot}, owner, 1 - owner)));
    usual = writer.usual();
  }
  for (const auto& complaint : complaints.all()) FAIL_CHECK(complaint);
  std::ranges::sort(waits);
  MESSAGE("writes waited ", waits[moves / 2].count(), " ms (median), ", waits[moves * 99 / 100].count(),
          " ms (99 of 100) after a hand-over; one takes ", usual.count(), " ms");
  CHECK(waits[moves / 2] < median_wait + 3 * usual);
}

/// Stops the processes of a server that serve a router's control thread, and with them the one that takes new
/// connections: the server hangs.
class HungServer {
 public:
  explicit HungServer(const std::string& conninfo) {
    Database server(conninfo);
    for (const auto& process :
         server.run("SELECT pid FROM pg_stat_activity WHERE application_name = 'shardplexd control'"))
      stopped_.push_back(process[0].as<pid_t>());
    stopped_.push_back(
        std::stoi(server.value("SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)").value()));
    for (const auto process : stopped_) REQUIRE(::kill(process, SIGSTOP) == 0);
  }
  ~HungServer() {
    for (const auto process : stopped_) ::kill(process, SIGCONT);
  }
  HungServer(const HungServer&) = delete;

 private:
  std::vector<pid_t> stopped_;
};

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

  SlotMover mover(cluster);
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

TEST_CASE("writes to a slot go on as soon as it has a new owner, also while another shard's server hangs") {
  const Cluster cluster({.shards = 3, .replicas = 0, .map = "hash"});
  cluster.initialise();
  const std::int64_t film = 1;
  REQUIRE(cluster.shard_of("movies", film) != "gamma");
  cluster.load("movies", R"({"id":1,"director":"steady","imdb_votes":0})");
  const Router router(cluster.map_file());
  SlotMover mover(cluster);
  check_waits_after_moves(mover, router, film, 100);
  const HungServer gamma(cluster.conninfo("gamma"));
  check_waits_after_moves(mover, router, film, 100);
}

}  // namespace shardplex::integration
