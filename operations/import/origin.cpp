#include "operations/import/origin.hpp"

#include <chrono>
#include <thread>

#include "operations/process/failure.hpp"
#include "operations/replication/copy_session.hpp"
#include "operations/shard/lock_retries.hpp"
#include "operations/shard/publication.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/joined.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

using namespace std::chrono_literals;

// Fires in replicas' sessions too (ENABLE ALWAYS): whoever writes, writes to the wrong database now.
constexpr const char* fence_function_sql = R"sql(
CREATE OR REPLACE FUNCTION shardplex_import.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'table % has moved to a sharded cluster and is read-only here', TG_TABLE_NAME
    USING ERRCODE = 'read_only_sql_transaction';
END $$)sql";

constexpr const char* sequences_sql = R"sql(
SELECT DISTINCT (pg_identify_object('pg_class'::regclass, q.oid, 0)).identity
  FROM pg_class q JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = q.oid AND d.deptype IN ('a', 'i')
 WHERE q.relkind = 'S' AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::regclass
UNION
SELECT (pg_identify_object('pg_class'::regclass, q.oid, 0)).identity
  FROM pg_attrdef a JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
  JOIN pg_class q ON d.refclassid = 'pg_class'::regclass AND q.oid = d.refobjid AND q.relkind = 'S'
 WHERE a.adrelid = $1::regclass)sql";

std::string identity_clause(const std::string& identity) {
  if (identity == "f") return "FULL";
  if (identity == "n") return "NOTHING";
  return identity == "d" ? "DEFAULT" : "USING INDEX " + quote_identifier(identity.substr(1));
}

/// Without the tables that inherit from it.
std::string only_name(const ImportTable& table) {
  return "ONLY " + qualified_name(table);
}

}  // namespace

ImportOrigin::ImportOrigin(const std::string& conninfo, std::string import_id)
    : conninfo_(conninfo), name_("shardplex_import_" + std::move(import_id)), connection_(connect(conninfo)) {
  pqxx::nontransaction(*connection_).exec(alike_session_settings);
}

void ImportOrigin::with_locks(const std::function<void(pqxx::work&)>& change) {
  with_lock_retries("the source", [&](auto begin) {
    pqxx::work transaction(*connection_);
    begin(transaction);
    change(transaction);
    transaction.commit();
  });
}

void ImportOrigin::publish(const std::vector<ImportTable>& tables) {
  with_locks([&](pqxx::work& transaction) {
    if (!transaction.exec_params("SELECT FROM pg_publication WHERE pubname = $1", name_).empty()) return;
    transaction.exec("CREATE PUBLICATION " + quote_identifier(name_) + " FOR TABLE " +
                     joined(tables, only_name));
  });
}

void ImportOrigin::unpublish() {
  with_locks([&](pqxx::work& transaction) { drop_publication(transaction, name_); });
}

void ImportOrigin::make_identities_full(const std::vector<ImportTable>& tables) {
  for (const auto& table : tables)
    if (table.identity != 'f' && table.needs_full_identity())
      with_locks([&](pqxx::work& transaction) {
        transaction.exec("ALTER TABLE " + qualified_name(table) + " REPLICA IDENTITY FULL");
      });
}

void ImportOrigin::restore_identities(const ReplicaIdentities& before) {
  for (const auto& [table, identity] : before)
    with_locks([&](pqxx::work& transaction) { set_identity(transaction, table, identity); });
}

bool ImportOrigin::has_replication_slot() {
  return !pqxx::nontransaction(*connection_)
              .exec_params(
                  "SELECT FROM pg_replication_slots WHERE slot_name = $1 AND wal_status IS DISTINCT FROM "
                  "'lost'",
                  name_)
              .empty();
}

