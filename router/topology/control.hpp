// The control thread's work: watch every server, read catalogue and ownership, publish snapshots, reserve
// ids.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/pool.hpp"
#include "router/metrics.hpp"
#include "router/settings.hpp"
#include "router/topology/added_shards.hpp"
#include "router/topology/id_source.hpp"
#include "router/topology/refresher.hpp"
#include "router/topology/snapshot.hpp"
#include "router/topology/watched_shard.hpp"

namespace shardplex::router {

/// Thread: all members on the control thread, except request_refresh() and reload().
class Control final : public Refresher {
 public:
  using Publish = std::function<void(const SnapshotPtr&)>;

  /// `publish` hands each new snapshot to the workers.
  Control(asio::io_context& io, const Settings& settings, std::shared_ptr<const ShardMap> map, IdSource& ids,
          Metrics& metrics, Publish publish);

  /// Begins to watch: each server for itself, so that one that hangs holds up nothing but what it alone could
  /// tell.
  void start();
  void stop();

  void request_refresh() override;

  /// Reads the map file again; a bad one is logged, problem by problem, and the old map goes on serving. A
  /// good one is taken over whole once its servers have been looked at; until then the old one serves.
  void reload();

  /// The newest snapshot; null before any server has been looked at.
  const SnapshotPtr& latest() const { return latest_; }

  /// What keeps the router from being ready, in sentences; empty where it is ready.
  std::vector<std::string> missing() const;

 private:
  using Shards = std::vector<WatchedShardPtr>;  // by ShardId

  /// A map file read again, with its servers being looked at.
  struct Reload {
    std::shared_ptr<const ShardMap> map;
    Shards shards;
  };
  /// A shard that a directory names, until it is known well enough to be put into the map.
  struct Joining {
    AddedShard added;
    WatchedShardPtr shard;
  };
  /// The control thread's connections to one server, as long as anybody watches it.
  struct Watched {
    std::unique_ptr<postgres::Pool> pool;
    std::size_t watchers = 0;
  };

  void start_watching(const WatchedShardPtr& shard);
  void stop_watching(WatchedShard& shard);
  Awaitable<void> watch(WatchedShardPtr shard, std::size_t server);
  Awaitable<void> wait_for_next_look(WatchedShard& shard, std::size_t server);
  Clock::time_point next_look(const WatchedShard& shard, std::size_t server, Clock::time_point last) const;
  Awaitable<void> look_at(WatchedShard& shard, std::size_t server);
  Awaitable<bool> look_at_epoch(WatchedShard& shard, std::size_t server);
  Awaitable<void> read_account(WatchedShard& shard, std::size_t server);
  Awaitable<void> reserve_ids();
  void judge(WatchedShard& shard);
  void wake_all();
  void arm_pool_tick();
  postgres::Pool& pool(const WatchedShard& shard, std::size_t server);

  std::vector<ShardDirectory> directories() const;
  void refuse_map(const std::string& problem);
  void take_over_reload();
  void learn_of_shards();
  void join_shards();
  /// Why the shard cannot be put into the map yet, if so.
  std::optional<std::string> obstacle(const Joining& joining) const;
  void log_once(const std::string& warning);

  void combine_catalogue();
  void publish();

  asio::io_context& io_;
  const Settings& settings_;
  IdSource& ids_;
  Metrics& metrics_;
  Publish publish_to_workers_;

  std::shared_ptr<const ShardMap> map_;
  std::uint64_t map_version_ = 1, version_ = 0;
  Shards shards_;
  std::optional<Reload> reload_;
  std::vector<Joining> joining_;
  std::map<std::string, Watched> watched_;  // by connection string
  std::map<std::string, std::int64_t>
      newest_timeline_;         // by shard, whatever became of the server that had it
  std::set<std::string> said_;  // by log_once()
  std::shared_ptr<const Catalogue> catalogue_;
  std::shared_ptr<const Ownership> ownership_;
  bool tables_changed_ = false, accounts_changed_ = true;
  std::optional<std::int32_t> node_;
  SnapshotPtr latest_;

  WatchedServer::Timer pool_ticker_;
  std::atomic<bool> refresh_requested_{false};
  Clock::time_point closely_until_{};  // primaries are asked for their epochs all the time until then
  bool stopping_ = false;
};

}  // namespace shardplex::router
