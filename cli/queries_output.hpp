// What requests and statements have cost, as text and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "operations/cluster/statements.hpp"
#include "operations/process/terminal.hpp"
#include "query/patterns/pattern_report.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::cli {

/// What was asked for, in the order in which it is shown.
struct QueriesShown {
  std::size_t limit = 0;  ///< of patterns, and of statements
  std::optional<ShardMap> map = std::nullopt;
  std::optional<PatternReport> patterns = std::nullopt;
  std::optional<operations::StatementSurvey> survey = std::nullopt;  ///< with the map
  std::vector<std::string> not_known = {};  ///< why something is missing, in sentences that say of whom
};

/// {"patterns":[…],"left_out":N,"other":{…}} as of GET /patterns, and {"statements":[…],
/// "statements_left_out":N}, each where it was asked for; and "not_known":[…].
boost::json::object to_json(const QueriesShown& shown);

/// The tables on standard output, and what is not known as warnings.
void print_queries(const QueriesShown& shown, const operations::Terminal& terminal);

}  // namespace shardplex::cli
