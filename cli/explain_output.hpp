// The plan of a read as text.
#pragma once

#include <boost/json/object.hpp>

#include "operations/process/terminal.hpp"

namespace shardplex::cli {

/// `plan` is the router's answer to GET /plan/…; members that are not there are left out. Throws
/// std::exception where it is of another shape.
void print_explained_read(const boost::json::object& plan, const operations::Terminal& terminal);

}  // namespace shardplex::cli
