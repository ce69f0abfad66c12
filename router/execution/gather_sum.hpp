// Adding up a number that each shard says.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "postgres/result_set.hpp"
#include "query/plan/routed_plan.hpp"
#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// The number in a shard's answer; nullopt where it is none.
using NumberOf = std::function<std::optional<std::int64_t>(const postgres::ResultSet&)>;

/// One row with one bigint.
std::optional<std::int64_t> only_number(const postgres::ResultSet& answer);

/// Runs a statement on all targets (where `where` is unset: on any one shard), and adds up the numbers that
/// they answer, up to the largest that there is. Shards that the answer may lack, and that have no server,
/// add nothing, and are given up by the request.
Awaitable<Result<std::int64_t>> gather_sum(RequestContext& context,
                                           const std::optional<CandidateSlots>& where,
                                           std::function<Statement(const ReadPlan::ForShard&)> statement,
                                           NumberOf number = only_number);

}  // namespace shardplex::router
