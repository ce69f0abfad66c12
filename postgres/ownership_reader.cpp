#include "postgres/ownership_reader.hpp"

#include <utility>

#include "shard_map/definitions.hpp"

namespace shardplex::postgres {
namespace {

// A primary's timeline is the one it writes. A replica's is that of its last restart point or, newer, of the
// WAL it has to replay to be consistent.
constexpr std::string_view server_sql = R"(
SELECT recovery,
       CASE WHEN recovery
         THEN (SELECT greatest(c.timeline_id, r.min_recovery_end_timeline)::bigint
                 FROM pg_control_checkpoint() c, pg_control_recovery() r)
         ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint END,
       (CASE WHEN recovery THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0')::bigint,
       CASE WHEN NOT recovery THEN NULL
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE greatest(0, extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000000)
       END::bigint AS lag_microseconds,
       current_setting('max_prepared_transactions')::bigint,
       to_regclass('shardplex.shard') IS NOT NULL,
       EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL),
       has_table_privilege(to_regclass('shardplex.shards'), 'SELECT')  -- null: no such table
  FROM pg_is_in_recovery() recovery)";

constexpr std::string_view identity_sql = "SELECT cluster, name, epoch FROM shardplex.shard";

// A row per replica; one whose replica is null for a shard that has none.
constexpr std::string_view directory_sql = R"(
SELECT s.name, s.position, s."primary", r.replica
  FROM shardplex.shards s LEFT JOIN unnest(s.replicas) WITH ORDINALITY AS r(replica, number) ON true
 ORDER BY s.position, s.name, r.number)";

constexpr std::string_view epoch_sql = "SELECT epoch FROM shardplex.shard";

// One statement, so one snapshot. A shard that has no slots yet still has an epoch.
constexpr std::string_view ownership_sql =
    "SELECT s.epoch, o.grp, o.slot, o.state FROM shardplex.shard s LEFT JOIN shardplex.slots o ON true";

constexpr std::string_view definitions_sql = "SELECT subject, definition FROM shardplex.definitions";

std::vector<Statement> only(std::string_view sql) {
  return {Statement{std::string(sql), {}}};
}

// PostgreSQL's own code for "not in the state the operation needs".
Failure unfit(std::string message, std::string hint) {
  return {.kind = Failure::Kind::statement,
          .sent = true,
          .sqlstate = "55000",
          .message = std::move(message),
          .hint = std::move(hint)};
}

Failure no_identity() {
  return unfit("the shard has no identity", "Run shardplex cluster init.");
}

ServerStatus server_status(const ResultSet& row) {
  ServerStatus status;
  status.in_recovery = row.boolean(0, 0);
  status.timeline = row.integer(0, 1);
  status.wal_lsn = row.is_null(0, 2) ? 0 : row.integer(0, 2);  // null: nothing replayed yet
  if (!row.is_null(0, 3)) status.replay_lag_seconds = static_cast<double>(row.integer(0, 3)) / 1e6;
  status.max_prepared_transactions = row.integer(0, 4);
  status.receives_wal = row.boolean(0, 6);
  return status;
}

void add_identity(ServerStatus& status, const ResultSet& row) {
  if (row.rows() == 0) return;
  status.has_schema = true;
  status.cluster = row.bytes(0, 0);
  status.shard = row.bytes(0, 1);
  status.epoch = Epoch{row.integer(0, 2)};
}

std::vector<ListedShard> directory(const ResultSet& rows) {
  std::vector<ListedShard> listed;
  for (int row = 0; row < rows.rows(); ++row) {
    if (listed.empty() || listed.back().shard.name != rows.bytes(row, 0))
      listed.push_back(
          {rows.integer(row, 1), {std::string(rows.bytes(row, 0)), std::string(rows.bytes(row, 2)), {}}});
    if (auto replica = rows.copy(row, 3)) listed.back().shard.replicas.push_back(std::move(*replica));
  }
  return listed;
}

Definitions definitions(const ResultSet& rows) {
  Definitions stored;
  for (int row = 0; row < rows.rows(); ++row) stored.emplace(rows.bytes(row, 0), rows.bytes(row, 1));
  return stored;
}

Outcome<ShardOwnership> ownership(const ResultSet& rows, const ShardMap& map) {
  if (rows.rows() == 0) return no_identity();
  ShardOwnership account{.epoch = Epoch{rows.integer(0, 0)}, .groups = {}};
  for (const Group& group : map.groups())
    account.groups.emplace(group.name, std::vector(group.slot_count, SlotState::absent));

  for (int row = 0; row < rows.rows(); ++row) {
    if (rows.is_null(row, 1)) continue;
    const auto group = account.groups.find(rows.bytes(row, 1));
    if (group == account.groups.end()) continue;
    const auto slot = static_cast<std::size_t>(rows.integer(row, 2));
    const auto state = parse_slot_state(rows.bytes(row, 3));
    if (slot >= group->second.size() || !state)
      return unfit("group " + group->first + ": the shard knows slot " + std::to_string(slot) + " as " +
                       std::string(rows.bytes(row, 3)) + ", the map has " +
                       std::to_string(group->second.size()) + " slots",
                   "The map's number of slots is not that of the shard.");
    group->second[slot] = *state;
  }
  return account;
}

}  // namespace

Awaitable<Outcome<ShardOwnership>> read_ownership(Pool& pool, const ShardMap& map, Deadline deadline) {
  std::vector<Statement> statements;
  for (const auto sql : {ownership_sql, definitions_sql}) statements.push_back({std::string(sql), {}});
  auto results = co_await pool.execute(Lane::read, std::move(statements), deadline);
  if (!results) co_return results.error();
  if (const auto differ = differences(definitions(results->at(1)), definitions_of(map)); !differ.empty())
    co_return unfit(differ.front(), "How keys become slots is fixed when the cluster is made.");
  co_return ownership(results->front(), map);
}

Awaitable<Outcome<ServerStatus>> read_status(Pool& pool, Deadline deadline) {
  auto results = co_await pool.execute(Lane::read, only(server_sql), deadline);
  if (!results) co_return results.error();
  const auto& server = results->front();
  ServerStatus status = server_status(server);
  const bool schema_exists = server.boolean(0, 5);
  if (!schema_exists) co_return status;
  status.directory_denied = !server.is_null(0, 7) && !server.boolean(0, 7);
  const bool has_directory = !server.is_null(0, 7) && server.boolean(0, 7);
  auto statements = only(identity_sql);
  if (has_directory) statements.push_back({std::string(directory_sql), {}});
  auto identity = co_await pool.execute(Lane::read, std::move(statements), deadline);
  if (!identity) co_return identity.error();
  add_identity(status, identity->front());
  if (has_directory) status.directory = directory(identity->back());
  co_return status;
}

Awaitable<Outcome<Epoch>> read_epoch(Pool& pool, Deadline deadline) {
  auto results = co_await pool.execute(Lane::read, only(epoch_sql), deadline);
  if (!results) co_return results.error();
  if (results->front().rows() == 0) co_return no_identity();
  co_return Epoch{results->front().integer(0, 0)};
}

}  // namespace shardplex::postgres
