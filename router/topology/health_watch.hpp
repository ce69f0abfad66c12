// Watches servers: a coroutine for each probes it when that is due, so that one that hangs holds up nothing
// but what it alone could tell.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "postgres/asio.hpp"
#include "router/settings.hpp"
#include "router/topology/probe_schedule.hpp"
#include "router/topology/prober.hpp"
#include "router/topology/server_pools.hpp"
#include "router/topology/watched_shard.hpp"

namespace shardplex::router {

/// Thread: the control thread.
class HealthWatch {
 public:
  struct Hooks {
    /// After a probe that may have changed something; what was read anew since the last call comes with it.
    std::function<void(const Changes&)> changed;
    /// After each probe, before the next one of that server: what else is to be asked of it.
    std::function<Awaitable<void>(const WatchedShardPtr&, std::size_t server)> probed;
  };

  HealthWatch(asio::io_context& io, const Settings& settings, Hooks hooks);

  void start();
  /// Probes under way end within their deadline, and are not followed by others.
  void stop();

  /// Begins to probe all servers of the shard.
  void watch(const WatchedShardPtr& shard);
  /// Ends that, soon. The last one who watches a server closes the connections to it.
  void leave(const WatchedShard& shard);

  /// Requests wait for slots to change hands: see ProbeSchedule. True where close probes begin with that.
  bool probe_closely();

  /// Whole probes of all servers begin now; one that is under way is followed by another.
  void probe_now();

  /// A server of the shard was a primary on this timeline a moment ago.
  void hear_timeline(const WatchedShardPtr& shard, std::int64_t timeline);

  /// Has the tables of every shard looked at now, or with the next probe where that was done moments ago.
  void look_at_tables();

  /// What all sessions of the process are held to.
  postgres::Sessions& sessions() const { return pools_.sessions(); }

  /// The connections to a server that is being watched.
  postgres::Pool& pool(const WatchedShard& shard, std::size_t server);

 private:
  /// One server of one shard, being watched.
  struct ServerWatch {
    WatchedShardPtr shard;
    std::size_t server;
    asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> wake;
    Clock::time_point probe_due{};  // a whole one
    bool ended = false;

    void end() {
      ended = true;
      wake.cancel();
    }
    void probe_now() { probe_at(Clock::now()); }
    void probe_at(Clock::time_point when) {
      probe_due = std::min(probe_due, when);
      wake.cancel();
    }
  };
  using ServerWatchPtr = std::shared_ptr<ServerWatch>;

  Awaitable<void> run(ServerWatchPtr self);
  Awaitable<void> take_in_timeline(WatchedShardPtr shard, std::int64_t timeline);
  Awaitable<void> probe_and_follow(ServerWatch& self);
  Awaitable<Prober::Result> probe(ServerWatch& self);
  Awaitable<void> wait_for_next_probe(ServerWatch& self);
  void probe_other_servers_now(const ServerWatch& self);
  void probe_at_once(const std::string& conninfo);
  void note_first_round();

  asio::io_context& io_;
  const Settings& settings_;
  const Hooks hooks_;
  ServerPools pools_;
  Prober prober_;
  ProbeSchedule schedule_;
  std::vector<ServerWatchPtr> watches_;
  bool first_round_over_ = false;
  Clock::time_point looked_at_tables_{};  // on request, last
  bool stopping_ = false;
};

}  // namespace shardplex::router
