// From a path and a method to the function that answers it.
#pragma once

#include <string>
#include <string_view>

#include "router/execution/worker.hpp"
#include "router/http/exchange.hpp"

namespace shardplex::router {

/// Answers one request of the public port: finds the endpoint, runs it, adds Shardplex-Shards and
/// Server-Timing, counts it.
Awaitable<void> serve(Worker& worker, Exchange& exchange);

}  // namespace shardplex::router
