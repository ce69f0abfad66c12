// Gathered rows as an answer.
#pragma once

#include "query/plan/plan.hpp"
#include "router/execution/gather_rows.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {

/// An array of all rows; a long one streams, and takes them along.
Awaitable<Result<Answer>> answer_array(TableRequest& request, const ReadPlan& plan, GatheredRows&& rows);

/// The one row there is; PGRST116 where there are more or fewer.
Awaitable<Result<Answer>> answer_object(TableRequest& request, GatheredRows&& rows);

}  // namespace shardplex::router
