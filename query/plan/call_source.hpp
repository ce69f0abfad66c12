// The rows of a call in the place of a table's.
#pragma once

#include <string>

#include "query/catalogue/catalogue.hpp"
#include "query/grammar/call_arguments.hpp"
#include "query/plan/plan.hpp"

namespace shardplex {

/// Lifetime: refers to the function and what it is given.
struct CallSource {
  const Function* function;
  const CallArguments* arguments;
  bool keeps_order = true;  ///< where nothing else is asked for: one shard answers
  bool read_only = true;    ///< the transaction; else it is one of its own on a primary
  std::string group = {};   ///< under whose epoch it is asked though its rows are not of a sharded table
  RowBounds bounds = {};    ///< of the page
};

}  // namespace shardplex