// What still reads from the replication slot is what an import that died has left behind: there is only one
// mover.
void ImportOrigin::free_replication_slot() {
  constexpr int attempts = 100;
  constexpr auto pause = 100ms;
  pqxx::nontransaction transaction(*connection_);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const auto reader = transaction.exec_params(
        "SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1 AND active_pid IS NOT NULL", name_);
    if (reader.empty()) return;
    if (attempt == attempts / 4)
      transaction.exec_params("SELECT pg_terminate_backend($1)", reader[0][0].as<int>());
    std::this_thread::sleep_for(pause);
  }
  throw CommandFailed("replication slot " + name_ + " of the source stays in use");
}

void ImportOrigin::drop_replication_slot() {
  free_replication_slot();
  pqxx::nontransaction(*connection_)
      .exec_params(
          "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1", name_);
}

Lsn ImportOrigin::raise_fence(const std::vector<ImportTable>& tables) {
  with_locks([&](pqxx::work& transaction) {
    transaction.exec("LOCK TABLE " + joined(tables, only_name) + " IN SHARE ROW EXCLUSIVE MODE");
    transaction.exec("CREATE SCHEMA IF NOT EXISTS shardplex_import");
    transaction.exec(fence_function_sql);
    for (const auto& table : tables) {
      transaction.exec(
          "CREATE OR REPLACE TRIGGER shardplex_import_fence BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE "
          "ON " +
          qualified_name(table) + " FOR EACH STATEMENT EXECUTE FUNCTION shardplex_import.refuse()");
      transaction.exec("ALTER TABLE " + qualified_name(table) +
                       " ENABLE ALWAYS TRIGGER shardplex_import_fence");
    }
  });
  return position();
}

void ImportOrigin::lower_fence() {
  with_locks(
      [](pqxx::work& transaction) { transaction.exec("DROP SCHEMA IF EXISTS shardplex_import CASCADE"); });
}

bool ImportOrigin::has_fence() {
  return !pqxx::nontransaction(*connection_)
              .exec("SELECT FROM pg_namespace WHERE nspname = 'shardplex_import'")
              .empty();
}

// A commit that waits for its log to be written makes all earlier ones durable with it, those that do not
// wait included; only what is durable is decoded.
Lsn ImportOrigin::position() {
  pqxx::work transaction(*connection_);
  transaction.exec("SET LOCAL synchronous_commit = on");
  transaction.exec("SELECT pg_logical_emit_message(true, 'shardplex', '')");
  transaction.commit();
  return written();
}

Lsn ImportOrigin::written() {
  const auto row = pqxx::nontransaction(*connection_).exec1("SELECT pg_current_wal_flush_lsn()::text");
  return parse_lsn(row[0].as<std::string>()).value();
}

std::vector<SequencePosition> ImportOrigin::sequences(const std::vector<ImportTable>& tables) {
  pqxx::work transaction(*connection_);
  std::map<std::string, SequencePosition> found;
  for (const auto& table : tables)
    for (const auto& row : transaction.exec_params(sequences_sql, qualified_name(table))) {
      const auto name = row[0].as<std::string>();
      const auto state = transaction.exec1("SELECT last_value, is_called FROM " + name);
      found[name] = {name, state[0].as<std::int64_t>(), state[1].as<bool>()};
    }
  std::vector<SequencePosition> positions;
  for (auto& [name, position] : found) positions.push_back(std::move(position));
  return positions;
}

void set_identity(pqxx::work& transaction, const std::string& table, const std::string& identity) {
  const std::string name = quote_map_name(table);
  const auto other = transaction.exec_params(
      "SELECT FROM pg_class WHERE oid = to_regclass($1) AND relreplident::text <> left($2, 1)", name,
      identity);
  if (!other.empty())
    transaction.exec("ALTER TABLE " + name + " REPLICA IDENTITY " + identity_clause(identity));
}

ReplicaIdentities identities_of(const std::vector<ImportTable>& tables) {
  ReplicaIdentities identities;
  for (const auto& table : tables)
    identities[table.name] =
        std::string(1, table.identity) + (table.identity == 'i' ? table.identity_index : "");
  return identities;
}

}  // namespace shardplex::operations
