// Probes of servers: what is asked of them, and what of it is taken over into their shard.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "postgres/asio.hpp"
#include "router/topology/changes.hpp"
#include "router/topology/server_pools.hpp"
#include "router/topology/timeline_notes.hpp"
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

  /// A server of the shard was a primary on this timeline a moment ago, whether a probe meets it or not.
  Awaitable<void> hear_timeline(WatchedShard& shard, std::int64_t timeline);

  /// From now on primaries are written to: all servers have been probed once, so that what the other shards
  /// know of a shard's timeline has been heard, or cannot be.
  void heard_all() { others_heard_ = true; }

  /// What the probes since the last call have changed, of all shards.
  Changes take_changes() { return std::exchange(changes_, {}); }

 private:
  Awaitable<std::optional<postgres::Outcome<postgres::ServerStatus>>> ask_for_status(WatchedShard& shard,
                                                                                     std::size_t server);
  Awaitable<bool> read_newer(WatchedShard& shard, std::size_t server);
  Awaitable<bool> look_at_tables(WatchedShard& shard, std::size_t server);
  Awaitable<bool> read_tables(WatchedShard& shard, std::size_t server);
  Awaitable<bool> read_ownership_report(WatchedShard& shard, std::size_t server);
  Awaitable<void> learn_timelines(const WatchedShard& shard, const postgres::ServerStatus& status);
  Awaitable<void> note_elsewhere(std::string shard, TimelineNotes notes);
  Awaitable<void> bring_notes_up_to_date(const WatchedShard& shard, std::size_t server);
  void assess_health(WatchedShard& shard);
  void look_at_sessions(const WatchedShard& shard, std::size_t server);
  postgres::Pool& pool(const WatchedShard& shard, std::size_t server) const;

  ServerPools& pools_;
  const std::chrono::milliseconds max_replica_lag_;
  TimelineNotes notes_;  // whatever became of the servers that told
  bool others_heard_ = false;
  struct NotePlace {
    std::string conninfo;  // of the primary
    std::vector<NotedTimeline> noted;
  };
  std::map<std::string, Clock::time_point> sessions_due_;  // by connection string
  std::map<std::string, NotePlace> note_places_;           // by shard, as last probed
  Changes changes_;
  WarnOnce warn_once_;
};

}  // namespace shardplex::router
