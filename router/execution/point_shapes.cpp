#include "router/execution/point_shapes.hpp"

#include <utility>

namespace shardplex::router {
namespace {

constexpr std::size_t most_selections = 1000;  // clients make these up; past this many the cache starts over

}  // namespace

Result<std::shared_ptr<const PointShape>> PointShapes::find(const std::vector<SelectItem>& select,
                                                            const RoutedTable& routed,
                                                            const SnapshotPtr& snapshot) {
  const auto& table = routed.table().name;
  if (catalogue_ != snapshot->catalogue) {
    catalogue_ = snapshot->catalogue;
    whole_rows_.clear();
    selections_.clear();
  }
  if (select.empty())
    if (const auto known = whole_rows_.find(table); known != whole_rows_.end()) return known->second;
  auto planned = plan_point(select, routed);
  if (!planned) return planned.error();
  if (selections_.size() >= most_selections) selections_.clear();
  auto& cached = select.empty() ? whole_rows_[table] : selections_[planned->sql];
  if (!cached) cached = std::make_shared<const PointShape>(std::move(*planned));
  return cached;
}

}  // namespace shardplex::router
