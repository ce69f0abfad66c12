// What a connection is doing, and how long it may take.
#pragma once

#include <cstdint>

#include "postgres/asio.hpp"
#include "router/settings.hpp"

namespace shardplex::router {

enum class Phase : std::uint8_t {
  idle,       ///< between requests
  head,       ///< the first bytes of a request are here
  body,       ///< its head is here
  serving,    ///< waiting for the handler, which has a deadline of its own
  writing,    ///< sending the answer, or a part of it
  lingering,  ///< the last answer has been sent
};

/// How long a connection may stay in a phase; Clock::duration::max() where there is no bound. Pure.
Clock::duration time_limit(Phase phase, bool draining, const Limits& limits);

struct PhaseClock {
  Phase phase = Phase::idle;
  Clock::time_point began = Clock::now();

  void enter(Phase next) {
    phase = next;
    began = Clock::now();
  }
};

}  // namespace shardplex::router
