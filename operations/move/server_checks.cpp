#include "operations/move/server_checks.hpp"

#include <span>

#include "operations/process/terminal.hpp"
#include "operations/shard/move_entry.hpp"
#include "operations/shard/moved_table.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

using Kind = CheckFinding::Kind;

/// A query that returns a sentence for everything it finds wrong.
struct Check {
  Kind kind;
  const char* sql;
};

// Without these most others cannot even be asked.
constexpr Check basic_checks[]{
    {Kind::problem, R"sql(
SELECT format('role %I is not a superuser; PostgreSQL 15 lets no other create a subscription', rolname)
  FROM pg_roles WHERE rolname = current_user AND NOT rolsuper)sql"},
};

// They follow WITH needed(replication_slots, senders, subscriptions).
constexpr Check server_checks[]{
    {Kind::problem, R"sql(
SELECT format('wal_level is %s; it has to be logical, which takes a restart', s) FROM current_setting('wal_level') s
 WHERE s <> 'logical')sql"},
    {Kind::problem, R"sql(
SELECT format('%s replication slots are needed, and %s of %s are free; raise max_replication_slots', replication_slots, most - used, most)
  FROM needed, (SELECT current_setting('max_replication_slots')::int AS most,
                       (SELECT count(*) FROM pg_replication_slots) AS used) s
 WHERE most - used < replication_slots)sql"},
    {Kind::problem, R"sql(
SELECT format('%s walsenders are needed, and %s of %s are free; raise max_wal_senders', senders, most - used, most)
  FROM needed, (SELECT current_setting('max_wal_senders')::int AS most,
                       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender') AS used) s
 WHERE most - used < senders)sql"},
    {Kind::problem, R"sql(
SELECT format('%s workers of logical replication are needed, and %s of %s are free; raise max_logical_replication_workers',
              subscriptions, most - used, most)
  FROM needed, (SELECT current_setting('max_logical_replication_workers')::int AS most,
                       (SELECT count(*) FROM pg_subscription WHERE subenabled) AS used) s
 WHERE most - used < subscriptions)sql"},
    {Kind::problem, R"sql(
SELECT format('%s replication origins are needed, and %s of %s are free; raise max_replication_slots', subscriptions, most - used, most)
  FROM needed, (SELECT current_setting('max_replication_slots')::int AS most,
                       (SELECT count(*) FROM pg_replication_origin_status) AS used) s
 WHERE most - used < subscriptions)sql"},
    // Parallel workers come and go; replication waits for them.
    {Kind::problem, R"sql(
SELECT format('%s background workers are needed, and %s of %s are free; raise max_worker_processes', subscriptions, most - used, most)
  FROM needed, (SELECT current_setting('max_worker_processes')::int AS most,
                       (SELECT count(*) FROM pg_stat_activity
                         WHERE backend_type NOT IN ('client backend', 'walsender', 'checkpointer', 'background writer', 'walwriter',
                                                    'autovacuum launcher', 'autovacuum worker', 'archiver', 'startup',
                                                    'walreceiver', 'parallel worker')) AS used) s
 WHERE most - used < subscriptions)sql"},
    {Kind::problem, R"sql(
SELECT format('default_transaction_read_only is on for role %I in this database', current_user)
 WHERE current_setting('default_transaction_read_only')::bool)sql"},
    {Kind::problem, R"sql(
SELECT format('synchronous_standby_names is %s, and no such standby is connected: no commit would return', s)
  FROM current_setting('synchronous_standby_names') s
 WHERE s <> '' AND current_setting('synchronous_commit') NOT IN ('off', 'local')
   AND NOT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')))sql"},
    {Kind::warning, R"sql(
SELECT format('max_slot_wal_keep_size is %s: a shard that falls behind by more than that loses its place, and is copied again',
              current_setting('max_slot_wal_keep_size'))
  FROM pg_settings WHERE name = 'max_slot_wal_keep_size' AND setting::bigint BETWEEN 0 AND 1023)sql"},
    {Kind::warning, R"sql(
SELECT format('%s is %s by default (%s); moves set their own, and the workers of replication do not', name, current_setting(name), source)
  FROM pg_settings
 WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout')
   AND setting <> '0'
 ORDER BY name)sql"},
    {Kind::warning, R"sql(
SELECT format('process %s of role %I (%s) has had a transaction open for %s s: no copy begins before it has ended', pid, usename,
              coalesce(nullif(application_name, ''), 'unnamed'), extract(epoch FROM now() - xact_start)::int)
  FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND backend_xid IS NOT NULL AND xact_start < now() - interval '5 seconds'
 ORDER BY xact_start)sql"},
    {Kind::warning, R"sql(
SELECT format('transaction %L has been prepared for %s s: no copy begins before it is committed or rolled back', gid,
              extract(epoch FROM now() - prepared)::int)
  FROM pg_prepared_xacts WHERE prepared < now() - interval '5 seconds' ORDER BY prepared)sql"},
};

constexpr Check schema_checks[]{
    {Kind::problem, R"sql(
SELECT format('its schema shardplex has no %s; run shardplex cluster init again, it keeps all there is', string_agg(name, ', '))
  FROM unnest('{changes,definitions,markers,mover,moves,routers,shards}'::text[]) name
 WHERE to_regclass('shardplex.' || name) IS NULL
HAVING count(*) > 0)sql"},
};

// It follows WITH unfinished(id): moves that are not over.
constexpr Check leftover_checks[]{
    {Kind::problem, R"sql(
SELECT format('%s %I is left over from a move that is over or unknown; shardplex cluster doctor --fix removes it', kind, name)
  FROM (SELECT 'publication', pubname FROM pg_publication
        UNION ALL SELECT 'subscription', subname FROM pg_subscription
                   WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION ALL SELECT 'replication slot', slot_name FROM pg_replication_slots WHERE database = current_database()
        UNION ALL SELECT 'marker', name FROM shardplex.markers) AS o(kind, name)
 WHERE name ~ '^shardplex_.*_[fr]$'
   AND substring(name FROM '^shardplex_(.*)_[fr]$')
       NOT IN (SELECT id FROM unfinished)
 ORDER BY kind, name)sql"},
};

// They follow WITH tab (the table's row of pg_class), wanted(name, needs_slot).
constexpr Check table_checks[]{
    {Kind::problem, R"sql(
SELECT format('table %s does not exist', name) FROM wanted WHERE NOT EXISTS (SELECT FROM tab))sql"},
    {Kind::problem, R"sql(
SELECT format('%s is a %s; only plain tables can be moved', name,
              CASE relkind WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table' WHEN 'v' THEN 'view'
                           WHEN 'm' THEN 'materialized view' ELSE 'relation of kind ' || relkind::text END)
  FROM tab, wanted WHERE relkind <> 'r')sql"},
    {Kind::problem, R"sql(
SELECT format('table %s is unlogged; its changes are not replicated', name) FROM tab, wanted WHERE relpersistence = 'u')sql"},
    {Kind::problem, R"sql(
SELECT format('table %s inherits from another or is inherited from; only plain tables can be moved', name) FROM tab, wanted
 WHERE relkind = 'r' AND EXISTS (SELECT FROM pg_inherits WHERE tab.oid IN (inhrelid, inhparent)))sql"},
    {Kind::problem, R"sql(
SELECT format('table %s has no primary key', name) FROM tab, wanted
 WHERE relkind = 'r' AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = tab.oid AND indisprimary))sql"},
    {Kind::problem, R"sql(
SELECT format('table %s has no column shardplex_slot of type integer that is never null; run shardplex cluster init again', name)
  FROM tab, wanted
 WHERE needs_slot AND relkind = 'r'
   AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = tab.oid AND attname = 'shardplex_slot' AND attnotnull
                                              AND atttypid = 'integer'::regtype AND NOT attisdropped))sql"},
    {Kind::problem, R"sql(
SELECT format('the index that was the replica identity of table %s is gone; ALTER TABLE … REPLICA IDENTITY DEFAULT', name)
  FROM tab, wanted
 WHERE relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = tab.oid AND indisreplident))sql"},
    {Kind::warning, R"sql(
SELECT format('trigger %I of table %s fires for replicated rows too (ENABLE %s)', tgname, name,
              CASE tgenabled WHEN 'A' THEN 'ALWAYS' ELSE 'REPLICA' END)
  FROM tab, wanted, pg_trigger WHERE tgrelid = tab.oid AND tgenabled IN ('A', 'R') AND NOT tgisinternal ORDER BY tgname)sql"},
    {Kind::warning, R"sql(
SELECT format('publication %I has table %s: its subscribers see rows that move as deleted here and inserted there', p.pubname, name)
  FROM tab JOIN pg_namespace s ON s.oid = tab.relnamespace, wanted, pg_publication_tables p
 WHERE p.schemaname = s.nspname AND p.tablename = tab.relname AND p.pubname !~ '^shardplex_.*_[fr]$' ORDER BY p.pubname)sql"},
    {Kind::warning, R"sql(
SELECT format('subscription %I writes to table %s, whatever slots are owned here', s.subname, name)
  FROM tab, wanted, pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid
 WHERE r.srrelid = tab.oid AND s.subname !~ '^shardplex_.*_[fr]$' ORDER BY s.subname)sql"},
};

