// When a server last answered: who probes it need not take a late answer for its death.
#pragma once

#include <atomic>

#include "postgres/asio.hpp"

namespace shardplex::postgres {

/// Shared by all pools to one server. Any thread.
class ServerPulse {
 public:
  void beat(Clock::time_point now) { last_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }
  bool beat_since(Clock::time_point time) const {
    return last_.load(std::memory_order_relaxed) > time.time_since_epoch().count();
  }

 private:
  std::atomic<Clock::rep> last_{0};
};

}  // namespace shardplex::postgres
