// What the planners of the shards say of a read.
#pragma once

#include <vector>

#include "query/grammar/accept.hpp"
#include "query/plan/explained.hpp"
#include "query/plan/routed_plan.hpp"
#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// The plan of the statement that each target is asked at first, in the order of the targets; of a reference
/// table, that of the one shard that was asked. Under `asked.analyze` the statements are carried out, and
/// their rows thrown away. Errors: those of the read, of gather_rows(); PostgreSQL's for options that do not
/// go together.
/// Precondition: the read has no lookups, whose statements depend on rows.
Awaitable<Result<std::vector<ShardPlan>>> gather_plans(RequestContext& context, const RowsRead& read,
                                                       const PlanAsked& asked);

/// The same of a read by key, as if it were asked for alone.
Awaitable<Result<std::vector<ShardPlan>>> gather_plans(RequestContext& context, const PointShape& shape,
                                                       const PointRead& point, const PlanAsked& asked);

}  // namespace shardplex::router
