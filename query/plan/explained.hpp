// What EXPLAIN says.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace shardplex {

/// How many rows a plan is expected to give, of EXPLAIN (FORMAT JSON)'s answer: at most the largest number
/// that there is here, since planners expect any. nullopt where it is no such answer.
std::optional<std::int64_t> planned_rows(std::string_view explained);

}  // namespace shardplex
