// The shapes of point reads this worker has planned, so that a point read is not planned again.
#pragma once

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
                                                 const RoutedTable& routed, const SnapshotPtr& snapshot);

 private:
  std::shared_ptr<const Catalogue> catalogue_;
  std::unordered_map<std::string, std::shared_ptr<const PointShape>> whole_rows_;  // by table
  std::unordered_map<std::string, std::shared_ptr<const PointShape>> selections_;  // by SQL
};

}  // namespace shardplex::router
