// What tests of moves share: a cluster with rows to move, a client that writes through a router meanwhile,
// and the commands.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {

/// Everything in a shard that a move could leave behind, and whose the slots are.
inline std::string state_of(Database& shard) {
  static const std::vector<std::string> queries{
      "SELECT string_agg(grp || ' ' || slot || ' ' || state, ', ' ORDER BY grp, slot) FROM shardplex.slots",
      "SELECT string_agg(pubname, ', ' ORDER BY pubname) FROM pg_publication",
      "SELECT string_agg(subname, ', ' ORDER BY subname) FROM pg_subscription",
      "SELECT string_agg(slot_name, ', ' ORDER BY slot_name) FROM pg_replication_slots",
      "SELECT string_agg(name, ', ' ORDER BY name) FROM shardplex.markers",
      "SELECT string_agg(id, ', ' ORDER BY id) FROM shardplex.moves WHERE phase NOT IN ('finished', "
      "'aborted', 'reversed')",
      "SELECT string_agg(relname || ' ' || relreplident::text, ', ' ORDER BY relname) FROM pg_class WHERE "
      "relname "
      "IN ('movies', 'ratings')",
      "SELECT string_agg(gid, ', ') FROM pg_prepared_xacts",
      "SELECT string_agg(external_id, ', ') FROM pg_replication_origin_status",
      "SELECT count(*) || ' leftovers' FROM movies m WHERE NOT EXISTS (SELECT FROM shardplex.slots s WHERE "
      "s.slot = "
      "m.shardplex_slot AND s.state = 'owned')",
      "SELECT count(*) || ' leftovers' FROM ratings m WHERE NOT EXISTS (SELECT FROM shardplex.slots s WHERE "
      "s.slot = "
      "m.shardplex_slot AND s.state = 'owned')",
  };
  std::string state;
  for (const auto& query : queries) state += shard.value(query).value_or("-") + '\n';
  return state;
}

/// Counts films up through a router, one after the other, and keeps what it was told.
class Writer {
 public:
  Writer(std::uint16_t port, const std::vector<std::int64_t>& ids) : client_(port) {
    for (const auto id : ids) counts_[id] = 0;
    thread_ = std::jthread([this](const std::stop_token& stop) {
      std::mt19937_64 random(20260);
      while (!stop.stop_requested()) {
        auto film = counts_.begin();
        std::advance(film, random() % counts_.size());
        count_up(*film);
      }
    });
  }

  /// Stops; the counts, and every answer that should not have been.
  const std::map<std::int64_t, std::int64_t>& stop() {
    if (thread_.joinable()) {
      thread_.request_stop();
      thread_.join();
    }
    return counts_;
  }
  std::vector<std::string> complaints() {
    const std::lock_guard lock(mutex_);
    return complaints_;
  }
  std::atomic<std::uint64_t> written{0};

 private:
  void count_up(std::pair<const std::int64_t, std::int64_t>& film) {
    const std::string body = "{\"imdb_votes\":" + std::to_string(film.second + 1) + "}";
    const std::string target = "/movies?select=imdb_votes&id=eq." + std::to_string(film.first) +
                               "&imdb_votes=eq." + std::to_string(film.second);
    try {
      const auto answer = client_.request(
          "PATCH", target, {{"Prefer", "return=representation"}, {"Content-Type", "application/json"}}, body);
      if (answer.status == 200 && answer.body == "[" + body + "]") {
        ++film.second;
        ++written;
        return;
      }
      complain(target + ": " + std::to_string(answer.status) + ' ' + answer.body);
    } catch (const ConnectionFailure& failure) {
      complain(target + ": " + failure.what());
    }
  }
  void complain(std::string complaint) {
    const std::lock_guard lock(mutex_);
    if (complaints_.size() < 10) complaints_.push_back(std::move(complaint));
  }

  HttpClient client_;
  std::map<std::int64_t, std::int64_t> counts_;
  std::mutex mutex_;
  std::vector<std::string> complaints_;
  std::jthread thread_;
};

inline std::string film_rows(int films) {
  std::string rows;
  for (int id = 1; id <= films; ++id)
    rows += "{\"id\":" + std::to_string(id) + ",\"name\":\"film\",\"imdb_votes\":0}\n";
  return rows;
}

inline std::string rating_rows(int films) {
  std::string rows;
  for (int id = 1; id <= films; ++id)
    rows += "{\"movie_id\":" + std::to_string(id) + ",\"user_id\":7,\"score\":5}\n";
  return rows;
}

