// Groups of which several shards have parts.
#pragma once

#include <functional>
#include <vector>

#include "query/plan/plan.hpp"
#include "query/plan/route.hpp"
#include "query/plan/sql.hpp"
#include "router/execution/attempt.hpp"
#include "router/execution/request_context.hpp"
#include "router/execution/shard_rows.hpp"

namespace shardplex::router {

/// Groups, and how a shard is asked for its parts of them. Lifetime: refers to the plan.
struct SharedGroups {
  const ReadPlan& plan;
  std::function<Statement(const ReadPlan::ForShard&)> partial;  ///< partial_groups(), or as it
  /// Gets true where all parts at once are too much for a shard or the router. Those of fewer may not be.
  bool too_large = false;
};

/// Asks every target for its parts of the groups, and has one shard, which may be any, make the answer's rows
/// of them. The parts are of one try, so of one view of who owns what. SHARD400 where a shard has more groups
/// than most_partial_groups, or all together more bytes than may travel.
/// Precondition: the plan has GroupStates, and `parts` one for each target. Lifetime: as of on_targets().
Awaitable<Attempt<ShardRows>> gather_groups(RequestContext& context, const View& view, SharedGroups& groups,
                                            const std::vector<Target>& targets,
                                            const std::vector<ReadPlan::ForShard>& parts);

}  // namespace shardplex::router
