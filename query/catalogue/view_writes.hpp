// Whether rows can be written through a view as safely as to the table whose rows they are.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

/// Sets Table::written of a view that is served, or Table::not_written; and lets its columns say of defaults
/// and generated values, and of labels by which no row may be placed yet, what the table's say.
///
/// A write to a sharded table is safe because its statement runs under the group's lock and epoch, touches
/// rows of the shard's own slots, and returns the key and the slot of each row as it was stored. So it is
/// with a write through a view where, on all shards,
///
///   - the view is one of a group, and PostgreSQL writes through it and through all views below it: neither
///     triggers nor rules are carried out instead, and no rows are kept in between
///   - its slot, its key and, under list, the list's column are those columns of the one table as they are,
///     and no other column of the view is one of them too, by which it could be changed unseen.
///
/// `shards`: the name of each, and its catalogue; at least one. `combined`: with the tables of the map.
void combine_writes(const TablePlacement& placement, const ShardMap& map,
                    const std::vector<std::pair<std::string, ShardCatalogue>>& shards,
                    const Catalogue& combined, Table& served);

}  // namespace shardplex
