// Whether shards can answer for a view as one PostgreSQL would.
#pragma once

#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"

namespace shardplex {

/// Why a shard's view is not one that the map can have, in sentences; none where it is.
///
/// A reference view reads reference tables of the map, directly or through other views, so any shard has all
/// of its rows. A view of a group reads tables of the group and reference tables. Its slot column, its key
/// and, under list, the list's column are those of one table of the group, so a row is looked for, and
/// hidden, together with that table's. What ranks, numbers, cuts off or repeats rows is refused there, since
/// a shard would do so for its own. That it joins and gathers only rows of one key is the map's word.
///
/// `served`: the tables of the map as they are served; a view is refused with what it reads.
std::vector<std::string> view_problems(const StoredView& view, const TablePlacement& placement,
                                       const ShardMap& map, const ShardCatalogue& shard,
                                       const Catalogue& served);

/// True where rows are kept beside the tables' own, so that they stay as they were until they are refreshed:
/// the view is materialized, or reads one that is.
bool keeps_rows(const StoredView& view, const ShardCatalogue& shard);

/// The sharded tables that a view of a group reads, in the order of their names.
std::vector<std::string> sharded_tables_of(const StoredView& view, const ShardMap& map,
                                           const ShardCatalogue& shard);

}  // namespace shardplex
