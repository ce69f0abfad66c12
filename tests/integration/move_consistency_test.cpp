// Slots move by command while clients work through three routers, one of which hears of nothing: what they
// saw is what one faultless store would have shown them.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/consistency/checker.hpp"
#include "tests/consistency/recorded_load.hpp"
#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

using Random = std::mt19937_64;

constexpr auto time_before = std::chrono::seconds(2);
constexpr std::uint64_t seed = 31337;
constexpr int rounds = 5;
constexpr std::size_t slots_at_once = 60;

/// Two routers over the cluster's map file, and one over a copy in a folder of its own, which nobody writes
/// to or signals: whatever moves, it learns of it from the shards alone.
struct Routers {
  explicit Routers(const Cluster& cluster)
      : first(cluster.map_file()),
        second(cluster.map_file()),
        map_at_start(read_file(cluster.map_file())),
        copy_of_map(elsewhere.write("map.yaml", map_at_start)),
        cut_off(copy_of_map) {}

  TemporaryFolder elsewhere;
  Router first, second;
  std::string map_at_start, copy_of_map;
  Router cut_off;
};

/// By shard, the slots of the group that it says are its own.
std::map<std::string, std::vector<int>> owned_slots(const Cluster& cluster, const std::string& group) {
  std::map<std::string, std::vector<int>> owned;
  for (const auto& shard : cluster.shards())
    for (const auto& row : Database(cluster.conninfo(shard))
                               .run("SELECT slot FROM shardplex.slots WHERE state = 'owned' AND grp = '" +
                                    group + "' ORDER BY slot"))
      owned[shard].push_back(row[0].as<int>());
  return owned;
}

/// Every slot has one owner, and what is not its own is on no shard, nor anything else that a move has made.
void check_end(const Cluster& cluster) {
  for (const auto& group : cluster.map().groups()) {
    std::vector<int> all;
    for (const auto& [shard, slots] : owned_slots(cluster, group.name))
      all.insert(all.end(), slots.begin(), slots.end());
    std::ranges::sort(all);
    CHECK(all.size() == group.slot_count);
    CHECK(std::ranges::adjacent_find(all) == all.end());
  }
  for (const auto& name : cluster.shards()) {
    Database shard(cluster.conninfo(name));
    CHECK(shard.number("SELECT count(*) FROM shardplex.slots WHERE state <> 'owned'") == 0);
    for (const auto& table : cluster.map().tables()) {
      if (!table.group) continue;
      CHECK(shard.number("SELECT count(*) FROM " + table.name +
                         " WHERE shardplex_slot NOT IN (SELECT slot FROM shardplex.slots WHERE grp = '" +
                         cluster.map().group(*table.group).name + "')") == 0);
    }
    for (const auto* objects :
         {"pg_publication", "pg_subscription", "pg_replication_slots WHERE slot_type = 'logical'"})
      CHECK(shard.number(std::string("SELECT count(*) FROM ") + objects) == 0);
  }
}

/// A run of slots of every shard to the next one, of one of the map's groups.
std::string make_plan(const Cluster& cluster, Random& random) {
  const auto& groups = cluster.map().groups();
  const auto& group = groups[random() % groups.size()].name;
  const auto owned = owned_slots(cluster, group);
  std::string plan = "version: 1\ncluster: " + cluster.map().cluster() + "\nmoves:\n";
  for (std::size_t i = 0; i < cluster.shards().size(); ++i) {
    const auto &from = cluster.shards()[i], &to = cluster.shards()[(i + 1) % cluster.shards().size()];
    const auto& slots = owned.at(from);
    REQUIRE(slots.size() > slots_at_once);
    const auto first = random() % (slots.size() - slots_at_once);
    std::string listed;
    for (auto j = first; j < first + slots_at_once; ++j)
      listed += (listed.empty() ? "" : ", ") + std::to_string(slots[j]);
    plan += "  - {group: " + group + ", slots: [" + listed + "], from: " + from + ", to: " + to + "}\n";
  }
  return plan;
}

void rebalance(const Cluster& cluster, const std::string& verb, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"rebalance", verb, "--map", cluster.map_file(), "--parallel", "2"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto done = run_shardplex(arguments);
  INFO(verb, ": ", done.output, done.errors);
  CHECK(done.status == 0);
}

/// Moves slots on, and then gives them back or leaves them there.
void move_slots(const Cluster& cluster, Random& random, bool back) {
  const TemporaryFolder folder;
  rebalance(cluster, "run", {folder.write("plan.yaml", make_plan(cluster, random))});
  rebalance(cluster, back ? "reverse" : "finish");
}

