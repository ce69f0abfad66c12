// Which of a shard's servers to ask, and where a request's slots are now.
#pragma once

#include <cstddef>
#include <optional>
#include <random>
#include <vector>

#include "query/plan/route.hpp"
#include "query/plan/routed_plan.hpp"
#include "router/execution/attempt.hpp"
#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// The servers of `shard` that a read may use, best first: a replica that is not behind, then the primary;
/// primaries only where consistency is strong. Empty where none is up.
std::vector<std::size_t> read_candidates(const View& view, ShardId shard, Consistency consistency,
                                         std::minstd_rand& random);

/// The first of read_candidates(); nullopt where none is up.
std::optional<std::size_t> best_reader(const View& view, ShardId shard, Consistency consistency,
                                       std::minstd_rand& random);

/// SHARD503 for a shard none of whose servers can answer.
Error nobody_up(const View& view, ShardId shard);

/// Whom to ask for a read of these slots. Where no shard can hold a row, one is asked nevertheless, so that
/// PostgreSQL checks the request's values as it would have alone. At least one target.
Attempt<std::vector<Target>> read_targets(const View& view, const CandidateSlots& where);

/// The same for an answer that may lack shards (PartialAnswer): without those that the request has given up,
/// that have never been reached, or that have no server for it and are waited for no more. SHARD503 where
/// none is left. Notes which are missing.
Attempt<std::vector<Target>> read_targets(RequestContext& context, const View& view,
                                          const CandidateSlots& where);

}  // namespace shardplex::router
