// How many rows there are, more or less.
#pragma once

#include <cstdint>

#include "query/grammar/query.hpp"
#include "query/plan/routed_plan.hpp"
#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// `planned`: what the shards' planners expect, together. `estimated`: the exact number up to `exact_up_to`,
/// beyond it that or what is planned, whichever is more. Rows are those that match, also where the answer is
/// of groups, as for an exact count. Errors: SHARD400 where other shards choose which rows there are, those
/// of the shards. Precondition: `kind` is one of the two.
Awaitable<Result<std::int64_t>> count_roughly(RequestContext& context, const RowsRead& read, CountKind kind,
                                              std::uint64_t exact_up_to);

}  // namespace shardplex::router
