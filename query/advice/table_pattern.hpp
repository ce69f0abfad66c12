// Patterns of requests, with what they ask of the tables of a map. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "query/advice/advice.hpp"
#include "query/advice/shape_request.hpp"
#include "query/advice/survey.hpp"
#include "query/catalogue/catalogue.hpp"
#include "query/patterns/pattern_report.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

/// What advice on requests is made from. Lifetime: refers to all of it.
struct AdvisedCluster {
  const ShardMap& map;
  const Catalogue& catalogue;  ///< combine()'s of the map
  const Survey& survey;
  AdviceBounds bounds{};
  std::string first_schema = "public";  ///< of requests that name none
};

/// A pattern of requests on one table or view. Lifetime: refers to the report and the cluster.
struct TablePattern {
  const QueryPattern* pattern = nullptr;
  ShapeRequest request{};
  std::string table;  ///< as the map calls it
  const Table* columns = nullptr;
  const TablePlacement* placement = nullptr;
  std::vector<std::string> equal{};   ///< columns that a filter compares with values, each once
  std::vector<std::string> ranges{};  ///< columns of which a filter says greater or less
  bool is_narrowed = false;           ///< what decides the shard is among `equal`

  const PatternCounts& counts() const { return pattern->counts; }
  /// Most of its calls were answered by several shards.
  bool is_scattered() const { return 2 * counts().scatters >= counts().calls; }
};

/// Those on tables that the map and the catalogue have. Filters within or() and on places in JSON say
/// nothing.
std::vector<TablePattern> patterns_of_tables(const PatternReport& report, const AdvisedCluster& cluster);

/// The columns by which they ask, with their tables: those that filters compare, and those of orders.
std::set<std::pair<std::string, std::string>> columns_asked_by(const std::vector<TablePattern>& patterns);

/// "2000 calls of GET /movies?name=eq.?: 8412.0 ms, 3.0 shards a call, 60.0 rows read of which 20.0 were
/// given", all of the routers together.
Evidence evidence_of(const QueryPattern& pattern);

/// Column of the table's statistics: how many values it has on a shard, at least; nullopt where none says.
std::optional<double> distinct_values(const Survey& survey, const std::string& table,
                                      const std::string& column);

}  // namespace shardplex
