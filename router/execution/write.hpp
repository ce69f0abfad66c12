// Carrying out a planned write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postgres/memory_budget.hpp"
#include "postgres/result_set.hpp"
#include "query/error.hpp"
#include "query/plan/plan.hpp"
#include "router/execution/request_context.hpp"
#include "shard_map/ids.hpp"

namespace shardplex::router {

/// The texts of rows that several shards have returned, in their order, without those that are left out, and
/// the memory that they take.
struct MergedRows {
  std::vector<std::string> texts;
  Reservation memory;
};

/// What a write came to. `rows` is unset where nothing had to be asked, and where several shards were.
struct Written {
  std::optional<postgres::ResultSet> rows;
  std::uint64_t affected = 0;
  std::uint64_t shown = 0;  ///< of these, all that a representation does not leave out
  bool created = false;     ///< the row of a PUT, or one of those that a POST merges, was not there before
  /// Of several shards: their rows, where these are to be shown.
  std::optional<MergedRows> merged = std::nullopt;
};

/// What a result of the plan's statement says, all but its rows.
Written counts_of(const postgres::ResultSet& rows, const WritePlan& plan);

/// Runs the plan on the shards whose rows it changes, all or nothing; a reference table is only written where
/// there is one shard (SHARD400). `group`: the table's; nullopt for a reference table. Lifetime: the plan
/// outlives the call.
Awaitable<Result<Written>> write(RequestContext& context, const WritePlan& plan,
                                 std::optional<GroupId> group);

}  // namespace shardplex::router
