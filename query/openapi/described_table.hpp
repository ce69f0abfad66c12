// What a catalogue serves, in the words of a document about it.
#pragma once

#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

struct DescribedColumn {
  const Column* column = nullptr;
  std::string description;  ///< its comment, and notes on keys, with the marks by which programs know these
  bool required = false;    ///< a POST has to have a value for it
  bool read_only = false;   ///< a POST must not
};

/// Lifetime: refers to the catalogue.
struct DescribedTable {
  const Table* table = nullptr;
  std::string summary, description;  ///< its comment: the first line, and what follows it
  std::vector<DescribedColumn> columns;
  const Column* row_key = nullptr;  ///< the primary key of one column, by which /table/{key} names a row
  bool is_written = true;           ///< false: over HTTP it can be read only
};

/// The tables that are served, by name, without the columns that those who name them are refused.
std::vector<DescribedTable> described_tables(const ShardMap& map, const Catalogue& catalogue);

}  // namespace shardplex
