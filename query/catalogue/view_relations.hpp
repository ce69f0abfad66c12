// The relations that views have by the columns of tables which they show.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

/// Fills in Table::shown_keys and Table::shown_primary_key of a combined catalogue, as PostgREST infers them:
/// a view that shows all columns of a foreign key stands for the table that has it, one that shows all
/// columns which it leads to stands for the table there, and so do two views for both. A column that a view
/// shows several times gives a key each time. Keys of the map (ShardMap::relations()) count as foreign keys
/// do.
///
/// Whether a view has several rows for one of its table's has to be the same on all shards, else it may have.
/// `shards`: the name of each, and its catalogue, from which `catalogue` was combined; at least one.
void add_shown_keys(const ShardMap& map, const std::vector<std::pair<std::string, ShardCatalogue>>& shards,
                    Catalogue& catalogue);

}  // namespace shardplex
