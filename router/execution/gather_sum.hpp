// Adding up a number that each shard says.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "query/plan/routed_plan.hpp"
#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// Runs a statement with one row and one bigint column on all targets (where `where` is unset: on any one
/// shard), and adds up the numbers.
Awaitable<Result<std::int64_t>> gather_sum(RequestContext& context,
                                           const std::optional<CandidateSlots>& where,
                                           std::function<Statement(const ReadPlan::ForShard&)> statement);

}  // namespace shardplex::router
