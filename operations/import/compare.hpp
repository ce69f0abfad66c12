// Whether the shards together hold the source's rows. The source has no slots to compare by, so rows are
// compared by buckets: the hash of a row's primary key picks its bucket, and a bucket's checksum is the sum
// of its rows'.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <set>
#include <string>
#include <vector>

#include "operations/import/apply.hpp"
#include "operations/import/tables.hpp"

namespace shardplex::operations {

/// A row's checksum, of those that are there.
using RowChecksums = std::map<TouchedRow, std::string>;

/// Connections of its own, one per server. Thread: one at a time.
class ImportComparison {
 public:
  /// `shards`: connection strings in the map's order. `tables` outlives this.
  ImportComparison(const std::string& source, const std::vector<std::string>& shards,
                   const std::vector<ImportTable>& tables);

  /// Compares all rows, and returns those that were not the same on both sides; where anybody writes they may
  /// only have been looked at at different times. `advanced` is called after each table with its rows.
  /// Memory: the rows of the buckets that differ.
  std::set<TouchedRow> find_suspects(const std::function<void(std::uint64_t rows)>& advanced);

  /// These rows as they are now.
  RowChecksums look_at_source(const std::set<TouchedRow>& rows) { return look(*source_, rows); }
  std::vector<RowChecksums> look_at_shards(const std::set<TouchedRow>& rows);

  /// What is wrong with the row, or nullopt: "movies id=42 is missing on the shards".
  std::optional<std::string> difference(const TouchedRow& row, const RowChecksums& source,
                                        const std::vector<RowChecksums>& shards) const;

 private:
  RowChecksums look(pqxx::connection& server, const std::set<TouchedRow>& rows) const;
  std::set<TouchedRow> compare_table(std::size_t table, std::uint64_t& rows);

  std::unique_ptr<pqxx::connection> source_;
  std::vector<std::unique_ptr<pqxx::connection>> shards_;
  const std::vector<ImportTable>& tables_;
};

}  // namespace shardplex::operations
