#include "operations/replication/rate_limit.hpp"

#include <algorithm>
#include <thread>

namespace shardplex::operations {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds rate_slack{100};  // how much of an unused rate may be caught up with

}  // namespace

Clock::time_point RateLimit::reserve(std::uint64_t bytes, Clock::time_point now) {
  if (bytes_per_second_ == 0) return now;
  const std::chrono::duration<double> cost(static_cast<double>(bytes) /
                                           static_cast<double>(bytes_per_second_));
  const std::lock_guard lock(mutex_);
  free_at_ = std::max(free_at_, now - rate_slack) + std::chrono::duration_cast<Clock::duration>(cost);
  return free_at_;
}

void RateLimit::spend(std::uint64_t bytes) {
  std::this_thread::sleep_until(reserve(bytes, Clock::now()));
}

}  // namespace shardplex::operations
