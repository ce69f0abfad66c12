// Which columns of tables a view shows, and how often a row of a table is in the view's rows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"

namespace shardplex {

/// A column of a table that a view shows as it is, directly or through other views.
struct ShownColumn {
  StoredColumn of;
  /// Which of the view's sources of rows has it, where that is known: in a row of the view, columns of one
  /// source are of one row of the table.
  std::string source = {};
  /// No row of that source is in two rows of the view.
  bool is_once = false;
  bool operator==(const ShownColumn&) const = default;
};

/// Of each column of the view, by its number from 1 at 0; nullopt of one that is no table's column as it is.
/// What is shown is what PostgreSQL has noted of the columns, as PostgREST has it.
///
/// That a row of a source is there once is proven: the view, and each view and subquery through which it has
/// the source, joins to it only what a unique key finds, by equalities that hold, or makes one row of what
/// differs in other relations alone (GROUP BY, DISTINCT). What repeats rows (functions that give sets,
/// grouping sets, LATERAL, UNION) is no such proof.
std::vector<std::optional<ShownColumn>> shown_columns(const StoredView& view, const ShardCatalogue& shard);

}  // namespace shardplex
