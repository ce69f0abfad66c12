// Router and command line judge one cluster: whatever its servers say, both find the same primaries, and say
// the same of each server that is none.
#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "router/topology/timeline_notes.hpp"
#include "router/topology/watched_shard.hpp"
#include "shard_schema/primary_choice.hpp"

namespace shardplex::router {
namespace {

constexpr int clusters = 20'000;
const std::array<std::string, 2> names{"alpha", "beta"};

/// Two shards of one to three servers that say anything.
class AnyCluster {
 public:
  explicit AnyCluster(unsigned seed) : random_(seed) {
    std::vector<Shard> shards;
    for (const auto& name : names) {
      shards.push_back({name, "host=" + name, {}});
      while (one_in(2) && shards.back().replicas.size() < 2)
        shards.back().replicas.push_back("host=" + name + std::to_string(shards.back().replicas.size()));
    }
    map_ = std::make_shared<const ShardMap>("movies", shards, std::vector<Group>{},
                                            std::vector<TablePlacement>{}, std::vector<MapRelation>{});
    for (const auto& shard : shards) {
      watched_.emplace_back(shard, map_);
      for (auto& server : watched_.back().servers) say_something(shard.name, server);
    }
  }

  /// As the command line does: everybody is asked, then each shard is judged.
  PrimaryChoice by_command_line(std::size_t shard) const {
    std::vector<ServerWord> words, all;
    for (std::size_t i = 0; i < watched_.size(); ++i)
      for (const auto& server : watched_[i].servers) {
        all.push_back({server.up ? &server.status : nullptr, false});
        if (i == shard) words.push_back(all.back());
      }
    return choose_primary(map_->cluster(), names[shard], words, all);
  }

  /// As the router does: each probe's notes are heard as it answers; then the shard is assessed.
  const ShardState& by_router(std::size_t shard) {
    TimelineNotes notes;
    for (const auto& one : watched_)
      for (const auto& [probed, settled, up, failure, hangs, status, overruled] : one.servers)
        if (up && status.initialised && status.cluster == map_->cluster()) notes.hear(status.noted);
    watched_[shard].ruling = notes.of(names[shard]).ruling;  // nobody has ruled since they were asked
    watched_[shard].assess_health(std::chrono::seconds(5), notes.of(names[shard]), true);
    return watched_[shard].state;
  }

 private:
  bool one_in(int n) { return std::uniform_int_distribution(1, n)(random_) == 1; }
  std::int64_t up_to(std::int64_t n) { return std::uniform_int_distribution<std::int64_t>(1, n)(random_); }

  void say_something(const std::string& shard, ProbedServer& server) {
    server.probed = true;
    server.up = !one_in(5);
    if (!server.up) server.failure = "gone";
    auto& status = server.status;
    status.in_recovery = one_in(2);
    status.receives_wal = status.in_recovery;
    status.timeline = up_to(3);
    status.database_identity = std::to_string(up_to(20));
    status.initialised = !one_in(8);
    if (!status.initialised) return;
    status.cluster = one_in(8) ? "books" : "movies";
    status.shard = one_in(8) ? "beta" : shard;
    if (one_in(2)) status.ruling = up_to(3) - 1;
    for (const auto& name : names)
      if (one_in(3)) status.noted.push_back({name, {up_to(3) - 1, up_to(3)}});
  }

  std::mt19937 random_;
  std::shared_ptr<const ShardMap> map_;
  std::vector<WatchedShard> watched_;
};

}  // namespace

TEST_CASE("router and command line find the same primaries, whatever the servers say") {
  int with_primary = 0, without = 0;
  for (unsigned seed = 0; seed < clusters; ++seed) {
    CAPTURE(seed);
    AnyCluster cluster(seed);
    for (std::size_t shard = 0; shard < names.size(); ++shard) {
      const auto choice = cluster.by_command_line(shard);
      const auto& state = cluster.by_router(shard);
      REQUIRE(state.primary == choice.primary);
      (choice.primary ? with_primary : without) += 1;
      for (std::size_t i = 0; i < state.servers.size(); ++i) {
        REQUIRE(state.servers[i].writable == (choice.primary == i));
        const auto standing = choice.servers[i].standing;
        if (standing != Standing::replica && standing != Standing::silent)
          REQUIRE(state.servers[i].problem == choice.servers[i].reason);
      }
    }
  }
  CHECK(with_primary > clusters / 10);
  CHECK(without > clusters / 10);
}

}  // namespace shardplex::router
