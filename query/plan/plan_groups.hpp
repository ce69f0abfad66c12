// A read whose rows are groups of the table's: how one shard makes them, and how several are asked. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "query/plan/embed_writer.hpp"
#include "query/plan/plan.hpp"
#include "query/resolve/row_shape.hpp"

namespace shardplex {

/// Plans the groups of the root's rows, after its filters. `shape` is the tree's, and grouped; `row` as
/// EmbedWriter takes it. The plan's row has its format already. Parameters are added to the writer's. Errors:
/// those of group() and order_groups().
///
/// Where every group is on one shard whole, because it has one shard key, shards are read as ever and their
/// groups merged. Otherwise the plan has GroupStates.
Result<void> plan_groups(const ResolvedNode& tree, const RowShape& shape, const RoutedTable& routed,
                         bool bytewise_default_collation, ExpressionWriter& writer, EmbedWriter& embeds,
                         const EmbedWriter::Column& row, ReadPlan& plan);

}  // namespace shardplex