/// Shards with films and ratings; alpha has the slots that move, which are 0 to 255.
class Moves {
 public:
  explicit Moves(const ClusterOptions& options = {.shards = 2, .replicas = 0}) : cluster_(options) {
    cluster_.initialise();
    cluster_.load("movies", film_rows(films));
    cluster_.load("ratings", rating_rows(films));
    connect();
  }

  /// Connects to each shard's primary, which is its server `elsewhere` where that names one.
  void connect(const std::map<std::string, std::string>& elsewhere = {}) {
    for (const auto& shard : cluster_.shards()) {
      const auto other = elsewhere.find(shard);
      databases_.emplace(shard, cluster_.conninfo(other == elsewhere.end() ? shard : other->second));
    }
  }
  void disconnect() { databases_.clear(); }

  Cluster& cluster() { return cluster_; }
  Database& shard(const std::string& name) { return databases_.at(name); }

  std::string state() { return "alpha:\n" + state_of(shard("alpha")) + "beta:\n" + state_of(shard("beta")); }

  /// The shard that owns the slots that move, and the other one.
  std::pair<std::string, std::string> owner_and_other() {
    const bool alpha =
        shard("alpha").number(
            "SELECT count(*) FROM shardplex.slots WHERE slot = 0 AND state IN ('owned', 'fenced')") == 1;
    return alpha ? std::pair("alpha", "beta") : std::pair("beta", "alpha");
  }

  std::string plan_file() {
    const auto [from, to] = owner_and_other();
    return plan_folder_.write(
        "plan.yaml", "version: 1\ncluster: movies\nmoves:\n  - {group: catalog, slots: [0-255], from: " +
                         from + ", to: " + to + "}\n");
  }

  Finished run(const std::string& verb, const std::vector<std::string>& more = {},
               const std::string& crash_at = "") {
    std::vector<std::string> arguments{"rebalance", verb, "--map", cluster_.map_file()};
    if (verb == "run") arguments.push_back(plan_file());
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_shardplex(arguments, crash_at);
  }
  void expect(const std::string& verb, const std::vector<std::string>& more = {}) {
    const auto done = run(verb, more);
    REQUIRE_MESSAGE(done.status == 0, verb << ": " << done.output << done.errors);
  }
  /// A mover that stops itself at this point (SIGSTOP); on by SIGCONT.
  std::unique_ptr<Process> run_until(const std::string& point, std::vector<std::string> more = {},
                                     const std::string& verb = "run") {
    std::vector<std::string> command{shardplex_program(), "rebalance", verb, "--map", cluster_.map_file()};
    if (verb == "run") command.push_back(plan_file());
    command.insert(command.end(), more.begin(), more.end());
    auto mover = std::make_unique<Process>(command, Process::Environment{{"SHARDPLEX_STOP_AT", point}});
    wait_until("the mover stops at " + point, [&] {
      if (!mover->running()) throw std::runtime_error("the mover ended before " + point);
      return mover->stopped();
    });
    return mover;
  }
  void crash(const std::string& verb, const std::string& point) {
    const auto done = run(verb, {}, point);
    REQUIRE_MESSAGE(done.status == 128 + SIGKILL, verb << " with a crash at " << point << ": status "
                                                       << done.status << '\n'
                                                       << done.output << done.errors);
  }

  std::vector<std::int64_t> moved_films() {
    std::vector<std::int64_t> ids;
    for (const auto* name : {"alpha", "beta"})
      for (const auto& row : shard(name).run("SELECT id FROM movies WHERE shardplex_slot BETWEEN 0 AND 255"))
        ids.push_back(row[0].as<std::int64_t>());
    return ids;
  }

  /// Each film is once in the cluster, with the count that its writer was told.
  void check_counts(const std::map<std::int64_t, std::int64_t>& counts) {
    std::map<std::int64_t, std::vector<std::int64_t>> found;
    for (const auto* name : {"alpha", "beta"})
      for (const auto& row : shard(name).run("SELECT id, imdb_votes FROM movies"))
        found[row[0].as<std::int64_t>()].push_back(row[1].as<std::int64_t>());
    for (const auto& [id, count] : counts) CHECK(found[id] == std::vector{count});
  }

 private:
  static constexpr int films = 600;
  Cluster cluster_;
  TemporaryFolder plan_folder_;
  std::map<std::string, Database> databases_;
};

}  // namespace shardplex::integration
