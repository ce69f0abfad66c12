#include "query/patterns/latency_buckets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

using namespace shardplex;

TEST_CASE("a bucket is an eighth of its times wide, and each time is in one") {
  for (std::uint64_t time = 0; time < 100'000; ++time) {
    const auto bucket = latency_bucket(time);
    const auto longest = longest_of_bucket(bucket);
    const bool fits = longest >= time && longest <= time + time / 8 &&
                      (bucket == 0 || longest_of_bucket(bucket - 1) < time);
    if (!fits) {
      CAPTURE(time);
      FAIL("it is in the wrong bucket");
    }
  }
  for (std::size_t bucket = 0; bucket < latency_buckets; ++bucket)
    CHECK(latency_bucket(longest_of_bucket(bucket)) == bucket);
}

TEST_CASE("times of hours are in the last bucket") {
  CHECK(longest_of_bucket(latency_buckets - 1) == 0xFFFF'FFFF);
  CHECK(latency_bucket(0x1'0000'0000) == latency_buckets - 1);
  CHECK(latency_bucket(~std::uint64_t{0}) == latency_buckets - 1);
}

TEST_CASE("a percentile is the exact one or at most an eighth above it") {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> times(6, 2);
  for (const std::size_t count : {1UL, 2UL, 19UL, 20UL, 1'000UL}) {
    LatencyCounts counts{};
    std::vector<std::uint64_t> exact;
    for (std::size_t i = 0; i < count; ++i) exact.push_back(static_cast<std::uint64_t>(times(random)));
    for (const auto time : exact) ++counts[latency_bucket(time)];
    std::ranges::sort(exact);
    for (const double share : {0.0, 0.5, 0.95, 0.99, 1.0}) {
      CAPTURE(count);
      CAPTURE(share);
      const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(count)));
      const auto wanted = exact[std::max<std::size_t>(rank, 1) - 1];
      CHECK(percentile(counts, share) >= wanted);
      CHECK(percentile(counts, share) <= wanted + wanted / 8);
    }
  }
  CHECK(percentile(LatencyCounts{}, 0.5) == 0);
}
