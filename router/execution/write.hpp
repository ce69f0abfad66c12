// Carrying out a planned write.
#pragma once

#include <cstdint>
#include <optional>

#include "postgres/result_set.hpp"
#include "query/error.hpp"
#include "query/plan/plan.hpp"
#include "router/execution/request_context.hpp"
#include "shard_map/ids.hpp"

namespace shardplex::router {

/// What a write came to. `rows` is unset where nothing had to be asked.
struct Written {
  std::optional<postgres::ResultSet> rows;
  std::uint64_t affected = 0;
  std::uint64_t shown = 0;  ///< of these, all that a representation does not leave out
  bool created = false;     ///< the row of a PUT was not there before
};

/// Runs the plan on the one shard whose rows it changes; SHARD400 where those are rows of several. `group`:
/// the table's; nullopt for a reference table. Lifetime: the plan outlives the call.
Awaitable<Result<Written>> write(RequestContext& context, const WritePlan& plan,
                                 std::optional<GroupId> group);

}  // namespace shardplex::router
