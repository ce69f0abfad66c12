// One shard as the control thread watches it: what its servers said last, and what follows from that.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/ownership_reader.hpp"
#include "query/catalogue/catalogue.hpp"
#include "router/topology/snapshot.hpp"

namespace shardplex::router {

/// One server, as last looked at.
struct WatchedServer {
  using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

  bool looked_at = false;  ///< at least once, whatever came of it
  bool settled = false;    ///< and what the first look called for has been read, or could not be
  bool up = false;
  std::string failure;  ///< why it is not up
  postgres::ServerStatus status;
  Clock::time_point look_due{};  ///< when it is to be looked at again
  std::unique_ptr<Timer> wake;   ///< set while it is being watched
};

/// A value that the control thread keeps up to date; its functions neither wait nor log.
struct WatchedShard {
  WatchedShard(const Shard& shard, std::shared_ptr<const ShardMap> read_for);

  std::string name;
  std::shared_ptr<const ShardMap> map;  ///< whose groups the account is read for
  std::vector<WatchedServer> servers;   ///< the configured primary first
  ShardState state;                     ///< as judge() found it
  bool left = false;                    ///< nobody wants to know about it any more

  std::optional<ShardOwnership> ownership;
  /// Of the newest account ever read: none that is older is taken.
  std::int64_t timeline = 0;
  Epoch epoch;
  std::optional<ShardCatalogue> tables;
  bool tables_of_primary = false;  ///< those of a replica may be old: the primary is asked once there is one
  std::string failure;             ///< why tables or ownership could not be read; empty where they could
  std::vector<postgres::ListedShard> directory;

  /// Works out `state` from what the servers said. `newest_timeline` is that of any server of the shard,
  /// ever.
  void judge(std::chrono::milliseconds max_replica_lag, std::int64_t& newest_timeline);

  /// The writable server, or else any that is up and of this shard: ownership replicates.
  std::optional<std::size_t> best_server() const;

  /// The timeline of an account that `server` gives now. A replica has no say in that: what it replays was
  /// written by the primary of the timeline already known.
  std::int64_t timeline_of(std::size_t server) const;
  /// True where an account of `server` would tell something new. An account goes back to an earlier epoch
  /// only where a promotion has lost what the old timeline said last.
  bool is_news(std::size_t server) const;

  bool settled() const;  ///< all of its servers are
};

using WatchedShardPtr = std::shared_ptr<WatchedShard>;

}  // namespace shardplex::router
