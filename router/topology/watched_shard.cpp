#include "router/topology/watched_shard.hpp"

#include <algorithm>
#include <utility>

namespace shardplex::router {
namespace {

/// The furthest any server of the shard is known to have written. A replica that receives nothing cannot tell
/// how far behind it is; while its primary is down too, it is as good as any.
std::int64_t newest_lsn(const std::vector<WatchedServer>& servers) {
  std::int64_t newest = 0;
  for (const auto& server : servers)
    if (server.up && !server.status.in_recovery) newest = std::max(newest, server.status.wal_lsn);
  return newest;
}

}  // namespace

WatchedShard::WatchedShard(const Shard& shard, std::shared_ptr<const ShardMap> read_for)
    : name(shard.name), map(std::move(read_for)), servers(1 + shard.replicas.size()) {
  for (std::size_t i = 0; i < servers.size(); ++i) {
    ServerState server;
    server.name = i == 0 ? name : name + "-" + std::to_string(i);
    server.conninfo = i == 0 ? shard.primary : shard.replicas[i - 1];
    server.address = address_of(server.conninfo);
    server.problem = "not reached yet";
    state.servers.push_back(std::move(server));
  }
}

void WatchedShard::judge(std::chrono::milliseconds max_replica_lag, std::int64_t& newest_timeline) {
  const auto is_ours = [this](const postgres::ServerStatus& status) {
    return status.cluster == map->cluster() && status.shard == name;
  };
  for (const auto& seen : servers)
    if (seen.up && is_ours(seen.status)) newest_timeline = std::max(newest_timeline, seen.status.timeline);
  state.primary.reset();
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto& seen = servers[i];
    const auto& status = seen.status;
    auto& server = state.servers[i];
    if (!seen.looked_at) continue;
    server.up = seen.up;
    server.writable = server.readable = false;
    server.problem.clear();
    if (!seen.up) {
      server.problem = seen.failure;
      continue;
    }
    server.timeline = status.timeline;
    server.wal_lsn = status.wal_lsn;
    server.lag_seconds = status.in_recovery ? status.replay_lag_seconds : std::nullopt;
    server.epoch = status.epoch;
    if (!status.initialised) {
      server.problem = "not initialised: run 'shardplex cluster init'";
    } else if (!is_ours(status)) {
      server.problem = "is shard '" + status.shard + "' of cluster '" + status.cluster + "', not '" + name +
                       "' of '" + map->cluster() + "'";
    } else if (!status.in_recovery) {
      // What another server has ever been seen to have left behind is not written to, also while that one is
      // away.
      if (status.timeline < newest_timeline || state.primary) {
        server.problem = "an old primary on an earlier timeline";
      } else {
        server.writable = server.readable = true;
        state.primary = i;
      }
    } else {
      const auto limit = std::chrono::duration<double>(max_replica_lag).count();
      if (ownership && status.epoch < ownership->epoch)
        server.problem = "behind the map";
      else if (status.replay_lag_seconds.value_or(0) > limit)
        server.problem = "lags behind";
      else if (!status.receives_wal && status.wal_lsn < newest_lsn(servers))
        server.problem = "is cut off from its primary";
      server.readable = server.problem.empty();
    }
  }
}

std::optional<std::size_t> WatchedShard::best_server() const {
  if (state.primary) return state.primary;
  for (std::size_t i = 0; i < servers.size(); ++i)
    if (servers[i].up && servers[i].status.initialised && state.servers[i].problem.empty()) return i;
  return std::nullopt;
}

std::int64_t WatchedShard::timeline_of(std::size_t server) const {
  const auto& status = servers[server].status;
  return status.in_recovery ? timeline : status.timeline;
}

bool WatchedShard::is_news(std::size_t server) const {
  if (timeline_of(server) > timeline) return true;
  const auto& theirs = servers[server].status.epoch;
  return ownership ? epoch < theirs : epoch <= theirs;
}

bool WatchedShard::settled() const {
  return std::ranges::all_of(servers, &WatchedServer::settled);
}

}  // namespace shardplex::router
