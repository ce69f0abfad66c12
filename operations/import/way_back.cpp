#include "operations/import/way_back.hpp"

#include <algorithm>
#include <set>

#include "operations/import/origin.hpp"
#include "operations/process/failure.hpp"
#include "operations/replication/subscription.hpp"
#include "operations/shard/publication.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/joined.hpp"
#include "shard_schema/map_name_sql.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

constexpr const char* way_back_sql =
    "SELECT way_back, reverse_from::text FROM shardplex.imports WHERE id = $1 AND way_back IS NOT NULL";

// A replication slot of another name than the publication's is nobody's.
constexpr const char* state_sql = R"sql(
SELECT active, greatest(pg_current_wal_flush_lsn() - confirmed_flush_lsn, 0)::bigint, confirmed_flush_lsn::text
  FROM pg_replication_slots WHERE slot_name = $1)sql";

const std::string published_sql = "SELECT " + map_name_sql("schemaname", "tablename") +
                                  ", unnest(attnames) FROM pg_publication_tables WHERE pubname = $1";

constexpr const char* columns_sql = R"sql(
SELECT attname FROM pg_attribute
 WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attname <> $2)sql";

std::string with_columns(const ImportTable& table) {
  return qualified_name(table) + " (" + joined(table.columns, quote_identifier) + ")";
}

}  // namespace

std::optional<WayBack> read_way_back(pqxx::transaction_base& shard, const std::string& import_id) {
  const auto rows = shard.exec_params(way_back_sql, import_id);
  if (rows.empty() || rows[0][0].as<std::string>().empty()) return std::nullopt;
  WayBack way{rows[0][0].as<std::string>(), std::nullopt};
  if (!rows[0][1].is_null()) way.from = rows[0][1].as<std::string>();
  return way;
}

bool wants_way_back(pqxx::transaction_base& shard, const std::string& import_id) {
  return !shard.exec_params(way_back_sql, import_id).empty();
}

std::vector<ImportTable> tables_back(const std::vector<ImportTable>& tables, bool first_shard) {
  std::vector<ImportTable> back;
  std::ranges::copy_if(tables, std::back_inserter(back),
                       [&](const ImportTable& table) { return first_shard || table.sharding; });
  return back;
}

// The primary key tells the source which row it is, and all of its columns are published. Whole rows would
// have the slot column in them, and PostgreSQL refuses changes of which it does not publish all that tells
// the row. TRUNCATE would empty the source of what other shards have.
void publish_back(pqxx::work& shard, const std::string& import_id, const std::string& name,
                  const std::vector<ImportTable>& tables) {
  for (const auto& table : tables) set_identity(shard, table.name, "d");
  if (!tables.empty() && shard.exec_params("SELECT FROM pg_publication WHERE pubname = $1", name).empty())
    shard.exec("CREATE PUBLICATION " + quote_identifier(name) + " FOR TABLE " + joined(tables, with_columns) +
               " WITH (publish = 'insert, update, delete')");
  shard.exec_params("UPDATE shardplex.imports SET way_back = $2 WHERE id = $1", import_id, name);
}

void make_replication_slot_back(pqxx::nontransaction& shard, const std::string& name) try {
  if (!drop_replication_slot(shard, name)) throw CommandFailed("replication slot " + name + " is in use");
  shard.exec("SET statement_timeout = '60s'");
  shard.exec_params("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", name);
  shard.exec("SET statement_timeout = 0");
} catch (const pqxx::sql_error& error) {
  if (error.sqlstate() != sqlstate_canceled) throw;
  throw CommandFailed("replication slot " + name +
                      " could not be made within 60 s: it waits for every transaction that was open on its "
                      "server when it began");
}

void note_way_back_from(pqxx::work& shard, const std::string& import_id, Lsn from) {
  shard.exec_params("UPDATE shardplex.imports SET reverse_from = $2::pg_lsn WHERE id = $1", import_id,
                    to_string(from));
}

WayBackState read_way_back_state(pqxx::transaction_base& shard, const std::string& name) {
  const auto rows = shard.exec_params(state_sql, name);
  WayBackState state;
  if (rows.empty()) return state;
  state.flowing = rows[0][0].as<bool>();
  state.lag_bytes = rows[0][1].as<std::uint64_t>();
  state.confirmed = parse_lsn(rows[0][2].as<std::string>()).value();
  return state;
}

std::vector<std::string> problems_of_published(pqxx::transaction_base& shard, const std::string& name,
                                               const std::vector<ImportTable>& tables) {
  std::vector<std::string> problems;
  if (shard
          .exec_params(
              "SELECT FROM pg_replication_slots WHERE slot_name = $1 AND wal_status IS DISTINCT FROM "
              "'lost'",
              name)
          .empty())
    problems.push_back("it has lost replication slot " + name + ", and with it changes since the cutover");
  std::set<std::pair<std::string, std::string>> published;
  for (const auto& row : shard.exec_params(published_sql, name))
    published.emplace(row[0].as<std::string>(), row[1].as<std::string>());
  for (const auto& table : tables)
    for (const auto& row : shard.exec_params(columns_sql, qualified_name(table), std::string(slot_column)))
      if (!published.contains({table.name, row[0].as<std::string>()}))
        problems.push_back("column " + row[0].as<std::string>() + " of " + table.name +
                           " is not published to the source, which knew no such column at the cutover");
  return problems;
}

void unpublish_back(pqxx::work& shard, const std::string& import_id, const std::string& name,
                    const ReplicaIdentities& identities) {
  drop_publication(shard, name);
  for (const auto& [table, identity] : identities) set_identity(shard, table, identity);
  shard.exec_params(
      "UPDATE shardplex.imports SET way_back = NULL, reverse_from = NULL, fence_until = NULL WHERE id = $1",
      import_id);
}

std::vector<std::string> problems_of_subscribed(pqxx::transaction_base& source, const std::string& name) {
  const auto rows = source.exec_params("SELECT subenabled FROM pg_subscription WHERE subname = $1", name);
  if (rows.empty()) return {"it has no subscription " + name};
  if (!rows[0][0].as<bool>()) return {"subscription " + name + " is disabled"};
  return {};
}

std::uint64_t refusals_of(pqxx::transaction_base& source, const std::string& name) {
  const auto rows = source.exec_params(
      "SELECT coalesce(max(t.apply_error_count), 0) FROM pg_subscription s JOIN pg_stat_subscription_stats t "
      "ON "
      "t.subid = s.oid WHERE s.subname = $1",
      name);
  return rows[0][0].as<std::uint64_t>();
}

}  // namespace shardplex::operations
