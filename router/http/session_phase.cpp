#include "router/http/session_phase.hpp"

namespace shardplex::router {
namespace {

constexpr auto linger_time = std::chrono::seconds(2);

}  // namespace

Clock::duration time_limit(Phase phase, const Limits& limits) {
  switch (phase) {
    case Phase::idle:
      return limits.idle_timeout;
    case Phase::head:
      return limits.header_timeout;
    case Phase::body:
      return limits.body_timeout;
    case Phase::lingering:
      return linger_time;
    case Phase::writing:
    case Phase::serving:
      break;
  }
  return Clock::duration::max();
}

void SendProgress::sent(std::size_t bytes, Clock::duration waited, const Limits& limits) {
  waited_ += waited;
  taken_ += bytes;
  const auto seconds = std::chrono::duration<double>(limits.write_timeout).count();
  if (static_cast<double>(taken_) < static_cast<double>(limits.write_rate) * seconds) return;
  waited_ = {};
  taken_ = 0;
}

}  // namespace shardplex::router
