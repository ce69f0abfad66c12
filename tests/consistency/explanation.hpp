// What kind of fault it is that a row's operations fit into no order.
#pragma once

#include <cstddef>
#include <vector>

#include "tests/consistency/checker.hpp"
#include "tests/consistency/row_event.hpp"

namespace shardplex::consistency {

/// `misfit` is what find_order() said of the steps of these events.
Fault explain(const std::vector<RowEvent>& events, std::size_t misfit, const Key& key,
              const History& history);

}  // namespace shardplex::consistency
