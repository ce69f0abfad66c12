// Functions of a table's row that give rows, by which requests embed: what shards serve of them together.
#pragma once

#include <string>
#include <vector>

#include "query/catalogue/computed_columns.hpp"

namespace shardplex {

/// The part of combine() that is about computed relations: sets those of `served`. The shard that has the row
/// calls the function, so one is served where the rows that it gives are there whatever moves: where they are
/// of a reference table; where the map has one shard; and where the map declares the function `any`, and the
/// row and what is given are of one group. Then rows of the row's own slot are shown, since others need not
/// be on its shard. One that is VOLATILE, or gives rows of what the map does not have, is refused. Nothing
/// else is refused with it; the reason is a warning too. `on_shards`: at least one, the first shard's first.
void combine_computed_relations(const TablePlacement& placement, const ShardMap& map,
                                const std::vector<TableOnShard>& on_shards, Table& served,
                                std::vector<std::string>& warnings);

/// SHARD404 for one that is refused, with what would make it served; SHARD503 where the shards differ.
/// Precondition: it is not served.
Error refused_computed_relation(const Table& table, const ComputedRelation& computed);

}  // namespace shardplex
