// Whether shards can answer for a view as one PostgreSQL would.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"

namespace shardplex {

/// Why a shard's view is not one that the map can have, in sentences; none where it is.
///
/// A reference view reads reference tables of the map, directly or through other views, so any shard has all
/// of its rows. A view of a group reads tables of the group and reference tables, and is proven to have the
/// rows of its slots put together (view_slots()). Its slot column, its key and, under list, the list's column
/// are those of these rows, so a row is looked for, and hidden, where its tables' rows are. Neither calls a
/// function that may read tables: nobody sees which.
///
/// `served`: the tables of the map as they are served; a view is refused with what it reads.
std::vector<std::string> view_problems(const StoredView& view, const TablePlacement& placement,
                                       const ShardMap& map, const ShardCatalogue& shard,
                                       const Catalogue& served);

/// The tables that a view is made of in the end, through other views too.
std::set<std::string> tables_read_by(const StoredView& view, const ShardCatalogue& shard);

/// True where rows are kept beside the tables' own, so that they stay as they were until they are refreshed:
/// the view is materialized, or reads one that is.
bool keeps_rows(const StoredView& view, const ShardCatalogue& shard);

}  // namespace shardplex
