// A write whose rows are on several shards: all of it is kept, or nothing.
//
// Two-phase commit whose last resource is committed in one phase. All shards but one, the decider, run their
// parts and prepare them; the decider's transaction then runs its own part and notes the decision, so that
// its commit is the decision, and no other record of it exists; then the others commit what they have
// prepared. Whoever finds a part that waits asks the decider (settle_write_sql), and by asking makes sure
// that it is decided.
#pragma once

#include <vector>

#include "query/plan/plan.hpp"
#include "query/plan/route.hpp"
#include "router/execution/attempt.hpp"
#include "router/execution/request_context.hpp"
#include "router/execution/write.hpp"

namespace shardplex::router {

/// One try at the plan on these shards. Replan where nothing of it was kept and it is worth another one, as
/// where rows are locked by somebody who may wait for this write in turn. An error says whether anything was
/// kept, and SHARD503 with an unknown outcome is told only where the decider could not be asked.
/// Precondition: there are several targets, of the plan's slots. Lifetime: the plan outlives the call.
Awaitable<Attempt<Written>> write_over_shards(RequestContext& context, ViewPtr view, const WritePlan& plan,
                                              std::vector<Target> targets);

}  // namespace shardplex::router
