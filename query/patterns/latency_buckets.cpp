#include "query/patterns/latency_buckets.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace shardplex {

std::uint64_t percentile(const LatencyCounts& counts, double share) {
  const auto all = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  if (all == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(all)));
  const auto rank = std::clamp<std::uint64_t>(wanted, 1, all);
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  while (bucket + 1 < counts.size() && (seen += counts[bucket]) < rank) ++bucket;
  return longest_of_bucket(bucket);
}

}  // namespace shardplex
