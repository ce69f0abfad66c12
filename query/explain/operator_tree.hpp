// What is done with the rows of the shards, as a tree.
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "query/engine/row_text.hpp"
#include "query/plan/routed_plan.hpp"

namespace shardplex {

/// Each node has its `operator`, what it is told, and its `inputs`; the leaves are scans. `shards` are those
/// that are asked for the rows; a reference table has one of them asked, which is named "any". Scans name
/// under `postgresql_writes`, where there are any, the members of a row that the router does not write itself
/// of their values.
boost::json::object operator_tree(const RowsRead& read, const Query& query, const RoutedTable& routed,
                                  const std::vector<std::string>& shards);

/// That of a point read.
boost::json::object scan_node(const std::string& table, const std::string& shard, const RowText& row);

}  // namespace shardplex
