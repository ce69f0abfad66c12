// Groups of which several shards have parts.
#pragma once

#include <vector>

#include "query/plan/routed_plan.hpp"
#include "router/execution/attempt.hpp"
#include "router/execution/request_context.hpp"
#include "router/execution/shard_rows.hpp"

namespace shardplex::router {

/// Asks every target for its groups, and has one shard, which may be any, make the answer's rows of them. The
/// groups are of one try, so of one view of who owns what. SHARD400 where a shard has more groups than
/// most_partial_groups, or all together more bytes than may travel.
/// Precondition: the plan has GroupStates, and `parts` one for each target. Lifetime: as of on_targets().
Awaitable<Attempt<ShardRows>> gather_groups(RequestContext& context, const View& view, const ReadPlan& plan,
                                            const std::vector<Target>& targets,
                                            const std::vector<ReadPlan::ForShard>& parts);

}  // namespace shardplex::router
