// The shapes of point reads this worker has planned, so that a point read is not planned again.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "query/plan/plan.hpp"
#include "router/topology/snapshot.hpp"

namespace shardplex::router {

/// Thread: its worker's. Forgets everything when the catalogue changes.
class PointShapes {
 public:
  /// plan_point() of these, which are of `snapshot`; equal shapes are the same object, which is what lets
  /// their reads share a batch.
  Result<std::shared_ptr<const PointShape>> find(const std::vector<SelectItem>& select,
                                                 const RoutedTable& routed, const SnapshotPtr& snapshot,
                                                 RowFormat format = RowFormat::json);

 private:
  std::shared_ptr<const Catalogue> catalogue_;
  using Shapes = std::unordered_map<std::string, std::shared_ptr<const PointShape>>;
  std::array<Shapes, row_format_count> whole_rows_;  // by format, then by table
  std::array<Shapes, row_format_count> selections_;  // by format, then by SQL and names
};

}  // namespace shardplex::router
