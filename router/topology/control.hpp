// The control thread's work: knows the shards and tells the workers. It wires health, discovery, reloading,
// publishing and ids together; what each of them does stands in its own file.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "postgres/asio.hpp"
#include "router/metrics.hpp"
#include "router/settings.hpp"
#include "router/topology/discovery.hpp"
#include "router/topology/health_watch.hpp"
#include "router/topology/id_reservation.hpp"
#include "router/topology/membership.hpp"
#include "router/topology/publisher.hpp"
#include "router/topology/readiness.hpp"
#include "router/topology/refresher.hpp"
#include "router/topology/reload.hpp"
#include "router/topology/router_report.hpp"

namespace shardplex::router {

/// Thread: all members on the control thread, except those of Refresher and reload().
class Control final : public Refresher {
 public:
  using Publish = Publisher::Publish;

  /// `publish` hands each new snapshot to the workers.
  Control(asio::io_context& io, const Settings& settings, std::shared_ptr<const ShardMap> map, IdSource& ids,
          Metrics& metrics, Publish publish);

  /// Begins to watch every server.
  void start();
  void stop();

  void request_refresh() override;
  void request_probes() override;
  void saw_timeline(const std::string& shard, std::int64_t timeline) override;
  void request_tables() override;

  /// Reads the map file again; a bad one is logged, problem by problem, and the old map goes on serving. A
  /// good one is taken over whole once its servers have been probed; until then the old one serves.
  void reload();

  /// The newest snapshot; null before any server has been probed.
  const SnapshotPtr& latest() const { return publisher_.latest(); }

  /// Whether the router serves, and what it lacks.
  Readiness readiness() const;

  /// What an operator should know although the router is ready, in sentences.
  std::vector<std::string> warnings() const;

 private:
  void on_changed(Changes changes);
  void tell_of_same_tables();
  void show_fences();
  void elect_settings();
  Awaitable<void> on_probed(const WatchedShardPtr& shard, std::size_t server);
  void read_map_again();
  bool take_over_reload();
  void discover_shards();
  bool join_shards();
  void watch(const std::vector<WatchedShardPtr>& shards);
  void leave(const std::vector<WatchedShardPtr>& shards);

  asio::io_context& io_;
  Metrics& metrics_;
  Membership membership_;
  HealthWatch health_watch_;
  Discovery discovery_;
  Reload reload_;
  Publisher publisher_;
  IdReservation id_reservation_;
  RouterReporter reporter_;
  Clock::time_point started_ = Clock::now();
  std::optional<Clock::time_point> tables_wanted_;  ///< by the last request; nullopt: none waits
  std::atomic<bool> refresh_requested_{false}, probes_requested_{false}, tables_requested_{false};
};

}  // namespace shardplex::router
