// A primary that was replaced while it goes on, and one that comes back when its successor is away.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;
using WallClock = std::chrono::system_clock;  // also that of the servers

/// Two shards with a replica each. The tests promote alpha-1 and go on from there, in their order.
const Cluster& cluster() {
  struct Made : Cluster {
    Made() : Cluster({.shards = 2, .replicas = 1, .map = "hash", .settings = {"track_commit_timestamp=on"}}) {
      initialise();
      load("movies", make_movies({"--count", "50"}));
      wait_for_replicas();
    }
  };
  static const Made made;
  return made;
}

const Headers inserts{{"Content-Type", "application/json"}, {"Prefer", "return=representation"}};

HttpResponse insert(HttpClient& client) {
  return client.request("POST", "/movies", inserts, R"({"director":"acknowledged"})");
}

/// The key that an insert was acknowledged with.
std::int64_t id_of(const HttpResponse& answer) {
  return json::parse(answer.body).at(0).at("id").to_number<std::int64_t>();
}

/// Inserts from several clients at once until it is stopped.
class Writers {
 public:
  explicit Writers(const Router& router) {
    for (int i = 0; i < 8; ++i) threads_.emplace_back([this, &router] { write(router); });
  }
  ~Writers() { stop(); }

  void stop() {
    stopping_ = true;
    for (auto& thread : threads_)
      if (thread.joinable()) thread.join();
  }
  /// Acknowledged by this server.
  std::size_t count(const std::string& server) {
    const std::scoped_lock lock(mutex_);
    return acknowledged_[server].size();
  }
  /// All that were acknowledged by this server, with the time at which they were sent.
  std::map<std::int64_t, WallClock::time_point> acknowledged(const std::string& server) {
    const std::scoped_lock lock(mutex_);
    return acknowledged_[server];
  }
  std::size_t failed_on_beta() const { return failed_on_beta_; }

 private:
  void write(const Router& router) {
    HttpClient client(router.port());
    while (!stopping_) {
      const auto sent = WallClock::now();
      const auto answer = insert(client);
      const std::scoped_lock lock(mutex_);
      if (answer.status == 201)
        acknowledged_[answer.header("Shardplex-Shards").value_or("")].emplace(id_of(answer), sent);
      else if (answer.body.find("beta") != std::string::npos)
        ++failed_on_beta_;
    }
  }

  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> failed_on_beta_{0};
  std::mutex mutex_;
  /// By the server that answered, then by key.
  std::map<std::string, std::map<std::int64_t, WallClock::time_point>> acknowledged_;
  std::vector<std::thread> threads_;
};

/// Changes a row of this shard, or none where its key is not there: that is 204 too.
HttpResponse patch_of(HttpClient& client, const std::string& shard) {
  std::int64_t id = 1;
  while (cluster().shard_of("movies", id) != shard) ++id;
  return client.request("PATCH", "/movies?id=eq." + std::to_string(id),
                        {{"Content-Type", "application/json"}}, R"({"director":"patched"})");
}

std::set<std::int64_t> stored_on(const std::string& server) {
  std::set<std::int64_t> ids;
  for (const auto& row : Database(cluster().conninfo(server)).run("SELECT id FROM movies"))
    ids.insert(row[0].as<std::int64_t>());
  return ids;
}

/// When a server has logged this last. It cuts off what is less than a millisecond.
WallClock::time_point logged(const std::string& server, const std::string& text) {
  Database database(cluster().conninfo(server));
  return WallClock::time_point(std::chrono::milliseconds(database.number(
      "SELECT (extract(epoch FROM max(substring(line FROM '^\\S+ \\S+ \\S+')::timestamptz)) * 1000)::bigint "
      "FROM regexp_split_to_table(pg_read_file(current_setting('data_directory') || '/../log'), '\n') line "
      "WHERE line LIKE '%" +
      text + "%'")));
}

/// The films that a server has committed, by key, with the time at which it has.
std::map<std::int64_t, WallClock::time_point> committed_on(const std::string& server) {
  std::map<std::int64_t, WallClock::time_point> committed;
  for (const auto& row : Database(cluster().conninfo(server))
                             .run("SELECT id, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)"
                                  "::bigint FROM movies WHERE director = 'acknowledged'"))
    committed.emplace(row[0].as<std::int64_t>(),
                      WallClock::time_point(std::chrono::microseconds(row[1].as<std::int64_t>())));
  return committed;
}

}  // namespace

