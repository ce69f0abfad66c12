#include "router/topology/watched_shard.hpp"

#include <algorithm>
#include <utility>

namespace shardplex::router {

WatchedShard::WatchedShard(const Shard& shard, std::shared_ptr<const ShardMap> read_for)
    : name(shard.name), map(std::move(read_for)), servers(1 + shard.replicas.size()) {
  for (std::size_t i = 0; i < servers.size(); ++i) {
    ServerState server;
    server.name = i == 0 ? name : name + "-" + std::to_string(i);
    server.conninfo = i == 0 ? shard.primary : shard.replicas[i - 1];
    server.address = address_of(server.conninfo);
    server.problem = "not reached yet";
    server.pulse = std::make_shared<postgres::ServerPulse>();
    state.servers.push_back(std::move(server));
  }
}

void WatchedShard::assess_health(std::chrono::milliseconds max_replica_lag, KnownTimeline& newest,
                                 bool others_heard) {
  if (std::exchange(ruling, newest.ruling) != newest.ruling) {
    timeline = 0;
    // Whoever was stopped before the ruling must not undo it by what is remembered of it. Those that are
    // there say again what they are.
    for (auto& server : servers) server.overruled = true;
  }
  const HealthCriteria criteria{
      .cluster = map->cluster(),
      .shard = name,
      .max_replica_lag = max_replica_lag,
      .known_timeline = newest.timeline,
      .known_ruling = newest.ruling,
      .others_heard = others_heard,
      .epoch = ownership ? std::optional(ownership->epoch) : std::nullopt,
  };
  const auto choice = choose_primary(criteria, servers);
  newest.timeline = choice.newest_timeline;
  state = router::assess_health(criteria, servers, choice, std::move(state));
}

std::optional<std::size_t> WatchedShard::best_server() const {
  if (state.primary) return state.primary;
  for (std::size_t i = 0; i < servers.size(); ++i)
    if (servers[i].up && servers[i].status.initialised && state.servers[i].problem.empty()) return i;
  return std::nullopt;
}

bool WatchedShard::needs_tables(std::size_t server) const {
  return !tables || (state.primary == server && !tables_of_primary);
}

std::int64_t WatchedShard::timeline_of(std::size_t server) const {
  const auto& status = servers[server].status;
  return status.in_recovery ? timeline : status.timeline;
}

bool WatchedShard::has_newer_report(std::size_t server) const {
  if (timeline_of(server) > timeline) return true;
  const auto& theirs = servers[server].status.epoch;
  return ownership ? epoch < theirs : epoch <= theirs;
}

void WatchedShard::take_report(ShardOwnership report, std::int64_t on) {
  failure.clear();
  timeline = on;
  epoch = report.epoch;
  ownership = std::move(report);
}

void WatchedShard::inherit(const WatchedShard& before, bool report_holds, bool same_schemas) {
  timeline = before.timeline;
  ruling = before.ruling;
  epoch = before.epoch;
  directory = before.directory;
  if (report_holds) ownership = before.ownership;
  tables = before.tables;
  tables_of_primary = before.tables_of_primary;
  if (same_schemas) tables_fingerprint = before.tables_fingerprint;
}

bool WatchedShard::settled() const {
  return std::ranges::all_of(servers, &ProbedServer::settled);
}

}  // namespace shardplex::router
