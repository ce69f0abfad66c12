#include "router/execution/scatter_gather.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace shardplex;
using namespace shardplex::router;

TEST_CASE("a shard is asked for its fair share and two deviations, and never for none") {
  CHECK(expected_rows(20, 512, 1024) == 16);  // 10 + 2 * 2.24, rounded up, and one
  CHECK(expected_rows(20, 341, 1024) == 12);
  CHECK(expected_rows(0, 512, 1024) == 1);
  CHECK(expected_rows(1000, 1024, 1024) == 1001);
}

TEST_CASE("the expected rows suffice for nearly all answers") {
  constexpr unsigned seed = 20;
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const std::uint32_t shards : {2u, 3u, 8u})
    for (const std::uint64_t rows : {1u, 20u, 100u, 1000u}) {
      CAPTURE(shards);
      CAPTURE(rows);
      constexpr int answers = 2000;
      int short_of = 0;
      const auto asked_for = expected_rows(rows, 1024 / shards, 1024 / shards * shards);
      for (int answer = 0; answer < answers; ++answer) {
        std::uint64_t on_first = 0;
        for (std::uint64_t row = 0; row < rows; ++row) on_first += random() % shards == 0;
        short_of += on_first > asked_for;
      }
      CHECK(short_of <= answers / 30);
    }
}

TEST_CASE("a fault of a route is worth another look, unless a shard is silent") {
  const RouteFault fenced{RouteFault::Kind::fenced, "catalog", Slot{7}, "alpha"};
  const RouteFault silent{RouteFault::Kind::shard_unknown, "catalog", Slot{7}, "beta"};
  REQUIRE(std::holds_alternative<Replan>(to_attempt(fenced)));
  CHECK(std::get<Replan>(to_attempt(fenced)).reason ==
        "slot 7 of group catalog is being handed over by shard alpha");
  REQUIRE(std::holds_alternative<Error>(to_attempt(silent)));
  const auto error = std::get<Error>(to_attempt(silent));
  CHECK(error.code == "SHARD503");
  CHECK(http_status(error) == 503);
  CHECK(error.details->find("beta") != std::string::npos);
}
