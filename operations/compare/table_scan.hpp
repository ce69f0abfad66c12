// Reading all of a table in one snapshot, in pieces, over several connections.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <vector>

namespace shardplex::operations {

/// Told and asked by threads at work.
struct ScanWatch {
  std::atomic<std::uint64_t> rows = 0;   ///< read so far
  std::atomic<std::uint64_t> bytes = 0;  ///< of the table's own file, about
  std::atomic<bool> stop = false;        ///< give up soon
};

/// Reads one piece and returns how many rows it had. `job`: index of the connection, by whose thread it is
/// called. `piece`: an SQL condition on ctid, to be part of the WHERE clause of one table.
using ReadPiece = std::function<std::uint64_t(std::size_t job, pqxx::transaction_base& transaction,
                                              const std::string& piece)>;

/// Calls `read` for each piece of some MB, in parallel over the connections and in one snapshot, until all
/// are read or `watch.stop` is set; before that `at_first`, where given, in the same snapshot. `table` is
/// quoted. Throws what they throw, and pqxx's exceptions. Precondition: no transaction is open.
void scan_table(const std::vector<std::unique_ptr<pqxx::connection>>& connections, const std::string& table,
                ScanWatch& watch, const ReadPiece& read,
                const std::function<void(pqxx::transaction_base&)>& at_first = {});

}  // namespace shardplex::operations
