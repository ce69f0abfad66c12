// Rows that are answered as Features: which of what they show is the geometry.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/error.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

/// Of PostGIS's types geometry and geography, of which a row is a Feature. A domain over one is not, as by
/// PostGIS.
bool is_geometry(const Column& column);

/// The table has such a column, or a computed one: its rows can be Features.
bool can_be_features(const Table& table);

/// The geometry of a row: the first that it shows.
struct ShownGeometry {
  const Column* column;  ///< never null
  std::size_t item;      ///< of select= that shows it, as itself or by a star; 0 where select= has no items
};

/// `items`: of select=; without any, all columns are shown. nullopt where there is no geometry among them.
std::optional<ShownGeometry> shown_geometry(const std::vector<SelectItem>& items, const Table& table);

/// What PostGIS says (22023) where a row shows no geometry.
Error geometry_missing();

/// SHARD400 for groups of rows.
Error groups_not_features();

/// What cannot be answered as Features, of what can be told before the columns are looked at:
/// geometry_missing() where only embeds are shown; SHARD400 for a geometry that is one by a cast, and for
/// aggregates.
Result<void> check_features(const Query& query, const Table& table);

/// The geometry as it is in a Feature, of type json: what PostGIS makes of a row that has nothing else.
/// `value`: an expression of the column's type.
std::string feature_geometry_sql(const Column& column, std::string_view value);

}  // namespace shardplex
