#include "operations/cluster/statements.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

using namespace shardplex::operations;

TEST_CASE("statements of one text are one, with what each shard has spent") {
  ShardStatements alpha, gamma;
  alpha.statements["SELECT $1"] = {4, 8, 30};
  alpha.statements["DELETE"] = {1, 1, 5};
  gamma.statements["SELECT $1"] = {2, 2, 10};
  const auto shared = shared_statements({alpha, std::nullopt, gamma});
  REQUIRE(shared.size() == 2);
  CHECK(shared[0].text == "DELETE");
  CHECK(shared[1].text == "SELECT $1");
  REQUIRE(shared[1].shards.size() == 3);
  CHECK(shared[1].shards[2].calls == 2);
  CHECK(shared[1].sum().calls == 6);
  CHECK(shared[1].sum().rows == 10);
  CHECK(shared[1].sum().milliseconds == 40);
  CHECK(shared_statements({std::nullopt}).empty());
}

TEST_CASE("skew is the busiest shard's time over the mean of those that are known") {
  ShardStatements alpha, beta;
  alpha.statements["a"] = {1, 1, 30};
  beta.statements["a"] = {1, 1, 10};
  alpha.statements["b"] = {1, 1, 7};
  beta.statements["c"] = {1, 1, 0};
  const std::vector<bool> known{true, false, true};
  const auto shared = shared_statements({alpha, std::nullopt, beta});
  REQUIRE(shared.size() == 3);
  CHECK(skew_of(shared[0], known).ratio == 1.5);
  CHECK(skew_of(shared[0], known).busiest == 0u);
  CHECK(skew_of(shared[1], known).ratio == 2.0);
  CHECK(skew_of(shared[2], known).ratio == 1.0);
  CHECK_FALSE(skew_of(shared[2], known).busiest.has_value());
}
