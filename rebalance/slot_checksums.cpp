#include "rebalance/slot_checksums.hpp"

#include <algorithm>

#include "query/sql.hpp"
#include "rebalance/server.hpp"

namespace shardplex::rebalance {
namespace {

using Snapshot = pqxx::transaction<pqxx::repeatable_read, pqxx::read_only>;

constexpr std::int64_t blocks_of_piece =
    1024;  // of 8 KiB: some 50 ms, so that progress moves and a stop is prompt

/// The pieces of a table that are still to be read, for any thread.
class Pieces {
 public:
  explicit Pieces(std::int64_t blocks) : blocks_(blocks) {}

  /// The first block of the next piece, or nullopt.
  std::optional<std::int64_t> next() {
    const std::int64_t first = next_.fetch_add(blocks_of_piece);
    return first < blocks_ ? std::optional(first) : std::nullopt;
  }

 private:
  std::int64_t blocks_;
  std::atomic<std::int64_t> next_ = 0;
};

std::string piece_sql(const ComparedTable& table, std::int64_t first_block) {
  const auto tid = [](std::int64_t block) { return "'(" + std::to_string(block) + ",0)'::tid"; };
  const std::string blocks =
      "ctid >= " + tid(first_block) + " AND ctid < " + tid(first_block + blocks_of_piece);
  // OFFSET keeps PostgreSQL from putting the long expression into each place where mixed() names it.
  return "SELECT slot, count(*), bit_xor(" + mixed("hash") + ") FROM (SELECT " + table.slot + " AS slot, " +
         row_hash(table.columns) + " AS hash FROM " + qualified_name(table.table) + " WHERE " +
         table.condition + " AND " + blocks + " OFFSET 0) r GROUP BY slot";
}

void read_pieces(pqxx::transaction_base& transaction, const ComparedTable& table, Pieces& pieces,
                 SlotChecksums& checksums, ScanWatch& watch) {
  while (const auto first_block = pieces.next()) {
    if (watch.stop) return;
    std::uint64_t rows = 0;
    for (const auto& row : transaction.exec(piece_sql(table, *first_block))) {
      SlotChecksum& slot = checksums[row[0].as<std::int32_t>()];
      const auto count = row[1].as<std::uint64_t>();
      slot.rows += count;
      slot.hash ^= row[2].as<std::int64_t>();
      rows += count;
    }
    watch.rows += rows;
  }
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
  // The first connection's snapshot is everyone's; it has to stay open until the others have taken it.
  Snapshot first(*connections.front());
  const pqxx::row begun = first.exec_params1(
      "SELECT pg_export_snapshot(), pg_relation_size($1::regclass) / current_setting('block_size')::bigint",
      qualified_name(table.table));
  Pieces pieces(begun[1].as<std::int64_t>());
  const auto read = [&](std::size_t i) {
    SlotChecksums checksums;
    if (i == 0) {
      read_pieces(first, table, pieces, checksums, watch);
      return checksums;
    }
    Snapshot same(*connections[i]);
    same.exec("SET TRANSACTION SNAPSHOT " + same.quote(begun[0].as<std::string>()));
    read_pieces(same, table, pieces, checksums, watch);
    return checksums;
  };
  SlotChecksums all;
  for (const auto& part : in_parallel(connections.size(), read))
    for (const auto& [slot, checksum] : part) {
      all[slot].rows += checksum.rows;
      all[slot].hash ^= checksum.hash;
    }
  return all;
}

}  // namespace shardplex::rebalance
