// Carrying out a planned read of one row by its key.
#pragma once

#include <memory>
#include <optional>

#include "query/plan/plan.hpp"
#include "query/plan/routed_plan.hpp"
#include "router/execution/point_batcher.hpp"
#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// The row's text, read together with other requests' rows of this shape from the shard that holds the key's
/// slot, or for a reference table from any shard; nullopt where there is none. `shape` is plan_point()'s for
/// the table.
Awaitable<Result<std::optional<PointRow>>> gather_point(RequestContext& context,
                                                        std::shared_ptr<const PointShape> shape,
                                                        PointRead point);

}  // namespace shardplex::router
