// The control thread's work: watch every server, read catalogue and ownership, publish snapshots, reserve
// ids.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/ownership_reader.hpp"
#include "postgres/pool.hpp"
#include "router/id_source.hpp"
#include "router/metrics.hpp"
#include "router/settings.hpp"
#include "router/snapshot.hpp"
#include "router/worker.hpp"

namespace shardplex::router {

/// Thread: all members on the control thread, except request_refresh(), reload() and latest().
class Control final : public Refresher {
 public:
  using Publish = std::function<void(const SnapshotPtr&)>;

  /// `publish` hands each new snapshot to the workers.
  Control(asio::io_context& io, const Settings& settings, std::shared_ptr<const ShardMap> map, IdSource& ids,
          Metrics& metrics, Publish publish);

  /// Begins the rounds: one every poll interval, and at once on request.
  void start();
  void stop();

  void request_refresh() override;

  /// Reads the map file again; a bad one is logged, problem by problem, and the old map goes on serving.
  void reload();

  /// The snapshot published last; null before the first round.
  const SnapshotPtr& latest() const { return latest_; }

  /// What keeps the router from being ready, in sentences; empty where it is ready.
  std::vector<std::string> missing() const;

 private:
  Awaitable<void> run();
  Awaitable<void> round();
  Awaitable<void> look_at(std::size_t shard, std::size_t server);
  Awaitable<void> read_account(std::size_t shard);
  Awaitable<void> read_tables(std::size_t shard);
  Awaitable<void> reserve_ids();
  void arm_pool_tick();
  void judge_servers();
  void combine_catalogue();
  void publish();
  postgres::Pool& pool(std::size_t shard, std::size_t server);
  Deadline round_deadline() const;
  std::optional<std::size_t> best_server(std::size_t shard) const;

  struct Seen {
    bool up = false;
    std::string failure;
    postgres::ServerStatus status;
  };
  struct ShardAccount {
    std::vector<Seen> servers;
    std::optional<ShardOwnership> ownership;
    std::int64_t timeline = 0;  ///< on which the ownership was read
    std::string failure;        ///< why tables or ownership could not be read; empty where they could
    std::optional<ShardCatalogue> tables;
  };

  static std::int64_t newest_lsn(const ShardAccount& account);

  asio::io_context& io_;
  const Settings& settings_;
  IdSource& ids_;
  Metrics& metrics_;
  Publish publish_to_workers_;

  std::shared_ptr<const ShardMap> map_;
  std::uint64_t map_version_ = 1, version_ = 0;
  std::map<std::string, std::unique_ptr<postgres::Pool>> pools_;  // by connection string
  std::vector<ShardAccount> accounts_;                            // by shard
  std::vector<ShardState> states_;
  std::map<std::string, std::int64_t>
      newest_timeline_;  // by shard name, whatever became of the server that had it
  std::shared_ptr<const Catalogue> catalogue_;
  bool tables_changed_ = false;
  std::optional<std::int32_t> node_;
  SnapshotPtr latest_;
  std::shared_ptr<const ShardMap> next_map_;  // read by reload(), taken over by the next round

  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> timer_, pool_ticker_;
  std::atomic<bool> refresh_requested_{false};
  bool stopping_ = false;
};

}  // namespace shardplex::router
