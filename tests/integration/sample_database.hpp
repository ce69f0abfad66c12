// What generated reads are made of: tables, and the ways that lead from one to another.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/integration/sample_rows.hpp"

namespace shardplex::integration {

using ColumnPairs = std::vector<std::pair<std::string, std::string>>;

/// One way from the rows of a table to those of another.
struct SampleRelation {
  const SampleTable* from;
  const SampleTable* to;
  std::vector<std::string> spellings;  ///< what select= can call it: "critics", "critics!credits"
  bool to_one;
  ColumnPairs columns;  ///< equal ones, of `from` and of `to`; with a junction of `from` and of the junction
  std::string junction = "";
  ColumnPairs junction_columns = {};  ///< of the junction and of `to`
  /// What it leads to is on the row's own shard: under the map by hash, of one shard too; under that by
  /// genre.
  bool local_by_hash = true, local_by_genre = false;
  /// The map by genre has its tables.
  bool in_genre_map = false;
  /// It is not there: what draws it draws in vain (LeftOut).
  bool left_out = false;
  /// A function of `from`'s row gives the rows, which only shards call: what is in them has to be beside
  /// them.
  bool by_function = false;
};

struct SampleDatabase {
  struct Table {
    const SampleTable* table;
    unsigned weight;  ///< how often it is asked for, beside the others
  };

  std::vector<Table> tables;
  std::vector<SampleRelation> relations = {};
  bool by_genre = false;  ///< the map is that by genre
};

}  // namespace shardplex::integration
