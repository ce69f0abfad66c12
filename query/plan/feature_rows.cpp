#include "query/plan/feature_rows.hpp"

#include <algorithm>

#include "query/plan/sql.hpp"
#include "query/resolve/row_shape.hpp"

namespace shardplex {
namespace {

constexpr std::string_view geometry_types[] = {"geometry", "geography"};

/// Of what the item shows; nullptr where that is no geometry.
const Column* geometry_of(const SelectItem& item, const Table& table) {
  if (item.star) {
    const auto found = std::ranges::find_if(table.columns, is_geometry);
    return item.aggregate || found == table.columns.end() ? nullptr : &*found;
  }
  if (item.aggregate || item.cast || !item.field.path.empty()) return nullptr;
  const Column* column = table.find_readable(item.field.column);
  return column != nullptr && is_geometry(*column) ? column : nullptr;
}

bool casts_to_geometry(const SelectItem& item) {
  if (!item.cast) return false;
  std::string cast = *item.cast;
  for (char& c : cast)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto is_named = [&](std::string_view type) { return cast.find(type) != cast.npos; };
  return std::ranges::any_of(geometry_types, is_named);
}

Error not_of_features(const char* why, const char* hint) {
  return {"SHARD400", "This request is not served as Features", why, hint, std::nullopt};
}

}  // namespace

bool is_geometry(const Column& column) {
  return column.base_type_name.empty() && column.type_schema != "pg_catalog" &&
         std::ranges::find(geometry_types, column.type_name) != std::end(geometry_types);
}

bool can_be_features(const Table& table) {
  return std::ranges::any_of(table.columns, is_geometry) ||
         std::ranges::any_of(table.computed, is_geometry, &ComputedColumn::column);
}

std::optional<ShownGeometry> shown_geometry(const std::vector<SelectItem>& items, const Table& table) {
  if (items.empty()) {
    const auto found = std::ranges::find_if(table.columns, is_geometry);
    return found == table.columns.end() ? std::nullopt : std::optional(ShownGeometry{&*found, 0});
  }
  for (std::size_t i = 0; i < items.size(); ++i)
    if (const Column* column = geometry_of(items[i], table)) return ShownGeometry{column, i};
  return std::nullopt;
}

Error geometry_missing() {
  return {"22023", "geometry column is missing", std::nullopt, std::nullopt, std::nullopt};
}

Error groups_not_features() {
  return not_of_features("Aggregates are asked for.", "Ask for them as application/json.");
}

Result<void> check_features(const Query& query, const Table& table) {
  const auto is_grouped = [&](const SelectItem& item) {
    return item.aggregate || is_bare_count(item, table);
  };
  if (std::ranges::any_of(query.select, is_grouped)) return groups_not_features();
  if (std::ranges::any_of(query.select, casts_to_geometry))
    return not_of_features("A column is cast to a geometry.",
                           "Ask for a column of that type, or as application/json.");
  if (query.select.empty() && !query.embeds.empty()) return geometry_missing();
  return {};
}

std::string feature_geometry_sql(const Column& column, std::string_view value) {
  return '(' + quote_identifier(column.type_schema) + ".st_asgeojson(ROW(" + std::string(value) +
         "))::json->'geometry')";
}

}  // namespace shardplex
