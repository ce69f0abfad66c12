// One thread of the router: its event loop, its connections to PostgreSQL, and the view it routes by.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/pool.hpp"
#include "router/execution/api_documents.hpp"
#include "router/execution/big_answers.hpp"
#include "router/execution/insert_batcher.hpp"
#include "router/execution/outages.hpp"
#include "router/execution/point_batcher.hpp"
#include "router/execution/point_shapes.hpp"
#include "router/execution/promotion_watch.hpp"
#include "router/execution/shared_reads.hpp"
#include "router/metrics.hpp"
#include "router/settings.hpp"
#include "router/topology/id_source.hpp"
#include "router/topology/refresher.hpp"
#include "router/topology/snapshot.hpp"

namespace shardplex::router {

/// A snapshot together with this worker's own pools to its servers. Requests hold the view they were planned
/// with.
struct View {
  SnapshotPtr snapshot;
  struct Server {
    std::shared_ptr<postgres::Pool> pool;
  };
  struct ShardServers {
    std::vector<Server> servers;  ///< in the order of ShardState::servers
    ShardMetrics* metrics = nullptr;
  };
  std::vector<ShardServers> shards;  ///< by ShardId
  std::vector<SlotLoad*> loads;      ///< by GroupId; the worker's own

  const ShardMap& map() const { return *snapshot->map; }
  const ShardState& state(ShardId shard) const { return snapshot->shards[shard.value]; }
};
using ViewPtr = std::shared_ptr<const View>;

/// Thread: run() and everything else on one thread; adopt() may be posted from others.
class Worker {
 public:
  Worker(const Settings& settings, Refresher& refresher, IdSource& ids, WorkerMetrics& metrics);
  ~Worker();

  asio::io_context& io() { return io_; }
  Executor executor() { return io_.get_executor(); }
  const Settings& settings() const { return settings_; }
  Refresher& refresher() { return refresher_; }
  WorkerMetrics& metrics() { return metrics_; }
  PointBatcher& batcher() { return batcher_; }
  InsertBatcher& insert_batcher() { return insert_batcher_; }
  SharedReads& shared_reads() { return shared_reads_; }
  PromotionWatch& promotion_watch() { return promotion_watch_; }
  PointShapes& point_shapes() { return point_shapes_; }
  ApiDocuments& api_documents() { return api_documents_; }
  BigAnswers& big_answers() { return big_answers_; }
  Outages& outages() { return outages_; }
  /// The names of is_time_zone(); empty until they are needed.
  std::set<std::string, std::less<>>& time_zones() { return time_zones_; }
  /// Of all requests of the process; null: no bound.
  MemoryBudget* memory() const { return settings_.pool.connection.memory; }
  IdSource& ids() { return ids_; }

  /// The newest view; null until the control thread has published the first.
  const ViewPtr& view() const { return view_; }

  /// Any thread: take over a snapshot.
  void adopt(SnapshotPtr snapshot);

  /// Asks for a refresh and waits for a view newer than `version`, but not beyond `until`.
  Awaitable<void> newer_view(std::uint64_t version, Deadline until);

  /// Asks for the tables to be looked at again, and waits for a view with others than `known`, or for the
  /// news that there are none, but not beyond `until`.
  Awaitable<void> newer_tables(std::shared_ptr<const Catalogue> known, Deadline until);

  /// Grows whenever a read that found no server may find one: with each view, and where a server is reached
  /// that was not.
  std::uint64_t chances() const { return chances_; }
  /// Waits for more chances than `seen`, but not beyond `until`. False where there are none.
  Awaitable<bool> next_chance(std::uint64_t seen, Deadline until);
  /// How many do.
  std::size_t waiting_for_chance() const { return waiting_for_chance_; }

  /// True within the seconds after other tables were published: those of some shards may have been read
  /// before they changed.
  bool tables_changed_lately() const;

  std::minstd_rand& random() { return random_; }

  /// Called on every tick (100 ms) by the worker.
  void on_tick(std::function<void(Clock::time_point)> f) { tick_handlers_.push_back(std::move(f)); }

  void start();  ///< begins ticking; worker's thread or before run
  void stop();   ///< stops ticking and forgets pools; worker's thread

 private:
  using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

  using Waiters = std::vector<std::shared_ptr<Timer>>;

  void install(SnapshotPtr snapshot);
  std::shared_ptr<postgres::Pool> pool_of(const ServerState& server);
  const ServerState* known(const std::string& conninfo) const;
  void take_chance();
  Awaitable<void> next_view(Deadline until);
  Awaitable<void> wait(Waiters& with, Deadline until);
  void arm_tick();
  void tick(Clock::time_point now);
  void check_stalls(Clock::time_point now);
  void publish_pool_gauges();

  const Settings& settings_;
  Refresher& refresher_;
  IdSource& ids_;
  WorkerMetrics& metrics_;
  asio::io_context io_{1};
  Timer ticker_{io_};
  std::map<std::string, std::shared_ptr<postgres::Pool>> pools_;  // by connection string
  std::vector<std::shared_ptr<postgres::Pool>>
      retired_;  // of servers that left the map, while requests use them
  ViewPtr view_;
  Clock::time_point other_tables_since_{};
  PointBatcher batcher_;
  InsertBatcher insert_batcher_;
  SharedReads shared_reads_;
  PromotionWatch promotion_watch_;
  PointShapes point_shapes_;
  ApiDocuments api_documents_;
  BigAnswers big_answers_;
  Outages outages_{settings_.read_patience};
  std::set<std::string, std::less<>> time_zones_;
  Waiters waiters_;         // for another view; one that is held here alone has gone
  Waiters chance_waiters_;  // for a server; the same
  std::uint64_t chances_ = 0;
  std::size_t waiting_for_chance_ = 0;
  Clock::time_point stalls_checked_{};
  std::vector<std::function<void(Clock::time_point)>> tick_handlers_;
  std::minstd_rand random_;
};

}  // namespace shardplex::router