TEST_CASE(
    "a primary that is replaced while it goes on acknowledges nothing that its successor did not receive") {
  const Router router(cluster().map_file());
  Writers writers(router);
  wait_until("alpha has acknowledged some", [&] { return writers.count("alpha") > 200; });
  cluster().promote("alpha-1");
  const auto promoted = Clock::now();
  wait_until("its successor has acknowledged some", [&] { return writers.count("alpha-1") > 0; });
  CHECK(Clock::now() - promoted < std::chrono::seconds(1));
  wait_until("its successor has acknowledged more", [&] { return writers.count("alpha-1") > 200; });
  writers.stop();
  // What it had not received when its receiver was told to end is what PostgreSQL loses. When it has replayed
  // the last of what it had received, the receiver has certainly ended: whoever was asked from then on has
  // said so. Of what was committed later, nothing may have been acknowledged, whenever it was sent.
  const auto told_to_end = logged("alpha-1", "terminating walreceiver process");
  const auto ended = logged("alpha-1", "redo done at") + std::chrono::milliseconds(1);
  const auto stored = stored_on("alpha-1");
  const auto by_old = writers.acknowledged("alpha"), by_new = writers.acknowledged("alpha-1");
  std::size_t committed_after_the_end = 0;
  for (const auto& [id, committed] : committed_on("alpha")) {
    if (stored.contains(id)) continue;
    const auto acknowledged = by_old.find(id);
    if (committed > ended) ++committed_after_the_end;
    if (acknowledged == by_old.end()) continue;
    CHECK_FALSE(committed > ended);
    CHECK_FALSE(acknowledged->second > told_to_end);
  }
  CHECK(committed_after_the_end > 0);  // or nothing was put to the test
  CHECK(std::ranges::count_if(by_new, [&](const auto& write) { return !stored.contains(write.first); }) == 0);
  CHECK(writers.failed_on_beta() == 0);
  // What has been refused is not in doubt for ever: the old primary goes on alone and is not written to.
  wait_until("it is known as an old primary", [&] {
    return router.admin("/shards").body.find("an old primary on an earlier timeline") != std::string::npos;
  });
}

TEST_CASE(
    "rows are loaded into the promoted server, though the map names the old one, and that is there too") {
  const auto before = stored_on("alpha").size();
  const auto on_successor = stored_on("alpha-1").size(), on_beta = stored_on("beta").size();
  std::string rows;
  for (int i = 0; i < 40; ++i) rows += "{\"director\":\"loaded\"}\n";
  cluster().load("movies", rows);
  CHECK(stored_on("alpha").size() == before);
  CHECK(stored_on("alpha-1").size() > on_successor);
  CHECK(stored_on("alpha-1").size() + stored_on("beta").size() == on_successor + on_beta + 40);
}

TEST_CASE("a router that starts knows an old primary as one, also while its successor is away") {
  {
    // A router has seen the promotion, and told the other shard.
    const Router witness(cluster().map_file());
    Database beta(cluster().conninfo("beta"));
    wait_until("beta has it noted", [&] {
      return beta.number("SELECT count(*) FROM shardplex.timelines WHERE shard = 'alpha'") == 1;
    });
  }
  cluster().kill("alpha-1");
  const Router router(cluster().map_file(), {.arguments = {}, .environment = {}, .wait_until_ready = false});
  HttpClient client(router.port());
  wait_until("beta takes writes", [&] { return patch_of(client, "beta").status == 204; });
  for (int i = 0; i < 50; ++i) CHECK(patch_of(client, "alpha").status == 503);
  wait_until("alpha is known as an old primary", [&] {
    return router.admin("/shards").body.find("an old primary on an earlier timeline (1; 2 is known)") !=
           std::string::npos;
  });
  CHECK(Database(cluster().conninfo("alpha"))
            .number("SELECT count(*) FROM movies WHERE director = 'patched'") == 0);

  // Both are up: an operator cannot mean one of them without stopping the other.
  cluster().start("alpha-1");
  const std::vector<std::string> accept{"cluster", "accept-timeline", "--map", cluster().map_file(), "alpha"};
  const auto refused = run_shardplex(accept);
  CHECK(refused.status == 1);
  CHECK(refused.errors.find("are both primaries") != std::string::npos);
  wait_until("its successor takes writes", [&] { return patch_of(client, "alpha").status == 204; });
}

