// Ways back, as cluster status and cluster doctor show them.
#pragma once

#include <boost/json.hpp>

#include "operations/audit/ways_back.hpp"
#include "operations/process/terminal.hpp"

namespace shardplex::cli {

/// Adds "broken_ways_back": [{"move": id, "problem": …} or {"import": id, "problem": …}].
void add_broken_ways_back(const operations::WaysBack& ways, boost::json::object& object);

/// Adds "import": {"id", "phase", "source"} of one that can be reversed, or null.
void add_reversible_import(const operations::WaysBack& ways, boost::json::object& object);

void warn_of_ways_back(const operations::WaysBack& ways, const operations::Terminal& terminal);

}  // namespace shardplex::cli
