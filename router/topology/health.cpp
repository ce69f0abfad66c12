#include "router/topology/health.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex::router {
namespace {

/// The furthest that a primary of the shard is known to have written, also one that was replaced, but not
/// what was given up. A replica that receives nothing cannot tell how far behind it is; while its primary is
/// down too, it is as good as any.
std::int64_t written_lsn(const std::vector<ProbedServer>& servers, const PrimaryChoice& choice) {
  std::int64_t written = 0;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto standing = choice.servers[i].standing;
    if (standing == Standing::silent || standing == Standing::replica || standing == Standing::stranger ||
        standing == Standing::uninitialised || standing == Standing::overruled)
      continue;
    written = std::max(written, servers[i].status.wal_lsn);
  }
  return written;
}

/// Why a replica is not read; empty where it is.
std::string problem_of_replica(const HealthCriteria& criteria, const postgres::ServerStatus& status,
                               std::int64_t written_lsn) {
  const auto limit = std::chrono::duration<double>(criteria.max_replica_lag).count();
  if (criteria.epoch && status.epoch < *criteria.epoch) return "behind the map";
  if (status.replay_lag_seconds.value_or(0) > limit) return "lags behind";
  if (status.wal_lsn >= written_lsn) return {};
  if (!status.receives_wal) return "is cut off from its primary";
  if (!status.replay_lag_seconds) return "cannot tell how far it lags behind";
  return {};
}

/// Why a server is not used; empty where it is.
std::string problem_of(const HealthCriteria& criteria, const ProbedServer& server, const JudgedServer& judged,
                       std::int64_t written_lsn) {
  if (judged.standing == Standing::silent) return server.failure;
  if (judged.standing == Standing::replica) return problem_of_replica(criteria, server.status, written_lsn);
  return judged.reason;
}

}  // namespace

PrimaryChoice choose_primary(const HealthCriteria& criteria, const std::vector<ProbedServer>& servers) {
  std::vector<ServerWord> words;
  for (const auto& server : servers)
    words.push_back({server.probed && server.up ? &server.status : nullptr, server.overruled});
  return shardplex::choose_primary({.cluster = criteria.cluster,
                                    .shard = criteria.shard,
                                    .known_timeline = criteria.known_timeline,
                                    .known_ruling = criteria.known_ruling,
                                    .others_heard = criteria.others_heard},
                                   words);
}

ShardState assess_health(const HealthCriteria& criteria, const std::vector<ProbedServer>& servers,
                         const PrimaryChoice& choice, ShardState state) {
  invariant(servers.size() == state.servers.size(), "every server has its state");
  invariant(servers.size() == choice.servers.size(), "every server was judged");
  const auto written = written_lsn(servers, choice);
  state.primary = choice.primary;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (!servers[i].probed) continue;
    const auto& status = servers[i].status;
    auto& server = state.servers[i];
    server.up = servers[i].up;
    server.hangs = !server.up && servers[i].hangs;
    server.problem = problem_of(criteria, servers[i], choice.servers[i], written);
    server.readable = server.up && server.problem.empty();
    server.writable = choice.primary == i;
    if (!server.up) continue;
    server.timeline = status.timeline;
    server.ruling = status.ruling.value_or(0);
    server.prepares = status.max_prepared_transactions > 0;
    server.wal_lsn = status.wal_lsn;
    server.lag_seconds = status.in_recovery ? status.replay_lag_seconds : std::nullopt;
    server.epoch = status.epoch;
  }
  return state;
}

bool same_health(const ServerState& a, const ServerState& b) {
  return a.up == b.up && a.writable == b.writable && a.readable == b.readable && a.problem == b.problem;
}

}  // namespace shardplex::router
