// Gathered rows as an answer.
#pragma once

#include "query/plan/plan.hpp"
#include "router/execution/joined_rows.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {

/// All rows; a long answer streams, and takes them along.
Awaitable<Result<Answer>> answer_all(TableRequest& request, const ReadPlan& plan, JoinedRows&& rows);

/// The one row there is; PGRST116 where there are more or fewer.
Awaitable<Result<Answer>> answer_one(TableRequest& request, const ReadPlan& plan, JoinedRows&& rows);

}  // namespace shardplex::router
