// Tables that are related to the sample tables and to each other in every way there is.
#pragma once

#include <cstdint>
#include <map>
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
};

/// Beside the sample tables: what there is of the map, in an order in which each refers to those before it.
std::vector<const SampleTable*> related_tables(bool by_genre);
const std::vector<SampleRelation>& sample_relations();

/// SQL that makes them, and foreign keys where shards can keep them.
std::string create_related_tables(bool by_genre);
/// What a map file needs at its end to have them.
std::string related_tables_in_map(bool by_genre);
/// Of each related table its rows, one JSON object per line, for `shardplex load`. The rows of
/// sample_movies() of the same seed are those that they refer to.
std::map<std::string, std::string> make_related_rows(std::uint64_t seed);

}  // namespace shardplex::integration
