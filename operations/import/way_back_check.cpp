#include "operations/import/way_back_check.hpp"

#include <span>

#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

constexpr const char* publishing_sql = R"sql(
SELECT 'wal_level is ' || s || '; logical is needed' FROM current_setting('wal_level') s WHERE s <> 'logical'
UNION ALL SELECT 'no replication slot is free; raise max_replication_slots'
 WHERE current_setting('max_replication_slots')::int <= (SELECT count(*) FROM pg_replication_slots)
UNION ALL SELECT 'no WAL sender is free; raise max_wal_senders'
 WHERE current_setting('max_wal_senders')::int <= (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'))sql";

// $1: how many; $2: the map's tables. Beside the origins of the way back there is the import's own
// replication slot.
constexpr const char* subscribing_sql = R"sql(
SELECT format('role %I is not a superuser; PostgreSQL 15 lets no other create a subscription', rolname)
  FROM pg_roles WHERE rolname = current_user AND NOT rolsuper
UNION ALL
SELECT format('%s workers of logical replication are needed, and %s of %s are free; raise max_logical_replication_workers', $1::int, most - used, most)
  FROM (SELECT current_setting('max_logical_replication_workers')::int AS most,
               (SELECT count(*) FROM pg_subscription WHERE subenabled) AS used) s WHERE most - used < $1::int
UNION ALL
SELECT format('%s background workers are needed, and max_worker_processes is %s', $1::int + 1, most)
  FROM (SELECT current_setting('max_worker_processes')::int AS most) s WHERE most < $1::int + 1
UNION ALL
SELECT format('%s replication origins are needed, and %s of %s are free; raise max_replication_slots', $1::int, most - used, most)
  FROM (SELECT current_setting('max_replication_slots')::int AS most,
               (SELECT count(*) FROM pg_replication_origin_status) AS used) s WHERE most - used < $1::int
UNION ALL
SELECT format('trigger %I of %s fires for changes that come back, too, and would act twice', t.tgname, t.tgrelid::regclass)
  FROM pg_trigger t
 WHERE t.tgrelid IN (SELECT to_regclass(name) FROM unnest($2::text[]) AS n(name)) AND NOT t.tgisinternal
   AND t.tgtype & 1 = 1 AND t.tgenabled IN ('A', 'R'))sql";

std::vector<std::string> sentences(const pqxx::result& rows) {
  std::vector<std::string> found;
  for (const auto& row : rows) found.push_back(row[0].as<std::string>());
  return found;
}

}  // namespace

std::vector<std::string> find_publishing_obstacles(pqxx::transaction_base& shard) {
  return sentences(shard.exec(publishing_sql));
}

std::vector<std::string> find_subscribing_obstacles(pqxx::transaction_base& source, const ShardMap& map) {
  std::vector<std::string> names;
  for (const auto& table : map.tables()) names.push_back(quote_map_name(table.name));
  return sentences(source.exec_params(subscribing_sql, map.shards().size(),
                                      array_literal(std::span<const std::string>(names))));
}

std::string try_to_subscribe(pqxx::connection& source, const std::string& source_conninfo,
                             const std::string& shard_conninfo) {
  if (is_loopback(shard_conninfo) && !is_loopback(source_conninfo))
    return "the source is on another machine, and cannot reach it as " + address_of(shard_conninfo);
  try {
    pqxx::work transaction(source);
    transaction.exec("SET LOCAL statement_timeout = '10s'; SET LOCAL client_min_messages = error");
    transaction.exec(
        "CREATE SUBSCRIPTION shardplex_import_check CONNECTION " +
        transaction.quote(with_defaults(shard_conninfo)) +
        " PUBLICATION shardplex_import_check WITH (connect = true, enabled = false, create_slot = "
        "false, slot_name = NONE, copy_data = false)");
    return {};  // never committed
  } catch (const pqxx::insufficient_privilege&) {
    return {};  // told already
  } catch (const std::exception& error) {
    return "the source's server itself cannot connect to " + address_of(shard_conninfo) + ": " +
           reason_of(error);
  }
}

}  // namespace shardplex::operations
