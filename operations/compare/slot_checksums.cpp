#include "operations/compare/slot_checksums.hpp"

#include <algorithm>

#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

std::string piece_sql(const ComparedTable& table, const std::string& piece) {
  // OFFSET keeps PostgreSQL from putting the long expression into each place where mixed() names it.
  return "SELECT slot, count(*), bit_xor(" + mixed("hash") + ") FROM (SELECT " + table.slot + " AS slot, " +
         row_hash(table.columns) + " AS hash FROM " + qualified_name(table.table) + " WHERE " +
         table.condition + " AND " + piece + " OFFSET 0) r GROUP BY slot";
}

}  // namespace

ComparedTable compared_table(pqxx::transaction_base& transaction, const MovedTable& table,
                             const SlotSet& slots) {
  const std::string slot = quote_identifier(slot_column);
  ComparedTable compared{table, read_hashed_columns(transaction, table), slot, "true"};
  if (std::ranges::find(table.columns, slot_column) == table.columns.end())
    compared.slot = "0";
  else if (!slots.is_all())
    compared.condition = slot + " = ANY ('" + array_literal(slots) + "'::integer[])";
  return compared;
}

SlotChecksums read_slot_checksums(const std::vector<std::unique_ptr<pqxx::connection>>& connections,
                                  const ComparedTable& table, ScanWatch& watch) {
  std::vector<SlotChecksums> parts(connections.size());  // by job
  const auto read = [&](std::size_t job, pqxx::transaction_base& transaction, const std::string& piece) {
    std::uint64_t rows = 0;
    for (const auto& row : transaction.exec(piece_sql(table, piece))) {
      SlotChecksum& slot = parts[job][row[0].as<std::int32_t>()];
      const auto count = row[1].as<std::uint64_t>();
      slot.rows += count;
      slot.hash ^= row[2].as<std::int64_t>();
      rows += count;
    }
    return rows;
  };
  scan_table(connections, qualified_name(table.table), watch, read);
  SlotChecksums all;
  for (const auto& part : parts)
    for (const auto& [slot, checksum] : part) {
      all[slot].rows += checksum.rows;
      all[slot].hash ^= checksum.hash;
    }
  return all;
}

}  // namespace shardplex::operations