std::vector<CheckFinding> run_checks(pqxx::transaction_base& transaction, const std::string& shard,
                                     std::span<const Check> checks, const std::string& preface) {
  std::vector<CheckFinding> findings;
  for (const auto& check : checks)
    for (const auto& row : transaction.exec(preface + check.sql))
      findings.push_back({check.kind, shard, row[0].as<std::string>()});
  return findings;
}

}  // namespace

std::vector<CheckFinding> check_basics(pqxx::transaction_base& transaction, const std::string& shard) {
  auto findings = run_checks(transaction, shard, basic_checks, "");
  const auto version = transaction.exec1(
      "SELECT current_setting('server_version_num')::int, current_setting('server_version')");
  if (version[0].as<int>() < least_version)
    findings.push_back({Kind::problem, shard, too_old(version[1].as<std::string>())});
  return findings;
}

std::vector<CheckFinding> check_server(pqxx::transaction_base& transaction, const std::string& shard,
                                       const ServerNeeds& needs) {
  const std::string needed = "WITH needed(replication_slots, senders, subscriptions) AS (VALUES (" +
                             std::to_string(needs.replication_slots) + ", " + std::to_string(needs.senders) +
                             ", " + std::to_string(needs.subscriptions) + "))";
  return run_checks(transaction, shard, server_checks, needed);
}

