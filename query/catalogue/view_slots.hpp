// Whether a view's rows are those of its shards, each worked out from the rows of one slot.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/catalogue/view_query.hpp"

namespace shardplex {

/// What a view's rows have of slots. Columns are numbers, from 1.
struct ViewSlots {
  std::vector<std::string> tables;  ///< the sharded tables that the rows are made of; none: reference only
  std::set<int> slot;               ///< columns that have the slot of the row
  /// Of each table the columns that have its key, for each column of that; after these, under list, those
  /// that have its list's column.
  std::vector<std::vector<std::set<int>>> keys;
  std::vector<std::string> problems;  ///< why shards cannot answer for the view, in sentences; each once
};

/// Proves that the rows of a query are those of each slot's rows (with the reference tables), put together:
///
///   - sharded tables are joined by slot = slot, or key = key (each column of it with that at the same place;
///     under list: and the list's column), in inner joins and, of what is joined to it, in LEFT and RIGHT
///     JOIN. These equalities are followed through other columns. A reference table is never the kept side of
///     an outer join with a sharded one.
///   - GROUP BY and DISTINCT have the slot or the key among their columns
///   - a subquery in FROM, and a view, is such a query itself. Any other subquery reads reference tables, or
///     sharded ones that it joins to the row around it by slot or key.
///   - what concerns more than rows (LIMIT, DISTINCT ON, window functions, UNION …) is in such a subquery
///   only
///
/// What is not proven is a problem, also where it may be right. Precondition: all sharded tables that the
/// view reads are of one group. Tables that the map has not are passed over: others tell of them.
ViewSlots view_slots(const StoredView& view, const ShardMap& map, const ShardCatalogue& shard);

}  // namespace shardplex
