// What a write gives back of the rows that it has written, as pieces of SQL.
#pragma once

#include <string>

#include "query/catalogue/routed_table.hpp"
#include "query/error.hpp"
#include "query/plan/expression.hpp"
#include "query/plan/plan.hpp"
#include "query/resolve/read_tree.hpp"

namespace shardplex {

/// What RETURNING says, and what a SELECT around the statement makes of its rows, as q.
struct ReturnedRows {
  std::string inner;    ///< the list of RETURNING; "" where nothing is returned
  std::string columns;  ///< of the SELECT
  std::string joins;    ///< to q
  std::string order;    ///< "" where the order is the statement's own
  std::string counted;  ///< true of the rows that row bounds are about; "": all
};

/// The rows as the node asks for them, in the order that it asks for, and by primary key among equals; where
/// it asks for none, in body order for an INSERT, by primary key otherwise.
///
/// What a shard embeds in them by itself is of before the write, as by PostgREST: PostgreSQL gives one
/// snapshot to all of a statement. Of a row that !inner leaves out the text is null, and row bounds are about
/// the others. What is looked up on other shards is planned, and is of after the write.
///
/// What has to be known of the rows is noted in the plan. Errors: those of expressions, row_shape(),
/// require_agreed() and plan_lookup(); SHARD400 for aggregates of the rows, and, beside an embed that is
/// looked up, for what has to be decided before the write is committed, and for what the write changes in it.
Result<ReturnedRows> shown_rows(const ResolvedNode& tree, const RoutedTable& routed, const WriteRules& rules,
                                ExpressionWriter& writer, WritePlan& plan);

/// The written_key() of each row, as text.
ReturnedRows written_keys(const Table& table);

}  // namespace shardplex
