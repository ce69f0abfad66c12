#include "operations/move/routers.hpp"

#include <doctest/doctest.h>

using namespace shardplex;
using namespace shardplex::operations;

TEST_CASE("a router objects to a shard that it does not route to, or whose tables it does not serve") {
  const RouterSeen router{"r1",
                          "web3, process 7",
                          {.shards = {{"alpha", ""}, {"beta", "connection refused"}},
                           .tables = {{"movies", "its columns differ"}}}};
  CHECK_FALSE(objection(router, "alpha", {"ratings"}));
  CHECK(objection(router, "alpha", {"ratings", "movies"}) ==
        "router web3, process 7 does not serve table movies: its columns differ");
  CHECK(objection(router, "beta", {"ratings"}) ==
        "router web3, process 7 has not accepted shard beta: connection refused");
  CHECK(objection(router, "gamma", {})->starts_with("router web3, process 7 does not know of shard gamma"));
}
