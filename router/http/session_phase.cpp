#include "router/http/session_phase.hpp"

namespace shardplex::router {
namespace {

constexpr auto linger_time = std::chrono::seconds(2);
constexpr auto drain_grace = std::chrono::milliseconds(500);

}  // namespace

Clock::duration time_limit(Phase phase, bool draining, const Limits& limits) {
  switch (phase) {
    case Phase::idle:
      return draining ? drain_grace : limits.idle_timeout;
    case Phase::head:
      return limits.header_timeout;
    case Phase::body:
      return limits.body_timeout;
    case Phase::writing:
      return limits.write_timeout;
    case Phase::lingering:
      return linger_time;
    case Phase::serving:
      break;
  }
  return Clock::duration::max();
}

}  // namespace shardplex::router
