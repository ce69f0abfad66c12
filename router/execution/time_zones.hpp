// The time zones that the shards know by name.
#pragma once

#include <string>

#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// Whether pg_timezone_names has the name, as any one shard has it. It is read once for each worker: servers
/// take their zones from files that change with the year.
Awaitable<Result<bool>> is_time_zone(RequestContext& context, const std::string& name);

}  // namespace shardplex::router
