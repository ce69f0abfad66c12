#include "query/advice/load_advice.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

using namespace shardplex;

namespace {

/// Two shards with four slots each.
ClusterLoad two_shards(std::vector<std::uint64_t> requests) {
  const ShardId alpha{0}, beta{1};
  return {{{"alpha", false}, {"beta", false}},
          {{"catalog", {alpha, alpha, alpha, alpha, beta, beta, beta, beta}, std::move(requests)}}};
}

std::vector<AdviceKind> kinds_of_load(const Advised& advised) {
  std::vector<AdviceKind> kinds;
  for (const auto& advice : advised.advice) kinds.push_back(advice.kind);
  return kinds;
}

}  // namespace

TEST_CASE("an even load needs nothing") {
  const auto advised =
      advise_load(two_shards({2'000, 2'000, 2'000, 2'000, 2'000, 2'000, 2'000, 2'000}), {}, {});
  CHECK(advised.advice.empty());
  CHECK(advised.not_judged.empty());
}

TEST_CASE("an uneven load is told with the shards' parts before and after the moves that would even it") {
  const auto advised =
      advise_load(two_shards({3'000, 3'000, 3'000, 3'000, 1'000, 1'000, 1'000, 1'000}), {}, {});
  REQUIRE(kinds_of_load(advised) == std::vector{AdviceKind::uneven_load});
  CHECK(advised.advice[0].subject == "catalog");
  CHECK(advised.advice[0].evidence[0].says.starts_with("16000 requests: alpha 75 %, beta 25 %; after "));
  CHECK(advised.advice[0].steps[0].text ==
        "shardplex rebalance plan --map FILE --by load --router URL --out plan.yaml");
}

TEST_CASE("a slot with more than a shard's fair share is told with what it holds") {
  const auto load = two_shards({18'000, 0, 0, 0, 500, 500, 500, 500});
  const auto hot = hot_slots(load, {});
  REQUIRE(hot.size() == 1);
  CHECK(hot[0].slot == Slot{0});
  CHECK(hot[0].shard == "alpha");
  const SlotContent content{"catalog", Slot{0}, {{"ratings", "42", 900}, {"movies", "42", 1}}, 7, ""};
  const auto advised = advise_load(load, {content}, {});
  REQUIRE(kinds_of_load(advised) == std::vector{AdviceKind::hot_slot});
  CHECK(advised.advice[0].evidence[0].says ==
        "90 % of 20000 requests, where each of 2 shards would have 50 %");
  CHECK(
      advised.advice[0].evidence[1].says.starts_with("it has 7 keys; those with the most rows: ratings 42 "
                                                     "(900 rows), movies 42 (1 row). Routers count slots"));
  const auto unknown =
      advise_load(load, {SlotContent{"catalog", Slot{0}, {}, 0, "alpha does not answer"}}, {});
  CHECK(unknown.advice[0].evidence[1].says == "its keys are not known: alpha does not answer");
}

TEST_CASE("of few requests nothing is said") {
  const auto load = two_shards({9'999, 0, 0, 0, 0, 0, 0, 0});
  CHECK(hot_slots(load, {}).empty());
  const auto advised = advise_load(load, {}, {});
  CHECK(advised.advice.empty());
  REQUIRE(advised.not_judged.size() == 1);
  CHECK(advised.not_judged[0] ==
        "load of group catalog: the routers have counted 9999 requests, and 10000 are asked for (ten times "
        "--min-calls)");
  CHECK(hot_slots(load, {.least_calls = 10}).size() == 1);
}
