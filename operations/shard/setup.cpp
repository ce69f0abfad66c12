#include "operations/shard/setup.hpp"

#include "operations/shard/schema_sql.hpp"
#include "operations/shard/server.hpp"
#include "query/catalogue/routed_table.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/definitions.hpp"
#include "shard_schema/row_ids.hpp"

namespace shardplex::operations {

void make_schema(pqxx::transaction_base& transaction) {
  transaction.exec(std::string(shardplex_schema_sql));
}

void write_identity(pqxx::transaction_base& transaction, const ShardMap& map, const Shard& shard) {
  make_schema(transaction);
  transaction.exec_params(
      "INSERT INTO shardplex.shard (cluster, name) VALUES ($1, $2) ON CONFLICT DO NOTHING", map.cluster(),
      shard.name);
}

bool give_node_numbers(pqxx::transaction_base& transaction, std::int32_t nth,
                       std::optional<std::int64_t> after_ms) {
  const auto nodes = node_numbers(nth);
  if (!nodes) return false;
  const auto given = transaction.exec_params(
      "UPDATE shardplex.shard SET first_node = $1, last_node = $2 WHERE first_node IS NULL", nodes->first,
      nodes->last);
  if (given.affected_rows() == 0) return false;
  if (after_ms)
    transaction.exec_params(
        "INSERT INTO shardplex.nodes AS t SELECT n, $3 FROM generate_series($1::integer, $2::integer) n "
        "ON CONFLICT (node) DO UPDATE SET reserved_until = greatest(t.reserved_until, "
        "excluded.reserved_until)",
        nodes->first, nodes->last, *after_ms);
  return true;
}

void promise_no_ids_before(pqxx::transaction_base& transaction, std::int64_t until_ms) {
  transaction.exec_params(
      "INSERT INTO shardplex.nodes AS t SELECT n, $1 FROM shardplex.shard s, "
      "generate_series(s.first_node, s.last_node) n ON CONFLICT (node) DO UPDATE SET reserved_until = "
      "greatest(t.reserved_until, excluded.reserved_until)",
      until_ms);
}

void set_ruling(pqxx::transaction_base& transaction, std::int64_t ruling) {
  const auto kept = transaction.exec1(
      "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'shardplex.shard'::regclass AND attname = "
      "'ruling')");
  if (kept[0].as<bool>())
    transaction.exec_params("UPDATE shardplex.shard SET ruling = greatest(ruling, $1)", ruling);
}

std::size_t write_definitions(pqxx::transaction_base& transaction, const ShardMap& map) {
  std::size_t written = 0;
  for (const auto& [subject, definition] : definitions_of(map))
    written += static_cast<std::size_t>(
        transaction
            .exec_params("INSERT INTO shardplex.definitions VALUES ($1, $2) ON CONFLICT DO NOTHING", subject,
                         definition)
            .affected_rows());
  return written;
}

namespace {

// Of the table $1, those that begin with the slot column $2.
constexpr const char* slot_indexes_sql = R"sql(
SELECT x.indisvalid, x.indexrelid::regclass::text
  FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
 WHERE x.indrelid = to_regclass($1) AND a.attname = $2 AND x.indpred IS NULL)sql";

std::string qualified(const std::string& table) {
  return quote_map_name(table);
}

std::string slot_index_columns(const std::string& table) {
  return "ON " + qualified(table) + " (" + quote_identifier(slot_column) + ")";
}

}  // namespace

bool has_slot_index(pqxx::transaction_base& transaction, const TablePlacement& placement) {
  if (placement.reference) return true;
  for (const auto& row :
       transaction.exec_params(slot_indexes_sql, qualified(placement.name), std::string(slot_column)))
    if (row[0].as<bool>()) return true;
  return false;
}

std::string slot_index_sql(const std::string& table) {
  return "CREATE INDEX " + slot_index_columns(table);
}

void build_slot_index(pqxx::connection& connection, const TablePlacement& placement) {
  pqxx::nontransaction transaction(connection);
  for (const auto& row :
       transaction.exec_params(slot_indexes_sql, qualified(placement.name), std::string(slot_column)))
    if (!row[0].as<bool>()) transaction.exec("DROP INDEX CONCURRENTLY IF EXISTS " + row[1].as<std::string>());
  transaction.exec("CREATE INDEX CONCURRENTLY " + slot_index_columns(placement.name));
}

namespace {

/// True where labels were added to those that are known.
bool write_labels(pqxx::transaction_base& transaction, const Table& table, const Column& column) {
  const auto subject = labels_subject(table.name, column.name);
  const auto stored =
      transaction.exec_params("SELECT definition FROM shardplex.definitions WHERE subject = $1", subject);
  if (!stored.empty() && labels_problem(table, column, read_labels(stored[0][0].as<std::string>())))
    return false;
  return transaction
             .exec_params(
                 "INSERT INTO shardplex.definitions AS d VALUES ($1, $2) ON CONFLICT (subject) DO "
                 "UPDATE SET definition = excluded.definition WHERE d.definition <> "
                 "excluded.definition",
                 subject, labels_definition(column.enum_labels))
             .affected_rows() > 0;
}

}  // namespace

std::size_t write_key_forms(pqxx::transaction_base& transaction, const ShardMap& map) {
  std::size_t written = 0;
  for (const auto& [name, table] : read_catalogue(transaction, map).tables) {
    const auto& placement = *map.find_table(name);
    const auto types = placement.reference ? std::nullopt : types_of_key(table, placement.key);
    if (!types) continue;  // no router serves it
    const bool new_form =
        transaction
            .exec_params("INSERT INTO shardplex.definitions VALUES ($1, $2) ON CONFLICT DO NOTHING",
                         key_subject(name), kept_key_form(table, placement.key))
            .affected_rows() > 0;
    bool new_labels = false;
    for (const auto& column : RoutedTable(table, placement, map).routing_columns())
      if (const Column* found = table.find_column(column); found && found->sort == SortKind::enumeration)
        new_labels = write_labels(transaction, table, *found) || new_labels;
    if (new_form || new_labels) ++written;
  }
  return written;
}

bool add_slot_column(pqxx::transaction_base& transaction, const TablePlacement& placement) {
  if (placement.reference || read_table(transaction, placement.name)->has_slot_column) return false;
  const std::string table = "ALTER TABLE " + quote_map_name(placement.name);
  const std::string column = transaction.quote_name(std::string(slot_column));
  transaction.exec(table + " ADD COLUMN IF NOT EXISTS " + column + " integer");
  transaction.exec(table + " ALTER COLUMN " + column + " SET NOT NULL");
  return true;
}

}  // namespace shardplex::operations
