// Carrying out the call of a volatile function: once for each request.
#pragma once

#include "query/error.hpp"
#include "query/plan/plan_call.hpp"
#include "router/execution/gather_rows.hpp"
#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// Runs the call in a transaction of its own, on one shard: the owner of its slot, whose ownership is held
/// while it runs; where there is none, the first shard's primary for a call that writes, and any server of
/// any shard for one that reads. What it gives is not shared with other requests. A call that writes is
/// committed when its answer is here. What the function has set for the answer is in
/// context.set_by_function. Precondition: plan.once. Lifetime: the rows do not refer to the plan.
Awaitable<Result<GatheredRows>> call_once(RequestContext& context, const CallPlan& plan);

}  // namespace shardplex::router
