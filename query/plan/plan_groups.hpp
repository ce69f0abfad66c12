// Rows that are groups of a table's: how one shard makes them, and how several are asked. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "query/plan/embed_writer.hpp"
#include "query/plan/lookup.hpp"
#include "query/plan/plan.hpp"
#include "query/resolve/row_shape.hpp"

namespace shardplex {

/// Plans the groups of a node's rows, after its filters. `shape` is the tree's, and grouped; `row` as
/// EmbedWriter takes it. The plan's row has its format already. Parameters are added to the writer's. Errors:
/// those of group() and order_groups().
///
/// Where every group is on one shard whole, because it has one shard key, shards are read as ever and their
/// groups merged. Otherwise the plan has GroupStates. Numbered groups, those of a lookup, have them always;
/// their one merge key is the number, and the page, which is one of each key's groups, is the lookup's to cut
/// out.
Result<void> plan_groups(const ResolvedNode& tree, const RowShape& shape, const RoutedTable& routed,
                         const NodeRules& rules, ExpressionWriter& writer, EmbedWriter& embeds,
                         const EmbedWriter::Column& row, ReadPlan& plan);

}  // namespace shardplex
