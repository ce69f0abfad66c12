#include "router/topology/server_pools.hpp"

#include <doctest/doctest.h>

using namespace shardplex;
using namespace shardplex::router;

TEST_CASE("the connections to a server are shared by those who watch it, and closed with the last of them") {
  asio::io_context io(1);
  ServerPools pools(io, {});
  pools.hold("host=a");
  const auto* pool = &pools.at("host=a");
  pools.hold("host=a");
  CHECK(&pools.at("host=a") == pool);
  pools.hold("host=b");
  CHECK(pools.size() == 2);
  pools.release("host=a");
  CHECK(&pools.at("host=a") == pool);
  pools.release("host=a");
  CHECK(pools.size() == 1);
}
