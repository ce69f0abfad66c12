#include "router/execution/point_shapes.hpp"

#include <utility>

#include "shard_map/map_name.hpp"

namespace shardplex::router {
namespace {

constexpr std::size_t most_selections = 1000;  // clients make these up; past this many the cache starts over

/// The same for shapes that are alike: the statement, and what the client calls its columns.
std::string cache_key(const PointShape& shape) {
  std::string key = shape.sql;
  for (const auto& field : shape.row.fields()) key += field.before;
  return key;
}

}  // namespace

Result<std::shared_ptr<const PointShape>> PointShapes::find(const std::vector<SelectItem>& select,
                                                            const RoutedTable& routed,
                                                            const SnapshotPtr& snapshot, RowFormat format) {
  const auto table = make_map_name(routed.table().schema, routed.table().name);
  if (catalogue_ != snapshot->catalogue) {
    catalogue_ = snapshot->catalogue;
    whole_rows_ = {};
    selections_ = {};
  }
  auto& whole_rows = whole_rows_[static_cast<std::size_t>(format)];
  auto& selections = selections_[static_cast<std::size_t>(format)];
  if (select.empty())
    if (const auto known = whole_rows.find(table); known != whole_rows.end()) return known->second;
  auto planned = plan_point(select, routed, format);
  if (!planned) return planned.error();
  if (selections.size() >= most_selections) selections.clear();
  auto& cached = select.empty() ? whole_rows[table] : selections[cache_key(*planned)];
  if (!cached) cached = std::make_shared<const PointShape>(std::move(*planned));
  return cached;
}

}  // namespace shardplex::router
