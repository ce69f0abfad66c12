#include "operations/move/objects.hpp"

#include "operations/shard/publication.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/map_name_sql.hpp"

namespace shardplex::operations {
namespace {

/// Held by whatever reads and changes replica identities.
constexpr const char* identity_lock_sql = "SELECT pg_advisory_xact_lock(1936223346, 0)";

/// The identity of a table ("d", "n", "f", or "i" and the name of an index), as it was before any move that
/// is still under way made it full.
constexpr const char* identity_sql = R"sql(
SELECT c.relreplident,
       coalesce((SELECT m.identities ->> $2 FROM shardplex.moves m WHERE m.identities ? $2 LIMIT 1),
                CASE c.relreplident WHEN 'i' THEN 'i' || (SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
                                                           WHERE x.indrelid = c.oid AND x.indisreplident)
                     ELSE c.relreplident::text END)
  FROM pg_class c WHERE c.oid = $1::regclass)sql";

/// Tables whose identity the move changed, that no other move publishes.
const std::string restorable_sql = R"sql(
SELECT i.key, i.value
  FROM shardplex.moves m, jsonb_each_text(m.identities) i
 WHERE m.id = $1
   AND NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
                    WHERE r.prrelid = to_regclass()sql" +
                                   quoted_map_name_sql("i.key") +
                                   R"sql() AND p.pubname LIKE 'shardplex\_%'))sql";

std::string identity_clause(const std::string& identity) {
  if (identity == "n") return "NOTHING";
  if (identity == "f") return "FULL";
  if (identity.starts_with('i')) return "USING INDEX " + quote_identifier(identity.substr(1));
  return "DEFAULT";
}

void set_identity(pqxx::work& transaction, const std::string& qualified, const std::string& identity) {
  transaction.exec("ALTER TABLE " + qualified + " REPLICA IDENTITY " + identity_clause(identity));
}

void log_whole_rows(pqxx::work& transaction, const MoveEntry& entry, const MovedTable& table) {
  const auto row = transaction.exec_params1(identity_sql, qualified_name(table), table.name);
  transaction.exec_params(
      "UPDATE shardplex.moves SET identities = identities || jsonb_build_object($2::text, $3::text) WHERE id "
      "= $1",
      entry.id, table.name, row[1].as<std::string>());
  if (row[0].as<std::string>() != "f") set_identity(transaction, qualified_name(table), "f");
}

bool publication_exists(pqxx::work& transaction, const std::string& name) {
  return !transaction.exec_params("SELECT FROM pg_publication WHERE pubname = $1", name).empty();
}

}  // namespace

std::string slot_condition(const SlotSet& slots) {
  const std::string column = quote_identifier(std::string(slot_column));
  std::string condition;
  std::optional<std::uint32_t> first, last;
  const auto add_range = [&] {
    if (!first) return;
    condition += condition.empty() ? "" : " OR ";
    condition += *first == *last
                     ? column + " = " + std::to_string(*first)
                     : column + " BETWEEN " + std::to_string(*first) + " AND " + std::to_string(*last);
  };
  slots.for_each([&](Slot slot) {
    if (!last || slot.value != *last + 1) {
      add_range();
      first = slot.value;
    }
    last = slot.value;
  });
  add_range();
  return condition;
}

void publish(pqxx::work& transaction, const MoveEntry& entry, const std::vector<MovedTable>& tables,
             const std::string& name) {
  transaction.exec(identity_lock_sql);
  if (publication_exists(transaction, name)) return;
  std::string published;
  for (const auto& table : tables) {
    log_whole_rows(transaction, entry, table);
    published += qualified_name(table) + " WHERE (" + slot_condition(entry.slots) + "), ";
  }
  place_marker(transaction, name, 1);
  transaction.exec("CREATE PUBLICATION " + quote_identifier(name) + " FOR TABLE " + published +
                   "shardplex.markers WHERE (name = " + transaction.quote(name) +
                   ") WITH (publish = 'insert, update, delete')");
}

void unpublish(pqxx::work& transaction, const std::string& name) {
  drop_publication(transaction, name);
}

void restore_identities(pqxx::work& transaction, const MoveEntry& entry) {
  transaction.exec(identity_lock_sql);
  for (const auto& row : transaction.exec_params(restorable_sql, entry.id))
    if (const auto identity = row[1].as<std::string>(); identity != "f")
      set_identity(transaction, quote_map_name(row[0].as<std::string>()), identity);
  transaction.exec_params("UPDATE shardplex.moves SET identities = '{}' WHERE id = $1", entry.id);
}

std::int64_t raise_marker(pqxx::transaction_base& transaction, const std::string& name) {
  return transaction
      .exec_params1("UPDATE shardplex.markers SET number = number + 1 WHERE name = $1 RETURNING number",
                    name)[0]
      .as<std::int64_t>();
}

std::int64_t read_marker(pqxx::transaction_base& transaction, const std::string& name) {
  const auto rows = transaction.exec_params("SELECT number FROM shardplex.markers WHERE name = $1", name);
  return rows.empty() ? 0 : rows[0][0].as<std::int64_t>();
}

void place_marker(pqxx::transaction_base& transaction, const std::string& name, std::int64_t number) {
  transaction.exec_params(
      "INSERT INTO shardplex.markers VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET number = "
      "excluded.number",
      name, number);
}

void cancel_autovacuum(pqxx::transaction_base& transaction, const std::vector<MovedTable>& tables) {
  for (const auto& table : tables)
    transaction.exec_params(
        "SELECT pg_cancel_backend(a.pid) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid "
        "WHERE a.backend_type = 'autovacuum worker' AND l.relation = $1::regclass",
        qualified_name(table));
}

}  // namespace shardplex::operations
