// The rows that the parts of a write over several shards return, as the rows of one.
#pragma once

#include <vector>

#include "postgres/memory_budget.hpp"
#include "postgres/result_set.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/route.hpp"
#include "router/execution/write.hpp"

namespace shardplex::router {

/// Of an INSERT in the order of the body, else by primary key. `parts`: a result of each target's statement.
/// The write is made, so the memory is counted whether there is room or not.
MergedRows merged_rows(const WritePlan& plan, const std::vector<Target>& targets,
                       const std::vector<postgres::ResultSet>& parts, MemoryBudget* memory);

}  // namespace shardplex::router
