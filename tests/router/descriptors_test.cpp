#include "router/descriptors.hpp"

#include <doctest/doctest.h>

using namespace shardplex::router;

TEST_CASE("clients have the descriptors that servers and the admin port do not need") {
  Settings settings;
  settings.limits.connections_per_worker = 1000;
  for (auto& lane : settings.pool.lanes) lane = {5, 1};
  // 64 + 100, 16 per worker, and twice 3 servers of 2 workers with 20 connections and 4 of the control
  // thread.
  const std::size_t reserved = 64 + 100 + 2 * 16 + 2 * 3 * (2 * 20 + 4);
  CHECK(client_connections(reserved + 2 * 100, 2, 3, settings).value() == 100);
  CHECK(client_connections(1'000'000, 2, 3, settings).value() == 1000);
}

TEST_CASE("a router that could have no clients is not started") {
  const auto refused = client_connections(256, 4, 3, Settings());
  REQUIRE(refused.has_error());
  CHECK(refused.error().details->find("RLIMIT_NOFILE is 256") != std::string::npos);
}
