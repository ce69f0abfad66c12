// Finding out by which keys a read's rows are kept, before they are looked through.
#pragma once

#include "query/plan/routed_plan.hpp"
#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// The read of rows alone that the lookup read.keys_first can find rows for; the read as it is where it has
/// no such lookup, or that has too many keys.
Awaitable<Result<RowsRead>> with_keys_first(RequestContext& context, const RowsRead& read);

}  // namespace shardplex::router
