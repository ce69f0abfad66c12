// One shard as the control thread knows it: what its servers told last, and what follows from that.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "postgres/ownership_reader.hpp"
#include "query/catalogue/catalogue.hpp"
#include "router/topology/health.hpp"
#include "router/topology/snapshot.hpp"

namespace shardplex::router {

/// A value that the control thread keeps up to date; its functions neither wait nor log.
struct WatchedShard {
  WatchedShard(const Shard& shard, std::shared_ptr<const ShardMap> read_for);

  std::string name;
  std::shared_ptr<const ShardMap> map;  ///< whose groups the ownership report is read for
  std::vector<ProbedServer> servers;    ///< the configured primary first
  ShardState state;                     ///< as assess_health() found it

  std::optional<ShardOwnership> ownership;  ///< the newest ownership report; absent where none suits the map
  /// Of the newest ownership report ever read: none that is older is taken.
  std::int64_t timeline = 0;
  Epoch epoch;
  std::int64_t ruling = 0;  ///< that the report was read under
  std::optional<ShardCatalogue> tables;
  std::string tables_fingerprint;   ///< of them; another one on the server means that they have changed
  Clock::time_point tables_due{};   ///< when to look at the fingerprint again
  Clock::time_point tables_seen{};  ///< when the server was last asked, and had these tables
  bool tables_of_primary = false;   ///< those of a replica may be old: the primary is asked once there is one
  std::string failure;              ///< why tables or ownership could not be read; empty where they could
  std::vector<postgres::ListedShard> directory;

  /// Works out `state` from what the servers told. `newest` is the newest timeline that is known of the
  /// shard, and is brought up to date. Under another ruling than before, the ownership report is to be read
  /// again: it may be of the timeline that was ruled out.
  void assess_health(std::chrono::milliseconds max_replica_lag, KnownTimeline& newest, bool others_heard);

  /// The writable server, or else any that is up and of this shard: ownership replicates.
  std::optional<std::size_t> best_server() const;

  /// True where the tables have to be read from `server`.
  bool needs_tables(std::size_t server) const;
  /// The timeline of an ownership report that `server` gives now. A replica has no say in that: what it
  /// replays was written by the primary of the timeline already known.
  std::int64_t timeline_of(std::size_t server) const;
  /// True where `server` has an ownership report that is newer than the one held. A report goes back to an
  /// earlier epoch only where a promotion has lost what the old timeline said last.
  bool has_newer_report(std::size_t server) const;
  /// Takes over a report; `on` is the timeline of its server before it was read.
  void take_report(ShardOwnership report, std::int64_t on);

  /// Takes over what was known of the same shard under another map; the report itself only where it says as
  /// much for this one (`report_holds`). Tables go along, for a server that is slow to tell them again must
  /// not leave the router without; where this map is of other schemas (`same_schemas`), they count as
  /// changed.
  void inherit(const WatchedShard& before, bool report_holds, bool same_schemas);

  bool settled() const;  ///< all of its servers are
};

using WatchedShardPtr = std::shared_ptr<WatchedShard>;

}  // namespace shardplex::router
