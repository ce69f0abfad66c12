// The answer to a read of which PostgreSQL's plan was asked for (Accept: application/vnd.pgrst.plan).
#pragma once

#include "query/plan/routed_plan.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {

/// side_by_side() of what EXPLAIN says of the statement that each shard is asked at first. SHARD400 where
/// rows of other shards are looked up; else the errors of the read. Precondition: request.plan_asked is set,
/// and `plan` is that of the request.
Awaitable<Result<Answer>> answer_plan(TableRequest& request, const RoutedPlan& plan);

}  // namespace shardplex::router
