// What would make a read cheaper.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "query/plan/routed_plan.hpp"

namespace shardplex {

/// Sentences; none where there is nothing to say. `shards`: how many are asked.
std::vector<std::string> read_hints(const RowsRead& read, const Query& query, const RoutedTable& routed,
                                    std::size_t shards);

}  // namespace shardplex
