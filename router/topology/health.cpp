#include "router/topology/health.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex::router {
namespace {

bool is_of(const postgres::ServerStatus& status, const std::string& cluster, const std::string& shard) {
  return status.cluster == cluster && status.shard == shard;
}

/// The furthest any server of the shard is known to have written. A replica that receives nothing cannot tell
/// how far behind it is; while its primary is down too, it is as good as any.
std::int64_t newest_lsn(const std::vector<ProbedServer>& servers) {
  std::int64_t newest = 0;
  for (const auto& server : servers)
    if (server.up && !server.status.in_recovery) newest = std::max(newest, server.status.wal_lsn);
  return newest;
}

/// Why a replica is not read; empty where it is.
std::string problem_of_replica(const HealthCriteria& criteria, const postgres::ServerStatus& status,
                               std::int64_t written_lsn) {
  const auto limit = std::chrono::duration<double>(criteria.max_replica_lag).count();
  if (criteria.epoch && status.epoch < *criteria.epoch) return "behind the map";
  if (status.replay_lag_seconds.value_or(0) > limit) return "lags behind";
  if (!status.receives_wal && status.wal_lsn < written_lsn) return "is cut off from its primary";
  return {};
}

/// Why a server that is up is not used; empty where it is.
std::string problem_of(const HealthCriteria& criteria, const postgres::ServerStatus& status,
                       std::int64_t written_lsn, bool has_primary) {
  if (!status.initialised) return "not initialised: run 'shardplex cluster init'";
  if (!is_of(status, criteria.cluster, criteria.shard))
    return "is shard '" + status.shard + "' of cluster '" + status.cluster + "', not '" + criteria.shard +
           "' of '" + criteria.cluster + "'";
  if (status.in_recovery) return problem_of_replica(criteria, status, written_lsn);
  if (has_primary && status.timeline >= criteria.newest_timeline)
    return "a second primary on the same timeline";
  if (status.timeline < criteria.newest_timeline)
    return "an old primary on an earlier timeline (" + std::to_string(status.timeline) + "; " +
           std::to_string(criteria.newest_timeline) + " is known)";
  if (!criteria.others_heard) return "its timeline is being looked up in the other shards";
  return {};
}

}  // namespace

std::int64_t newest_timeline(const std::string& cluster, const std::string& shard,
                             const std::vector<ProbedServer>& servers, std::int64_t before) {
  for (const auto& server : servers)
    if (server.up && !server.overruled && is_of(server.status, cluster, shard))
      before = std::max(before, server.status.timeline);
  return before;
}

ShardState assess_health(const HealthCriteria& criteria, const std::vector<ProbedServer>& servers,
                         ShardState state) {
  invariant(servers.size() == state.servers.size(), "every server has its state");
  const auto written_lsn = newest_lsn(servers);
  state.primary.reset();
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto& [probed, settled, up, failure, hangs, status, overruled] = servers[i];
    if (!probed) continue;
    auto& server = state.servers[i];
    server.up = up;
    server.hangs = !up && hangs;
    server.writable = server.readable = false;
    server.problem = up ? problem_of(criteria, status, written_lsn, state.primary.has_value()) : failure;
    if (!up) continue;
    server.timeline = status.timeline;
    server.wal_lsn = status.wal_lsn;
    server.lag_seconds = status.in_recovery ? status.replay_lag_seconds : std::nullopt;
    server.epoch = status.epoch;
    server.readable = server.problem.empty();
    server.writable = server.readable && !status.in_recovery;
    if (server.writable) state.primary = i;
  }
  return state;
}

bool same_health(const ServerState& a, const ServerState& b) {
  return a.up == b.up && a.writable == b.writable && a.readable == b.readable && a.problem == b.problem;
}

}  // namespace shardplex::router
