// Times in buckets that are an eighth of their time wide, so that percentiles of any number of requests take
// little memory, and those of several workers and routers can be added up.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace shardplex {

/// Microseconds below 16 have a bucket each; from there on each power of two has eight, up to 2^32, which is
/// over an hour. Longer times are in the last.
inline constexpr std::size_t latency_buckets = 16 + 28 * 8;

using LatencyCounts = std::array<std::uint64_t, latency_buckets>;

constexpr std::size_t latency_bucket(std::uint64_t microseconds) {
  if (microseconds < 16) return static_cast<std::size_t>(microseconds);
  const auto power = static_cast<unsigned>(std::bit_width(microseconds)) - 1;
  if (power > 31) return latency_buckets - 1;
  return 16 + (power - 4) * 8 + static_cast<std::size_t>((microseconds >> (power - 3)) & 7U);
}

/// The longest time, in microseconds, that the bucket counts.
constexpr std::uint64_t longest_of_bucket(std::size_t bucket) {
  if (bucket < 16) return bucket;
  const auto power = 4 + (bucket - 16) / 8, eighth = (bucket - 16) % 8;
  return ((std::uint64_t{8} + eighth + 1) << (power - 3)) - 1;
}

/// The time in microseconds that `share` of the requests, from 0 to 1, took no longer than: at most an eighth
/// above the exact one, and never below it. 0 where there are none.
std::uint64_t percentile(const LatencyCounts& counts, double share);

}  // namespace shardplex
