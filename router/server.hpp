// The router as a whole: workers, control thread, admin port, signals.
#pragma once

#include <memory>

#include "router/settings.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::router {

/// Serves until SIGTERM or SIGINT has been answered by a drain; SIGHUP reads the map again. Returns the
/// process's exit code. Throws boost::system::system_error where a port cannot be listened on.
int run_server(const Settings& settings, std::shared_ptr<const ShardMap> map);

}  // namespace shardplex::router
