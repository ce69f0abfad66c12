// What requests of each shape have cost, as routers have counted it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "query/patterns/pattern_report.hpp"

namespace shardplex::operations {

struct RouterPatterns {
  PatternReport sum;                  ///< in no order
  std::vector<std::string> problems;  ///< of routers that are not in it; each names its router
};

/// The query patterns of all routers since each started, added up. `routers` are the URLs of their admin
/// ports, http://host:port. Throws CommandFailed where none of them tells.
RouterPatterns read_router_patterns(std::span<const std::string> routers);

}  // namespace shardplex::operations
