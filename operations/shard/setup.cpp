#include "operations/shard/setup.hpp"

#include "operations/shard/schema_sql.hpp"
#include "operations/shard/server.hpp"
#include "shard_map/definitions.hpp"

namespace shardplex::operations {

void write_identity(pqxx::transaction_base& transaction, const ShardMap& map, const Shard& shard) {
  transaction.exec(std::string(shardplex_schema_sql));
  transaction.exec_params(
      "INSERT INTO shardplex.shard (cluster, name) VALUES ($1, $2) ON CONFLICT DO NOTHING", map.cluster(),
      shard.name);
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

std::size_t write_key_forms(pqxx::transaction_base& transaction, const ShardMap& map) {
  std::size_t written = 0;
  for (const auto& [name, table] : read_catalogue(transaction, map).tables) {
    const auto& placement = *map.find_table(name);
    const Column* key = placement.reference ? nullptr : table.find_column(placement.key);
    const auto type = key ? key_type(*key) : std::nullopt;
    if (!type) continue;  // no router serves it
    written += static_cast<std::size_t>(
        transaction
            .exec_params("INSERT INTO shardplex.definitions VALUES ($1, $2) ON CONFLICT DO NOTHING",
                         key_subject(name), std::string(key_form(*type)))
            .affected_rows());
  }
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
