#include "operations/shard/setup.hpp"

#include "operations/shard/schema_sql.hpp"
#include "operations/shard/server.hpp"
#include "shard_map/definitions.hpp"
#include "shard_schema/row_ids.hpp"

namespace shardplex::operations {

void write_identity(pqxx::transaction_base& transaction, const ShardMap& map, const Shard& shard) {
  transaction.exec(std::string(shardplex_schema_sql));
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

bool add_slot_column(pqxx::transaction_base& transaction, const TablePlacement& placement) {
  if (placement.reference || read_table(transaction, placement.name)->has_slot_column) return false;
  const std::string table = "ALTER TABLE public." + transaction.quote_name(placement.name);
  const std::string column = transaction.quote_name(std::string(slot_column));
  transaction.exec(table + " ADD COLUMN IF NOT EXISTS " + column + " integer");
  transaction.exec(table + " ALTER COLUMN " + column + " SET NOT NULL");
  return true;
}

}  // namespace shardplex::operations