/// The history of a load through routers during which `act` acts, and then of what the shards hold.
consistency::History record(const Cluster& cluster, RecordedLoadOptions options, const Routers& routers,
                            const std::function<void(const RecordedLoad&)>& act) {
  options.routers = {routers.first.port(), routers.second.port(), routers.cut_off.port()};
  RecordedLoad load(options);
  const auto start = now();
  wait_until("the load has run for a while", [&] { return now() - start > time_before; });
  const auto begin = now();
  act(load);
  const auto end = now();
  auto history = load.stop();
  MESSAGE("before: ", to_string(latencies(history, start, begin)));
  MESSAGE("during: ", to_string(latencies(history, begin, end)));
  add_stock(history, options, cluster);
  return history;
}

consistency::Verdict judge(const consistency::History& history) {
  consistency::Rules rules;
  rules.staleness = weak_read_staleness;
  auto verdict = consistency::check(history, rules);
  MESSAGE(to_string(verdict, history));
  return verdict;
}

RecordedLoadOptions load_for(const std::string& map) {
  RecordedLoadOptions options;
  options.seed = seed;
  options.clients_choose_ids = map == "hash";
  return options;
}

void wait_for_requests(const RecordedLoad& load, std::uint64_t more) {
  const auto before = load.requests();
  wait_until("clients have asked", [&] { return load.requests() > before + more; });
}

void move_under_load(const std::string& map) {
  const Cluster cluster({.shards = 3, .replicas = 1, .map = map});
  cluster.initialise();
  auto options = load_for(map);
  options.steady_films_are_replicated = true;
  cluster.load("movies", steady_films(options));
  cluster.wait_for_replicas();
  const Routers routers(cluster);
  Random random(seed);
  INFO("seed ", seed);
  const auto history = record(cluster, options, routers, [&](const RecordedLoad& load) {
    for (int round = 0; round < rounds && load.failures() == 0; ++round)
      move_slots(cluster, random, round % 2 == 1);
  });
  CHECK(judge(history).is_clean());
  check_end(cluster);
  CHECK(read_file(cluster.map_file()) != routers.map_at_start);
  CHECK(read_file(routers.copy_of_map) == routers.map_at_start);
}

}  // namespace

TEST_CASE("under hash, slots with films and their ratings move and come back, and nobody sees a fault") {
  move_under_load("hash");
}

TEST_CASE("under lists, slots of genres move and come back, and nobody sees a fault") {
  move_under_load("genre");
}

TEST_CASE("what is done to the rows behind the routers' backs is found in the history") {
  const Cluster cluster({.shards = 2, .replicas = 0, .map = "hash"});
  cluster.initialise();
  const auto options = load_for("hash");
  cluster.load("movies", steady_films(options));
  const Routers routers(cluster);
  const auto other = [&](const std::string& shard) {
    return cluster.shards()[shard == cluster.shards()[0] ? 1 : 0];
  };
  const auto film = [&](int number) { return std::to_string(options.first_id + number); };
  const auto shard_of = [&](int number) { return cluster.shard_of("movies", options.first_id + number); };
  const auto history = record(cluster, options, routers, [&](const RecordedLoad& load) {
    // What nobody has written cannot be lost.
    for (const int number : {0, 1, 2})
      wait_until("the film has been changed", [&] {
        return Database(cluster.conninfo(shard_of(number)))
                   .number("SELECT imdb_votes FROM movies WHERE id = " + film(number)) > 0;
      });
    // Somebody may write it anew before anybody sees it.
    for (int times = 0; times < 10; ++times) {
      Database(cluster.conninfo(shard_of(0))).run("UPDATE movies SET imdb_votes = 0 WHERE id = " + film(0));
      wait_for_requests(load, 100);
    }
    Database(cluster.conninfo(shard_of(1))).run("DELETE FROM movies WHERE id = " + film(1));
    // A copy on the other shard that is visible there, as after a move that went wrong.
    Database there(cluster.conninfo(other(shard_of(2))));
    there.run("INSERT INTO movies (id, director, worldwide_gross, imdb_votes, shardplex_slot) SELECT " +
              film(2) + ", 'recorded-" + std::to_string(options.first_id) + "-steady', " + film(2) +
              ", 0, min(slot) FROM shardplex.slots WHERE state = 'owned'");
    wait_for_requests(load, 1'000);
  });
  const auto verdict = judge(history);
  const auto finds = [&](int number) {
    return std::ranges::any_of(verdict.faults, [&](const consistency::Fault& fault) {
      return fault.what.starts_with("movies/" + film(number) + ' ');
    });
  };
  CHECK(finds(0));
  CHECK(finds(1));
  CHECK(finds(2));
  CHECK_FALSE(finds(3));
  CHECK(std::ranges::any_of(verdict.faults, [](const auto& fault) {
    return fault.kind == consistency::FaultKind::row_on_two_shards;
  }));
}

}  // namespace shardplex::integration
