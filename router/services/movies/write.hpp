// Carrying out a planned write.
#pragma once

#include <cstdint>
#include <optional>

#include "query/plan/plan.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {

/// What a write came to. `rows` is unset where nothing had to be asked.
struct Written {
  std::optional<postgres::ResultSet> rows;
  std::uint64_t affected = 0;
};

/// Runs the plan on the one shard whose rows it changes; SHARD400 where those are rows of several.
Awaitable<Result<Written>> write(TableRequest& request, const WritePlan& plan);

}  // namespace shardplex::router
