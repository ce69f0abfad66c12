// In what one shard's definition of a table is not another's, in sentences.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "query/catalogue/catalogue.hpp"

namespace shardplex {

/// A column as one shard has it; nullptr where it has none of the name.
struct ColumnOnShard {
  const std::string& shard;
  const Column* column;
};

/// "column votes is integer on alpha and bigint on beta", "column votes is missing on beta"; "" where there
/// is nothing to tell. At least one of them has the column.
std::string difference(const ColumnOnShard& a, const ColumnOnShard& b);

/// The same of two whole tables beside their columns: those of the slot column and the primary key, which
/// decide what can be served, and those of unique constraints and foreign keys, which do not.
struct TableDifferences {
  std::vector<std::string> of_keys, of_constraints;
};
TableDifferences differences_beside_columns(const std::string& shard_a, const Table& a,
                                            const std::string& shard_b, const Table& b);

}  // namespace shardplex
