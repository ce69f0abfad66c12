// One row's part of a history.
#pragma once

#include <cstddef>
#include <vector>

#include "tests/consistency/register_order.hpp"

namespace shardplex::consistency {

struct RowEvent {
  Step step;
  std::size_t operation = 0;  ///< index into the history
};

/// By when an event has certainly taken place, and which operation shows it: the event's own, when it was
/// answered, or an earlier one that saw the value that only this event makes. Time::max(): nothing shows it.
struct Settled {
  Time when{0};
  std::size_t witness = 0;
};

/// By event.
std::vector<Settled> settle(const std::vector<RowEvent>& events);

}  // namespace shardplex::consistency
