// What a server says about itself: its role, its place in the WAL, which shard it is, and the servers it
// knows of.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shard_map/ids.hpp"
#include "shard_map/shard_map.hpp"
#include "shard_schema/text_rows.hpp"

namespace shardplex {

/// A row of a shard's directory of all shards, the table shardplex.shards.
struct ListedShard {
  std::int64_t position = 0;  ///< order in the cluster
  Shard shard;                ///< as it was written there: addresses, to be checked before they are used
};

/// The newest timeline that is known of a shard: a primary on an earlier one has been replaced.
struct KnownTimeline {
  std::int64_t ruling = 0;  ///< an operator's statement outweighs all that was known before it
  std::int64_t timeline = 0;
  auto operator<=>(const KnownTimeline&) const = default;
};

/// A row of the table shardplex.timelines.
struct NotedTimeline {
  std::string shard;
  KnownTimeline known;
};

struct ServerStatus {
  bool in_recovery = false;   ///< a replica
  std::int64_t timeline = 0;  ///< primary: that it writes; replica: the newest it is known to follow
  std::int64_t wal_lsn = 0;   ///< primary: current write position; replica: last replayed, 0: nothing yet
  /// Replica: age of the last replayed transaction, 0 when all received WAL is replayed; nullopt (unknown)
  /// where it has replayed no transaction since it started, and on a primary.
  std::optional<double> replay_lag_seconds;
  bool receives_wal = false;   ///< replica: connected to a server it replicates from
  bool initialised = false;    ///< the schema shardplex exists and says who the shard is
  std::string cluster, shard;  ///< identity, as `cluster init` wrote it
  Epoch epoch;
  /// The last statement of an operator on the shard's timeline that is part of the server's history; nullopt:
  /// its schema is older and does not say.
  std::optional<std::int64_t> ruling;
  std::int64_t max_prepared_transactions = 0;
  std::string database_identity;  ///< equal for two connections exactly when they reach the same database
  std::vector<ListedShard> directory;  ///< by position; empty where the schema is older and has none
  bool directory_denied = false;       ///< this role may not read the directory
  std::vector<NotedTimeline> noted;    ///< what was noted there of the shards' timelines
  bool takes_notes = false;            ///< the schema has the table for them, and this role may read it
};

/// The timeline that a primary writes, as an SQL expression of type bigint.
inline constexpr std::string_view primary_timeline_sql =
    "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint";

/// One row, which says of the server all but its identity, and which tables can be asked for more.
extern const std::string server_status_sql;

struct StatusAnswer {
  ServerStatus status;         ///< without what identity and directory tell
  bool has_identity = false;   ///< identity_sql can be asked
  bool has_directory = false;  ///< directory_sql can be asked; timelines_sql where `status.takes_notes`
};
StatusAnswer decode_server_status(const TextRows& rows);

/// No row: the schema is there, but nobody has said which shard this is.
inline constexpr std::string_view identity_sql =
    "SELECT cluster, name, epoch::text, to_jsonb(s) ->> 'ruling' FROM shardplex.shard s";
void decode_identity(const TextRows& rows, ServerStatus& status);

/// The epoch alone.
inline constexpr std::string_view epoch_sql = "SELECT epoch::text FROM shardplex.shard";
std::optional<Epoch> decode_epoch(const TextRows& rows);  ///< nullopt: no identity

/// Rows of the directory, by position and name.
extern const std::string_view directory_sql;
std::vector<ListedShard> decode_directory(const TextRows& rows);

/// The noted timelines.
inline constexpr std::string_view timelines_sql =
    "SELECT shard, ruling::text, timeline::text FROM shardplex.timelines";
std::vector<NotedTimeline> decode_timelines(const TextRows& rows);

}  // namespace shardplex
