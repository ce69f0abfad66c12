#include "shard_schema/server_status.hpp"

namespace shardplex {

// A replica's timeline is that of its last restart point or, newer, of the WAL it has to replay to be
// consistent.
const std::string server_status_sql = R"sql(
SELECT recovery::text,
       (CASE WHEN recovery
          THEN (SELECT greatest(c.timeline_id, r.min_recovery_end_timeline)::bigint
                  FROM pg_control_checkpoint() c, pg_control_recovery() r)
          ELSE )sql" + std::string(primary_timeline_sql) +
                                      R"sql( END)::text,
       (CASE WHEN recovery THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0')::bigint::text,
       (CASE WHEN NOT recovery THEN NULL
             WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
             WHEN pg_last_xact_replay_timestamp() IS NULL THEN NULL  -- greatest() ignores nulls
             ELSE greatest(0, extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000000)
        END)::bigint::text AS lag_microseconds,
       current_setting('max_prepared_transactions'),
       (to_regclass('shardplex.shard') IS NOT NULL)::text,
       (EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL))::text,
       has_table_privilege(to_regclass('shardplex.shards'), 'SELECT')::text,  -- null: no such table
       coalesce(has_table_privilege(to_regclass('shardplex.timelines'), 'SELECT'), false)::text,
       (SELECT concat_ws('/', system_identifier, extract(epoch FROM pg_postmaster_start_time()), d.oid)
          FROM pg_control_system(), pg_database d WHERE d.datname = current_database())
  FROM pg_is_in_recovery() recovery)sql";

// A row per replica; one whose replica is null for a shard that has none.
constexpr std::string_view directory_sql = R"sql(
SELECT s.name, s.position::text, s."primary", r.replica
  FROM shardplex.shards s LEFT JOIN unnest(s.replicas) WITH ORDINALITY AS r(replica, number) ON true
 ORDER BY s.position, s.name, r.number)sql";

StatusAnswer decode_server_status(const TextRows& rows) {
  if (rows.size() != 1) throw UnexpectedAnswer("a server's status that is not one row");
  StatusAnswer answer;
  ServerStatus& status = answer.status;
  status.in_recovery = rows.boolean(0, 0);
  status.timeline = rows.integer(0, 1);
  status.wal_lsn = rows.is_null(0, 2) ? 0 : rows.integer(0, 2);
  if (!rows.is_null(0, 3)) status.replay_lag_seconds = static_cast<double>(rows.integer(0, 3)) / 1e6;
  status.max_prepared_transactions = rows.integer(0, 4);
  status.receives_wal = rows.boolean(0, 6);
  status.database_identity = rows.value(0, 9).value_or("");
  answer.has_identity = rows.boolean(0, 5);
  status.takes_notes = answer.has_identity && rows.boolean(0, 8);
  if (!answer.has_identity || rows.is_null(0, 7)) return answer;
  answer.has_directory = rows.boolean(0, 7);
  status.directory_denied = !answer.has_directory;
  return answer;
}

void decode_identity(const TextRows& rows, ServerStatus& status) {
  if (rows.size() == 0) return;
  status.initialised = true;
  status.cluster = rows.text(0, 0);
  status.shard = rows.text(0, 1);
  status.epoch = Epoch{rows.integer(0, 2)};
  if (!rows.is_null(0, 3)) status.ruling = rows.integer(0, 3);
}

std::optional<Epoch> decode_epoch(const TextRows& rows) {
  if (rows.size() == 0) return std::nullopt;
  return Epoch{rows.integer(0, 0)};
}

std::vector<ListedShard> decode_directory(const TextRows& rows) {
  std::vector<ListedShard> listed;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (listed.empty() || listed.back().shard.name != rows.view(row, 0))
      listed.push_back({rows.integer(row, 1), {rows.text(row, 0), rows.text(row, 2), {}}});
    if (const auto replica = rows.value(row, 3)) listed.back().shard.replicas.emplace_back(*replica);
  }
  return listed;
}

std::vector<NotedTimeline> decode_timelines(const TextRows& rows) {
  std::vector<NotedTimeline> noted;
  for (std::size_t row = 0; row < rows.size(); ++row)
    noted.push_back({rows.text(row, 0), {rows.integer(row, 1), rows.integer(row, 2)}});
  return noted;
}

}  // namespace shardplex
