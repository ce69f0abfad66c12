// What the requests of a round came to. Pure.
#pragma once

#include <algorithm>
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
  std::string says{};            ///< what no other server says, and this one of the fault; "" nothing
};

/// Requests, by what they were.
struct Counts {
  std::size_t writes = 0, strong_reads = 0, reads = 0;

  std::size_t all() const { return writes + strong_reads + reads; }
};

/// The same of times.
struct Times {
  Time writes{0}, strong_reads{0}, reads{0};

  Time longest() const { return std::max({writes, strong_reads, reads}); }
};

struct Figures {
  std::size_t requests = 0;
  /// That were under way while the fault lasted: of them all, and of those for one film of the shard that was
  /// hit.
  std::size_t meanwhile = 0;
  Counts meanwhile_of_shard;
  /// That were not answered as asked for. Of the shard that was hit: those that cannot do without it, and
  /// inserts whose shard the router chose, where their answer names it or is what it says.
  Counts of_shard;
  Counts of_others;
  std::size_t wrong = 0;    ///< of all failed, those with an answer that no fault excuses
  std::size_t unknown = 0;  ///< of the failed writes, those that may have had their effect
  std::size_t shed = 0;     ///< of all failed, those that a router had no memory left for
  std::size_t cut = 0;      ///< of all failed, those whose connection ended before the answer did
  /// Of requests for one film of the shard that was hit, and of all others; of those that were under way
  /// while the fault lasted.
  Times p99_of_shard;
  Time p99_of_others{0};
  /// The longest time from one success to the next, on the shard that was hit, and on the worst of the
  /// others; from the load's begin to the first one and from the last one to its end, too.
  Times shard, others;
  /// From the promotion to the first write of the shard that was acknowledged.
  std::optional<Time> writes_after_promotion;
  /// From the promotion to when the last write or strong read of the shard was asked that failed.
  std::optional<Time> last_failed_after_promotion;
  /// From when the fault was healed to when the last request of all was asked that failed.
  std::optional<Time> last_failed_after_end;
  bool promoted = false;
  std::optional<int> peak_megabytes;  ///< the most memory that a router had which clients attacked
  std::vector<std::string>
      examples;  ///< what some of the failed were told, those first that no fault excuses
};

/// `shard_of` says whose a film is while the fault lasts. Where a request failed that needs several shards,
/// and its answer names others than the one that was hit and not that one, in its head or in its text, it is
/// not the fault's.
Figures figures_of(const std::vector<Asked>& asked, const Hit& hit,
                   const std::function<std::string(std::int64_t)>& shard_of);

}  // namespace shardplex::chaos