TEST_CASE("a promotion by mistake is undone by an operator's word, while routers run") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  REQUIRE(patch_of(client, "alpha").status == 204);
  cluster().kill("alpha-1");
  wait_until("alpha is not written to", [&] { return patch_of(client, "alpha").status == 503; });
  const auto done = run_shardplex({"cluster", "accept-timeline", "--map", cluster().map_file(), "alpha"});
  INFO(done.errors);
  CHECK(done.status == 0);
  CHECK(done.output.find("timeline 2 is given up") != std::string::npos);
  // What the other server promised is promised by nobody again.
  CHECK(Database(cluster().conninfo("alpha"))
            .number("SELECT count(*) FROM shardplex.nodes n, shardplex.shard s WHERE n.node BETWEEN "
                    "s.first_node AND "
                    "s.last_node AND n.reserved_until > extract(epoch FROM now() - timestamptz '2024-01-01 "
                    "00:00 UTC') * "
                    "1000") == 64);
  const auto told = Clock::now();
  wait_until("alpha is written to", [&] { return patch_of(client, "alpha").status == 204; });
  CHECK(Clock::now() - told < std::chrono::seconds(2));
  const Router next(cluster().map_file());
  HttpClient of_next(next.port());
  wait_until("a router that starts follows it", [&] { return patch_of(of_next, "alpha").status == 204; });

  // What was given up returns, on its newer timeline: nothing comes of it.
  cluster().start("alpha-1");
  wait_until("both know it for what it is", [&] {
    return std::ranges::all_of(std::array{&router, &next}, [](const Router* one) {
      return one->admin("/shards").body.find("on a timeline that was given up") != std::string::npos;
    });
  });
  for (int i = 0; i < 20; ++i) CHECK(patch_of(client, "alpha").status == 204);
  const auto status = run_shardplex({"cluster", "status", "--map", cluster().map_file()});
  CHECK(status.output.find("on a timeline that was given up") != std::string::npos);
  const Router last(cluster().map_file());
  HttpClient of_last(last.port());
  wait_until("one that starts now does not follow it",
             [&] { return patch_of(of_last, "alpha").status == 204; });

  // It takes writes, though nobody sends it any: which of the two is meant has to be clear before it is
  // ruled.
  const auto unclear = run_shardplex({"cluster", "accept-timeline", "--map", cluster().map_file(), "alpha"});
  CHECK(unclear.status == 1);
  CHECK(unclear.errors.find("are both primaries") != std::string::npos);
  CHECK(Database(cluster().conninfo("alpha")).number("SELECT ruling FROM shardplex.shard") == 1);
  cluster().kill("alpha-1");
}

TEST_CASE("of two primaries on one timeline none is written to, and the command line says what routers say") {
  // The one that was given up is on timeline 2 and away. The other one comes to that as well.
  Database alpha(cluster().conninfo("alpha"));
  alpha.run("COPY (SELECT WHERE false) TO " +
            alpha.quote(alpha.value("SHOW data_directory").value() + "/standby.signal"));
  cluster().crash_and_start("alpha");
  cluster().promote("alpha");
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  wait_until("alpha is written to", [&] { return patch_of(client, "alpha").status == 204; });
  cluster().start("alpha-1");
  // The ruling stands: what was given up is not taken for a promotion, though it is on a timeline as new.
  wait_until("what was given up is known as such", [&] {
    return router.admin("/shards").body.find("on a timeline that was given up") != std::string::npos;
  });
  for (int i = 0; i < 20; ++i) CHECK(patch_of(client, "alpha").status == 204);
  Database(cluster().conninfo("alpha-1"))
      .run("UPDATE shardplex.shard SET ruling = 1");  // as if it had followed
  wait_until("alpha is not written to any more", [&] { return patch_of(client, "alpha").status == 503; });
  const auto by_router = json::parse(router.admin("/shards").body).at(0).at("servers").as_array();
  const auto status = run_shardplex({"cluster", "status", "--map", cluster().map_file(), "--json"});
  CHECK(status.status == 1);
  const auto by_command_line = json::parse(status.output).at("servers").as_array();
  const auto verify = run_shardplex({"verify", "--map", cluster().map_file()});
  CHECK(verify.status == 1);
  for (const std::size_t rival : {0, 1}) {
    const auto& problem = by_router.at(rival).at("problem");
    REQUIRE(problem.is_string());
    CHECK(problem.as_string().starts_with("two servers are primaries on the same timeline (2)"));
    CHECK(by_command_line.at(rival).at("problem") == problem);
    CHECK(verify.errors.find(problem.as_string().c_str()) != std::string::npos);
  }
  cluster().kill("alpha-1");
  wait_until("the one that is left is written to", [&] { return patch_of(client, "alpha").status == 204; });
}

TEST_CASE("beside a synchronous replica that is promoted, nothing at all that was acknowledged is lost") {
  Database old(cluster().conninfo("beta"));
  old.run("ALTER SYSTEM SET synchronous_standby_names = '\"beta-1\"'");
  old.run("SELECT pg_reload_conf()");
  wait_until("the replica is synchronous", [&] {
    return old.number("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1;
  });
  // Not ready in all: the test before has left alpha without its replica.
  const Router router(cluster().map_file(), {.arguments = {}, .environment = {}, .wait_until_ready = false});
  Writers writers(router);
  wait_until("beta has acknowledged some", [&] { return writers.count("beta") > 200; });
  cluster().promote("beta-1");
  // The old one acknowledges nothing more, until it is set free: then all that it is sent, and was sent
  // since.
  old.run("ALTER SYSTEM RESET synchronous_standby_names");
  old.run("SELECT pg_reload_conf()");
  wait_until("its successor has acknowledged some", [&] { return writers.count("beta-1") > 200; });
  writers.stop();
  const auto stored = stored_on("beta-1"), on_old = stored_on("beta");
  for (const auto* server : {"beta", "beta-1"}) {
    const auto acknowledged = writers.acknowledged(server);
    CHECK(std::ranges::count_if(acknowledged,
                                [&](const auto& write) { return !stored.contains(write.first); }) == 0);
  }
  // Or nothing was put to the test: it has committed some that its successor does not have.
  CHECK(std::ranges::any_of(on_old, [&](std::int64_t id) { return !stored.contains(id); }));
}

}  // namespace shardplex::integration
