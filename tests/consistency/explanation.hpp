// What kind of fault it is that a row's operations fit into no order.
#pragma once

#include <cstddef>
#include <vector>

#include "tests/consistency/checker.hpp"
#include "tests/consistency/register_order.hpp"

namespace shardplex::consistency {

/// One row's part of an operation. `step.invoked` is earlier than the operation's where the answer may be
/// old.
struct Event {
  Step step;
  std::size_t operation = 0;  ///< index into the history
};

/// `misfit` is what find_order() said of the steps of these events.
Fault explain(const std::vector<Event>& events, std::size_t misfit, const Key& key, const History& history);

}  // namespace shardplex::consistency
