// What clients see of servers, and of single processes of them, that hang: nothing, or one detection time.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

const Headers as_json{{"Content-Type", "application/json"}};
const Headers strong{{"Shardplex-Consistency", "strong"}};

/// What a request may wait for at most, beyond what requests of its kind took before: the detection of a
/// server that hangs.
constexpr milliseconds detection{1'500};
constexpr milliseconds must_be_under{1'200};  // by 99 of 100 requests

/// Two shards with a replica each, which every test leaves as it found them.
const Cluster& cluster() {
  struct Loaded : Cluster {
    Loaded() : Cluster({.shards = 2, .replicas = 1, .map = "hash"}) {
      initialise();
      load("movies", make_movies({"--count", "200"}));
      wait_for_replicas();
    }
  };
  static const Loaded loaded;
  return loaded;
}

std::string film_on(const std::string& shard) {
  for (std::int64_t id = 1;; ++id)
    if (cluster().shard_of("movies", id) == shard) return "/movies/" + std::to_string(id);
}

/// Requests of one kind, one after the other from several clients, until it is stopped.
class Load {
 public:
  using Request = std::function<HttpResponse(HttpClient&)>;

  Load(const Router& router, Request request) {
    for (int i = 0; i < 3; ++i) threads_.emplace_back([this, &router, request] { run(router, request); });
  }
  ~Load() { stop(); }

  void stop() {
    stopping_ = true;
    for (auto& thread : threads_)
      if (thread.joinable()) thread.join();
  }
  std::size_t count() const { return count_; }
  void wait_for_more(std::size_t requests) const {
    const auto before = count();
    wait_until("requests are answered", [&] { return count() > before + requests; });
  }
  /// What has been answered until now is what the machine takes that runs all of this.
  void note_usual() {
    wait_for_more(100);
    const std::scoped_lock lock(mutex_);
    usual_ = longest();
  }
  milliseconds usual() const { return usual_; }
  /// After stop(): requests that were not answered well, and how long they took.
  std::size_t failed() const { return failed_; }
  milliseconds longest() const { return times_.empty() ? milliseconds(0) : std::ranges::max(times_); }
  milliseconds under_by_99_of_100() {
    std::ranges::sort(times_);
    return times_.empty() ? milliseconds(0) : times_[times_.size() * 99 / 100];
  }
  const std::string& last_failure() const { return last_failure_; }

 private:
  void run(const Router& router, const Request& request) {
    HttpClient client(router.port());
    while (!stopping_) {
      const auto began = Clock::now();
      const auto answer = request(client);
      const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - began);
      const std::scoped_lock lock(mutex_);
      times_.push_back(took);
      ++count_;
      if (answer.status < 400) continue;
      ++failed_;
      last_failure_ = answer.body;
    }
  }

  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> count_{0}, failed_{0};
  std::mutex mutex_;
  std::vector<milliseconds> times_;
  milliseconds usual_{0};
  std::string last_failure_;
  std::vector<std::thread> threads_;
};

void check_unharmed(Load& load) {
  load.stop();
  INFO(load.last_failure());
  CHECK(load.failed() == 0);
  CHECK(load.longest() < detection + load.usual());
  CHECK(load.under_by_99_of_100() < must_be_under);
}

HttpResponse patch(HttpClient& client, const std::string& film) {
  return client.request("PATCH", film, as_json, R"({"director":"Ada"})");
}

void wait_for_reads_from(const std::string& server, HttpClient& client, const std::string& film) {
  wait_until("reads come from " + server,
             [&] { return client.get(film).header("Shardplex-Shards").value_or("") == server; });
}

}  // namespace

TEST_CASE("a replica that hangs costs its requests one detection time, and fails none") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  const auto film = film_on("alpha");
  wait_for_reads_from("alpha-1", client, film);
  Load points(router, [&](HttpClient& c) { return c.get(film); });
  Load lists(router, [](HttpClient& c) { return c.get("/movies?select=id&order=id&limit=20"); });
  Load streams(router, [](HttpClient& c) { return c.get("/movies"); });
  Load writes(router, [&](HttpClient& c) { return patch(c, film); });
  for (auto* load : {&points, &lists, &streams, &writes}) load->note_usual();
  cluster().hang("alpha-1");
  for (auto* load : {&points, &lists, &streams, &writes}) load->wait_for_more(100);
  cluster().wake("alpha-1");
  wait_for_reads_from("alpha-1", client, film);
  for (auto* load : {&points, &lists, &streams, &writes}) check_unharmed(*load);
}

TEST_CASE("a primary that hangs is told in a detection time, holds up no other shard, and is taken back") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  const auto alpha = film_on("alpha"), beta = film_on("beta");
  wait_for_reads_from("alpha-1", client, alpha);
  Load reads(router, [&](HttpClient& c) { return c.get(alpha); });
  Load others(router, [&](HttpClient& c) { return patch(c, beta); });
  reads.note_usual();
  others.note_usual();
  cluster().hang("alpha");
  const auto hung = Clock::now();
  CHECK(patch(client, alpha).status == 503);
  CHECK(Clock::now() - hung < detection);
  for (int i = 0; i < 20; ++i) {
    const auto began = Clock::now();
    CHECK(client.get(alpha, strong).status == 503);
    CHECK(Clock::now() - began < milliseconds(500));
  }
  CHECK(router.admin("/ready").status == 200);
  const auto reason = [&] { return router.admin("/ready?strict").body; };
  wait_until("the reason is told", [&] { return reason().find("does not answer") != std::string::npos; });
  for (int i = 0; i < 10; ++i) {
    std::this_thread::sleep_for(milliseconds(100));  // it is probed again, and connected to in vain
    CHECK_MESSAGE(reason().find("does not answer") != std::string::npos, reason());
  }
  reads.wait_for_more(50);
  cluster().wake("alpha");
  const auto awake = Clock::now();
  wait_until("alpha takes writes", [&] { return patch(client, alpha).status == 204; });
  CHECK(Clock::now() - awake < std::chrono::seconds(5));
  check_unharmed(reads);
  check_unharmed(others);
}

TEST_CASE("a single process of a server that hangs costs what was sent to it one detection time") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  const auto film = film_on("alpha");
  wait_for_reads_from("alpha-1", client, film);
  REQUIRE(client.get("/movies?select=id&limit=5").status == 200);
  // The router is at rest, so its processes are idle: all those of its workers stop.
  std::vector<int> processes;
  for (const auto& row :
       Database(cluster().conninfo("alpha-1"))
           .run("SELECT pid FROM pg_stat_activity WHERE application_name = 'shardplexd' AND "
                "state = 'idle'"))
    processes.push_back(row[0].as<int>());
  REQUIRE_FALSE(processes.empty());
  for (const int process : processes) REQUIRE(::kill(process, SIGSTOP) == 0);
  Load points(router, [&](HttpClient& c) { return c.get(film); });
  Load lists(router, [](HttpClient& c) { return c.get("/movies?select=id&order=id&limit=20"); });
  points.wait_for_more(100);
  lists.wait_for_more(100);
  // The server itself is well, and goes on to answer over other connections.
  wait_for_reads_from("alpha-1", client, film);
  check_unharmed(points);
  check_unharmed(lists);
  for (const int process : processes) ::kill(process, SIGCONT);
}

}  // namespace shardplex::integration
