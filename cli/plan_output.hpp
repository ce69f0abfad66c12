// A plan of moves as the commands print it.
#pragma once

#include <boost/json/object.hpp>

#include "operations/cluster/proposal.hpp"
#include "operations/process/terminal.hpp"

namespace shardplex::cli {

using namespace operations;  // the commands are about nothing else

inline constexpr double default_rate_mb = 50;  ///< of a copy, per second

/// What is shown: a proposal, and how long it takes.
struct ShownPlan {
  Proposal proposal;
  double rate_mb = default_rate_mb;  ///< per second

  double copy_seconds() const;
};

/// Shards before and after, the moves or why there are none, and warnings.
void print_plan(const ShownPlan& shown, const Terminal& terminal);

boost::json::object plan_json(const ShownPlan& shown);

}  // namespace shardplex::cli
