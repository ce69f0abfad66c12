#include "router/descriptors.hpp"

#include <algorithm>
#include <string>

namespace shardplex::router {
namespace {

constexpr std::size_t own = 64;          // event loops, listeners, logs, the map, cancels
constexpr std::size_t spare = 16;        // per worker: connections that are being turned away
constexpr std::size_t least = 16;        // client connections per worker that are worth starting for
constexpr std::size_t more_servers = 2;  // shards and replicas may be added while the router runs

}  // namespace

Result<std::size_t> client_connections(std::size_t descriptors, std::size_t workers, std::size_t servers,
                                       const Settings& settings) {
  std::size_t per_server = 0;
  for (const auto& lane : settings.pool.lanes) per_server += lane.connections;
  const auto control = postgres::lane_count;  // connections of the control thread to each server
  const auto reserved =
      own + admin_connections + workers * spare + more_servers * servers * (workers * per_server + control);
  const auto left = descriptors > reserved ? (descriptors - reserved) / workers : 0;
  if (left >= least) return std::min(left, settings.limits.connections_per_worker);
  return Error{"SHARD500", "Too few file descriptors are allowed",
               "RLIMIT_NOFILE is " + std::to_string(descriptors) + ", of which " + std::to_string(reserved) +
                   " are kept for servers and the admin port.",
               "Raise it (ulimit -n, LimitNOFILE= of systemd), or use fewer --workers or connections.",
               std::nullopt};
}

}  // namespace shardplex::router
