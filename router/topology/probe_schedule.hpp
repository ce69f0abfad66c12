// When servers are probed. Times are given, no clock is read.
#pragma once

#include "postgres/asio.hpp"

namespace shardplex::router {

inline constexpr auto close_probe_interval = std::chrono::milliseconds(3);  // between close probes
inline constexpr auto close_probe_time = std::chrono::milliseconds(100);    // after the last request for them

/// While requests wait for slots to change hands, the server that speaks for its shard is probed closely: it
/// is asked for its epoch again and again, besides the whole probe that every server has once per interval.
class ProbeSchedule {
 public:
  /// A request waits, at `now`. True where close probes begin with that, so that servers have to be woken.
  bool request_close_probes(Clock::time_point now);

  /// When a server is to be probed next: `due` is when its next whole probe is, `last` when it had its last
  /// one of either kind; `speaks_for_shard`: it is the one whose ownership report counts.
  Clock::time_point next_probe(Clock::time_point now, Clock::time_point due, Clock::time_point last,
                               bool speaks_for_shard) const;

 private:
  Clock::time_point closely_until_{};
};

}  // namespace shardplex::router
