// What a write gives back of the rows that it has written, as pieces of SQL.
#pragma once

#include <string>

#include "query/error.hpp"
#include "query/plan/expression.hpp"
#include "query/plan/plan.hpp"
#include "query/resolve/read_tree.hpp"
#include "shard_map/shard_map.hpp"

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
/// it asks for none, in body order for an INSERT, by primary key otherwise. What is embedded in them is of
/// before the write: PostgreSQL gives one snapshot to all of a statement. Of a row that !inner leaves out the
/// column is null.
///
/// `bounded`: there are row bounds. They are about the rows that are not left out. What has to be known of
/// the rows is noted in the plan. Errors: those of expressions, row_shape() and require_agreed(); SHARD400
/// for aggregates of the rows, and for embeds whose rows can be on other shards.
Result<ReturnedRows> shown_rows(const ResolvedNode& tree, const ShardMap& map, RowFormat format, bool bounded,
                                ExpressionWriter& writer, WritePlan& plan);

/// The primary key of each row, as text.
ReturnedRows written_keys(const Table& table);

}  // namespace shardplex
