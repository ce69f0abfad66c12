// What a fault may cost, and whether a round has kept to it. Pure.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tests/chaos/figures.hpp"

namespace shardplex::chaos {

/// What a fault may cost. Requests that are not named here have to succeed.
struct Bounds {
  bool writes_of_shard_may_fail = false;
  bool strong_reads_of_shard_may_fail = false;
  bool reads_of_shard_may_fail = false;
  bool requests_may_be_cut = false;   ///< by a router that dies
  bool requests_may_be_shed = false;  ///< by a router whose memory clients have spent
  bool memory_is_measured = false;    ///< that of the router which clients attack: a round without it is void
  Time p99 = std::chrono::milliseconds(1'200);
  /// Of writes and strong reads of the shard where these may fail.
  Time p99_of_those_that_may_fail = std::chrono::milliseconds(1'200);
  Time writes_after_promotion = std::chrono::seconds(1);
  /// After it was healed, until no request is asked that fails.
  Time recovery = std::chrono::milliseconds(2'500);
  /// From one success to the next, of what may not fail. More than 99 of 100 requests take, for it is the
  /// worst.
  Time unavailable = std::chrono::milliseconds(2'500);
  int peak_megabytes = 300;  ///< of a router's memory
};

/// A sentence for each bound that was not kept.
std::vector<std::string> violations(const Figures& figures, const Bounds& bounds);

}  // namespace shardplex::chaos
