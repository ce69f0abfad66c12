// How many rows each slot has on a server, and a checksum over them, all as of one moment.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/compare/row_checksum.hpp"
#include "operations/compare/table_scan.hpp"
#include "operations/shard/moved_table.hpp"

namespace shardplex::operations {

struct SlotChecksum {
  std::uint64_t rows = 0;
  std::int64_t hash = 0;
  bool operator==(const SlotChecksum&) const = default;
};

/// By slot; those without rows are not in it. A table without slots (a reference table) is all in slot 0.
using SlotChecksums = std::map<std::int32_t, SlotChecksum>;

/// What is read of a table: which columns, and the rows of which slots.
struct ComparedTable {
  MovedTable table;
  std::vector<HashedColumn> columns;
  std::string slot;       ///< an expression: the row's slot
  std::string condition;  ///< an expression: whether the row is compared
};

/// Precondition: `transaction` is of a server that has the table. Without a slot column all rows are
/// compared.
ComparedTable compared_table(pqxx::transaction_base& transaction, const MovedTable& table,
                             const SlotSet& slots);

/// Reads the table once, over as many connections as are given. Where `watch.stop` is set the result is not
/// complete. Throws pqxx's exceptions. Precondition: make_comparable() was called for each connection; no
/// transaction is open.
SlotChecksums read_slot_checksums(const std::vector<std::unique_ptr<pqxx::connection>>& connections,
                                  const ComparedTable& table, ScanWatch& watch);

}  // namespace shardplex::operations