std::vector<CheckFinding> check_schema(pqxx::transaction_base& transaction, const std::string& shard) {
  return run_checks(transaction, shard, schema_checks, "");
}

std::vector<CheckFinding> check_leftovers(pqxx::transaction_base& transaction, const std::string& shard) {
  const std::string unfinished =
      "WITH unfinished AS (SELECT id FROM shardplex.moves WHERE phase NOT IN " + phases_over_sql() + ")";
  return run_checks(transaction, shard, leftover_checks, unfinished);
}

std::vector<CheckFinding> check_unfinished(pqxx::transaction_base& transaction, const std::string& shard,
                                           const PlannedMove& move) {
  std::vector<CheckFinding> findings;
  for (const auto& row : transaction.exec_params("SELECT id, source, target FROM shardplex.moves WHERE grp = "
                                                 "$1 AND slots && $2::int[] AND phase NOT IN " +
                                                     phases_over_sql() + " ORDER BY id",
                                                 move.group, array_literal(move.slots)))
    findings.push_back({Kind::problem, shard,
                        "move " + row[0].as<std::string>() + " from " + row[1].as<std::string>() + " to " +
                            row[2].as<std::string>() + " has slots of " + move.group +
                            " that are planned to move; resume, finish or abort it first"});
  return findings;
}

std::vector<CheckFinding> check_import_over(pqxx::transaction_base& transaction, const std::string& shard) {
  if (transaction.exec("SELECT FROM shardplex.imports i WHERE to_jsonb(i) ->> 'way_back' <> ''").empty())
    return {};
  return {{Kind::problem, shard,
           "the import into this cluster can still be reversed, and slots cannot move until that is over: "
           "shardplex import finish"}};
}

std::vector<CheckFinding> check_table(pqxx::transaction_base& transaction, const std::string& shard,
                                      const std::string& table, bool initialised) {
  const std::string literal = transaction.quote(table);
  return run_checks(transaction, shard, table_checks,
                    "WITH tab AS (SELECT * FROM pg_class WHERE oid = to_regclass(" +
                        transaction.quote(quote_map_name(table)) +
                        ")), wanted(name, needs_slot) AS (VALUES (" + literal + "::text, " +
                        (initialised ? "true" : "false") + "))");
}

std::optional<CheckFinding> check_space(const std::string& shard, std::uint64_t needed_bytes,
                                        std::optional<std::uint64_t> free_bytes) {
  if (needed_bytes == 0) return std::nullopt;
  const std::string needed = "about " + human_bytes(needed_bytes) + " of rows and indexes will come";
  if (!free_bytes)
    return CheckFinding{Kind::note, shard,
                        needed + ", and as much WAL; whether its disk has room cannot be seen from here"};
  const std::string free = human_bytes(*free_bytes) + " of its disk are free";
  if (*free_bytes < needed_bytes) return CheckFinding{Kind::problem, shard, needed + ", and only " + free};
  if (*free_bytes / 2 < needed_bytes)
    return CheckFinding{Kind::warning, shard, needed + ", and as much WAL; " + free};
  return std::nullopt;
}

}  // namespace shardplex::operations
