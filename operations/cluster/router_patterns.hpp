// What requests of each shape have cost, as routers have counted it.
#pragma once

#include <span>
#include <string>

#include "query/patterns/pattern_report.hpp"

namespace shardplex::operations {

/// The query patterns of all routers since each started, added up, in no order. `routers` are the URLs of
/// their admin ports, http://host:port. Throws CommandFailed with all problems.
PatternReport read_router_patterns(std::span<const std::string> routers);

}  // namespace shardplex::operations
