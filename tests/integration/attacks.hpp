// What tests of hostile, slow and vanishing clients share: a cluster, and a router that tests/attacks/ are
// let loose on.
#pragma once

#include <doctest/doctest.h>
#include <signal.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/sanitized.hpp"

namespace shardplex::integration {

namespace json = boost::json;
using Seconds = std::chrono::duration<double>;

inline constexpr int most_megabytes = 300;
inline constexpr int wide_rows = 60, wide_bytes = 400'000;  // 12 MB on each shard
inline const Headers as_json{{"Content-Type", "application/json"}};

inline constexpr bool memory_is_told = !tests::sanitized;  // the sanitizers' own is most of it
inline constexpr int slower = tests::sanitized ? 3 : 1;

/// Films, genres and ratings.
struct Site : Cluster {
  explicit Site(int ratings) : Cluster({.shards = 2, .replicas = 0, .map = "hash"}) {
    initialise();
    load("movies", make_movies({"--count", "500"}));
    load("genres", make_movies({"--genres"}));
    load("ratings", make_movies({"--count", "20000", "--ratings", std::to_string(ratings)}));
  }
};

/// With ratings of which a shard has several megabytes, and films whose names are long.
struct LargeSite : Site {
  LargeSite() : Site(150'000) {
    const Router router(map_file());
    HttpClient client(router.port());
    for (int i = 0; i < wide_rows; ++i)
      REQUIRE(client
                  .request("POST", "/movies", as_json,
                           R"({"director":"wide","name":")" + std::string(wide_bytes, 'w') + "\"}")
                  .status == 201);
  }
};

/// The site of the test program, which defines it.
const Cluster& cluster();

/// A router that nobody attacks: what it answers late, the machine or the shards are to blame for.
inline Router& control() {
  static Router router(cluster().map_file());
  return router;
}

/// A router of its own for each attack: its peak of memory is the attack's.
struct Target {
  Router router;

  explicit Target(std::vector<std::string> arguments = {})
      : router(cluster().map_file(),
               {.arguments = std::move(arguments), .environment = {}, .wait_until_ready = true}) {}

  json::object attacked_by(const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> command{
        "python3", std::string(ATTACKS) + "/" + name + ".py", "--port",    std::to_string(router.port()),
        "--pid",   std::to_string(router.process().pid()),    "--control", std::to_string(control().port())};
    command.insert(command.end(), more.begin(), more.end());
    const auto text = run_or_throw(command);
    MESSAGE(name << ": " << text);
    auto told = json::parse(text).as_object();
    if (memory_is_told && told.contains("peak_megabytes"))
      CHECK(told.at("peak_megabytes").to_number<int>() <= most_megabytes);
    return told;
  }
};

/// `longest_seconds`: for which a small read may be held up, beside what the control is.
inline void check_undisturbed(const json::object& told, double longest_seconds) {
  const auto& bystander = told.at("bystander").as_object();
  CHECK(bystander.at("asked").to_number<int>() > 0);
  CHECK(bystander.at("failed").to_number<int>() == 0);
  CHECK(bystander.at("worst").to_number<double>() <
        longest_seconds * slower + 2 * bystander.at("control_worst").to_number<double>());
}

/// A transaction on one shard that has run a statement, and stays open as long as this lives.
class Open {
 public:
  Open(const std::string& shard, const std::string& sql)
      : connection_(cluster().conninfo(shard)), transaction_(connection_) {
    transaction_.exec(sql);
  }

 private:
  pqxx::connection connection_;
  pqxx::work transaction_;
};

/// Holds a table of all shards, so that every statement on it waits.
class Locked {
 public:
  explicit Locked(const std::string& table) {
    for (const auto& shard : cluster().shards())
      held_.push_back(std::make_unique<Open>(shard, "LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE"));
  }

 private:
  std::vector<std::unique_ptr<Open>> held_;
};

inline std::int64_t waiting_statements() {
  std::int64_t waiting = 0;
  for (const auto& shard : cluster().shards())
    waiting += Database(cluster().conninfo(shard))
                   .number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
  return waiting;
}

inline Seconds time_of(const std::function<void()>& f) {
  const auto began = std::chrono::steady_clock::now();
  f();
  return std::chrono::steady_clock::now() - began;
}

/// All processes of a PostgreSQL server, stopped as by a hanging disk; they go on when this goes.
class Hung {
 public:
  explicit Hung(const std::string& server) {
    Database database(cluster().conninfo(server));
    std::ifstream file(*database.value("SHOW data_directory") + "/postmaster.pid");
    pid_t postmaster = 0;
    file >> postmaster;
    pids_.push_back(postmaster);
    const auto id = std::to_string(postmaster);
    std::ifstream children("/proc/" + id + "/task/" + id + "/children");
    for (pid_t child = 0; children >> child;) pids_.push_back(child);
    for (const auto pid : pids_) ::kill(pid, SIGSTOP);
  }
  ~Hung() {
    for (const auto pid : pids_) ::kill(pid, SIGCONT);
  }
  Hung(const Hung&) = delete;

 private:
  std::vector<pid_t> pids_;
};

}  // namespace shardplex::integration
