// Merged rows as an answer.
#pragma once

#include <cstdint>
#include <optional>

#include "query/plan/plan.hpp"
#include "router/services/movies/merged_rows.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {

/// An array of all rows; a long one streams, and takes them along. `total`: how many rows there are without
/// limit and offset, where they were counted.
Awaitable<Result<Answer>> answer_array(TableRequest& request, const ReadPlan& plan, MergedRows&& rows,
                                       std::optional<std::int64_t> total);

/// The one row there is; PGRST116 where there are more or fewer.
Awaitable<Result<Answer>> answer_object(TableRequest& request, MergedRows&& rows,
                                        std::optional<std::int64_t> total);

}  // namespace shardplex::router
