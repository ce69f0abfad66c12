// What the requests of a round came to, and whether that is within what its fault may cost. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/consistency/recorded_load.hpp"

namespace shardplex::chaos {

using consistency::Time;
using integration::Asked;

/// What a fault hit, and when.
struct Hit {
  std::string shard;  ///< "": none of them
  Time began{0};
  std::optional<Time> promoted;  ///< when another server was its primary
  std::optional<Time> ended;     ///< when it was healed
};

/// Requests that were not answered as asked for, by what they were.
struct Failed {
  std::size_t writes = 0, strong_reads = 0, reads = 0;

  std::size_t all() const { return writes + strong_reads + reads; }
};

/// The longest time from one success to the next, on one shard; from the load's begin to the first one and
/// from the last one to its end, too.
struct Unavailable {
  Time writes{0}, strong_reads{0}, reads{0};
};

struct Figures {
  std::size_t requests = 0;
  /// Of the shard that was hit: requests for a film of its, and others whose answer names it.
  Failed of_shard;
  Failed of_others;
  std::size_t unknown = 0;  ///< of the failed writes, those that may have had their effect
  std::size_t shed = 0;     ///< of all failed, those that a router had no memory left for
  std::size_t cut = 0;      ///< of all failed, those whose connection ended before the answer did
  /// Of requests for one film of the shard that was hit, by the worst of writes, strong reads and reads, and
  /// of all others; of those that were under way while the fault lasted.
  Time p99_of_shard{0}, p99_of_others{0};
  /// Of the shard that was hit, and the worst of the others.
  Unavailable shard, others;
  /// From the promotion to the first write of the shard that was acknowledged.
  std::optional<Time> writes_after_promotion;
  /// From the promotion to when the last write or strong read of the shard was asked that failed.
  std::optional<Time> last_failed_after_promotion;
  bool promoted = false;
  std::optional<int> peak_megabytes;  ///< the most memory that a router had which clients attacked
  std::vector<std::string> examples;  ///< what some of the failed were told
};

/// `shard_of` says whose a film is while the fault lasts. A request without a film that failed is one of the
/// shard's where its answer names it, in its head or in its text.
Figures figures_of(const std::vector<Asked>& asked, const Hit& hit,
                   const std::function<std::string(std::int64_t)>& shard_of);

/// What a fault may cost. Requests that are not named here have to succeed.
struct Bounds {
  bool writes_of_shard_may_fail = false;
  bool strong_reads_of_shard_may_fail = false;
  bool reads_of_shard_may_fail = false;
  bool requests_may_be_cut = false;   ///< by a router that dies
  bool requests_may_be_shed = false;  ///< by a router whose memory clients have spent
  Time p99_of_shard = std::chrono::milliseconds(1'200);
  Time p99_of_others = std::chrono::milliseconds(1'200);
  Time writes_after_promotion = std::chrono::seconds(1);
  /// From one success to the next, of what may not fail. More than 99 of 100 requests take, for it is the
  /// worst.
  Time unavailable = std::chrono::milliseconds(2'500);
  int peak_megabytes = 300;  ///< of a router's memory
};

/// A sentence for each bound that was not kept.
std::vector<std::string> violations(const Figures& figures, const Bounds& bounds);

}  // namespace shardplex::chaos
