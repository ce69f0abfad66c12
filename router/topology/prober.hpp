// Probes of servers: what is asked of them, and what of it is taken over into their shard.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "postgres/asio.hpp"
#include "router/topology/changes.hpp"
#include "router/topology/server_pools.hpp"
#include "router/topology/warn_once.hpp"
#include "router/topology/watched_shard.hpp"

namespace shardplex::router {

/// Thread: the control thread. What a probe finds wrong is noted in the shard, and logged where it is new.
/// The shard must outlive the probe.
class Prober {
 public:
  /// `pools` holds every server that is probed.
  Prober(ServerPools& pools, std::chrono::milliseconds max_replica_lag);

  struct Result {
    bool changed = true;      ///< something about the shard may have changed
    bool new_report = false;  ///< its ownership report has: servers were measured by the one before
    bool whole_due = false;   ///< why the server does not answer, a whole probe has to tell
  };

  /// A whole probe: role, timeline, position, lag, identity, epoch and directory; then tables and ownership,
  /// where this server is the one to tell them and has newer ones. Tables have changed where their
  /// fingerprint has.
  Awaitable<Result> probe(WatchedShard& shard, std::size_t server);

  /// Asks for the epoch alone, and for the ownership where that has changed.
  Awaitable<Result> probe_epoch(WatchedShard& shard, std::size_t server);

  /// What the probes since the last call have changed, of all shards.
  Changes take_changes() { return std::exchange(changes_, {}); }

 private:
  Awaitable<bool> read_newer(WatchedShard& shard, std::size_t server);
  Awaitable<void> look_at_tables(WatchedShard& shard, std::size_t server);
  Awaitable<bool> read_tables(WatchedShard& shard, std::size_t server);
  Awaitable<bool> read_ownership_report(WatchedShard& shard, std::size_t server);
  void assess_health(WatchedShard& shard);
  postgres::Pool& pool(const WatchedShard& shard, std::size_t server) const;

  ServerPools& pools_;
  const std::chrono::milliseconds max_replica_lag_;
  std::map<std::string, std::int64_t>
      newest_timeline_;  // by shard, whatever became of the server that had it
  Changes changes_;
  WarnOnce warn_once_;
};

}  // namespace shardplex::router
