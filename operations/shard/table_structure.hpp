// How a table is made, in words that can be compared between two servers.
#pragma once

#include <map>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <utility>
#include <vector>

namespace shardplex::operations {

struct TableStructure {
  std::vector<std::string> columns;  ///< in their order
  /// {"column", "name"} → "text COLLATE C.UTF-8 NOT NULL". What has no name of its own, or one that
  /// PostgreSQL may have chosen (constraints, indexes, privileges), has its definition for a name, and ""
  /// after it. Of triggers the one that Shardplex itself puts on tables is none (place_guard.hpp).
  std::map<std::pair<std::string, std::string>, std::string> parts;

  /// As if it did not have that column, nor a plain index on it alone.
  void forget_column(const std::string& name);
};

/// The table that a map calls so; nullopt where there is none.
std::optional<TableStructure> read_table_structure(pqxx::transaction_base& transaction,
                                                   const std::string& name);

struct StructureDifference {
  std::string text;        ///< "it lacks the index USING btree (director), which alpha has"
  bool privilege = false;  ///< who may use it differs, not what it holds
  bool operator==(const StructureDifference&) const = default;
};

/// In what a table differs from that of the same name on the shard `other_shard`. Pure.
std::vector<StructureDifference> structure_differences(const TableStructure& one, const TableStructure& other,
                                                       const std::string& other_shard);

}  // namespace shardplex::operations
