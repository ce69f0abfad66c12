#include "router/topology/probe_schedule.hpp"

#include <algorithm>

namespace shardplex::router {

bool ProbeSchedule::request_close_probes(Clock::time_point now) {
  const bool begins = now >= closely_until_;
  closely_until_ = now + close_probe_time;
  return begins;
}

Clock::time_point ProbeSchedule::next_probe(Clock::time_point now, Clock::time_point due,
                                            Clock::time_point last, bool speaks_for_shard) const {
  const bool closely = now < closely_until_ && speaks_for_shard;
  return closely ? std::min(due, last + close_probe_interval) : due;
}

}  // namespace shardplex::router
