// The time zones that the shards know by name.
#pragma once

#include <optional>
#include <string>

#include "router/execution/request_context.hpp"
#include "router/settings.hpp"

namespace shardplex::router {

/// Whether pg_timezone_names has the name, as any one shard has it. It is read once for each worker: servers
/// take their zones from files that change with the year.
Awaitable<Result<bool>> is_time_zone(RequestContext& context, const std::string& name);

/// Whether statements of such a request run in UTC. `time_zone`: RequestContext::time_zone. Where the servers
/// are set to another zone meanwhile, the request may still be answered in UTC.
bool runs_in_utc(const Settings& settings, const std::optional<std::string>& time_zone);

}  // namespace shardplex::router
