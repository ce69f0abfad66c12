// The movies API: from a request to its answer.
#pragma once

#include "router/execution/worker.hpp"
#include "router/http/answer.hpp"
#include "router/http/call.hpp"

namespace shardplex::router {

/// Answers one request of the public port: finds its endpoint, runs it, says which shards were asked and how
/// long each stage took.
Awaitable<Answer> serve(Worker& worker, Call& call);

}  // namespace shardplex::router
