#include "router/execution/promotion_watch.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "router/execution/all_of.hpp"
#include "router/execution/worker.hpp"
#include "router/log.hpp"
#include "shard_schema/server_status.hpp"

namespace shardplex::router {
namespace {

constexpr auto patience = std::chrono::seconds(1);           // for an answer, and for a promotion to show
constexpr auto ask_again = std::chrono::milliseconds(10);    // while a replica receives nothing
constexpr auto keep = std::chrono::minutes(1);               // in mind, without any write that asks
constexpr auto look_again = std::chrono::milliseconds(500);  // whether one that receives nothing still does

const std::string role_sql =
    "SELECT s.cluster, s.name, recovery,"
    " EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL),"
    " CASE WHEN recovery THEN 0 ELSE " +
    std::string(primary_timeline_sql) +
    " END, CASE WHEN NOT recovery THEN (to_jsonb(s) ->> 'ruling')::int8 END FROM shardplex.shard s, "
    "pg_is_in_recovery() recovery";

/// The newest view has another primary for the shard than `view`. That it has none says nothing.
bool has_other_primary(const View& newest, const View& view, ShardId shard) {
  const auto& state = view.state(shard);
  const auto& name = view.map().shard(shard).name;
  const auto& shards = newest.map().shards();
  const auto same = std::ranges::find(shards, name, &Shard::name);
  if (same == shards.end()) return false;
  const auto& now = newest.snapshot->shards[static_cast<std::size_t>(same - shards.begin())];
  if (!now.primary) return false;
  const auto& theirs = now.servers[*now.primary];
  const auto& ours = state.servers[*state.primary];
  return theirs.conninfo != ours.conninfo &&
         KnownTimeline{theirs.ruling, theirs.timeline} > KnownTimeline{ours.ruling, ours.timeline};
}

}  // namespace

Statement role_statement() {
  return {role_sql, {}};
}

OtherServer role_of(const postgres::ResultSet& answer, const std::string& cluster, const std::string& shard,
                    std::int64_t timeline, std::int64_t ruling) {
  if (answer.rows() != 1 || answer.columns() != 6) return OtherServer::no_matter;
  if (answer.bytes(0, 0) != cluster || answer.bytes(0, 1) != shard) return OtherServer::no_matter;
  if (!answer.boolean(0, 2)) {
    const KnownTimeline theirs{answer.integer(0, 5).value_or(ruling), answer.integer(0, 4).value_or(0)};
    return theirs > KnownTimeline{ruling, timeline} ? OtherServer::promoted : OtherServer::no_matter;
  }
  return answer.boolean(0, 3) ? OtherServer::follows : OtherServer::detached;
}

PromotionWatch::PromotionWatch(asio::io_context& io, Refresher& refresher)
    : io_(io), refresher_(refresher), reads_(io, postgres::Lane::point) {}

Awaitable<bool> PromotionWatch::saw_promotion(const View& view, ShardId shard,
                                              std::shared_ptr<const View> newest) {
  if (has_other_primary(*newest, view, shard)) co_return true;
  const auto& state = view.state(shard);
  std::vector<Awaitable<OtherServer>> tasks;
  for (std::size_t server = 0; server < state.servers.size(); ++server)
    if (server != state.primary)
      tasks.push_back(ask({.pool = view.shards[shard.value].servers[server].pool,
                           .conninfo = state.servers[server].conninfo,
                           .cluster = view.map().cluster(),
                           .shard = view.map().shard(shard).name,
                           .timeline = state.servers[*state.primary].timeline,
                           .ruling = state.servers[*state.primary].ruling}));
  std::vector<OtherServer> roles;
  if (tasks.size() == 1)
    roles.push_back(co_await std::move(tasks.front()));
  else
    roles = co_await all_of(io_.get_executor(), std::move(tasks));
  if (std::ranges::find(roles, OtherServer::promoted) == roles.end()) co_return false;

  if (std::exchange(deposed_under_, view.snapshot->version) != view.snapshot->version) deposed_.clear();
  if (deposed_.insert(state.servers[*state.primary].conninfo).second)
    log_warning("a primary was replaced while it answered", {{"server", state.servers[*state.primary].name}});
  refresher_.request_probes();
  co_return true;
}

bool PromotionWatch::is_deposed(const View& view, ShardId shard) const {
  const auto& state = view.state(shard);
  return deposed_under_ == view.snapshot->version && state.primary &&
         deposed_.contains(state.servers[*state.primary].conninfo);
}

/// A promotion first ends the receiver of WAL, and what is written from then on will be lost. So a replica
/// without one is asked again until it is clear what it is about, but each time it comes off only once for
/// long.
Awaitable<OtherServer> PromotionWatch::ask(Beside server) {
  for (;;) {
    const auto role = co_await look_at(server);
    const auto known = detached_.find(server.conninfo);
    if (role != OtherServer::detached || known == detached_.end()) co_return role;
    known->second.wanted = Clock::now();
    if (Clock::now() - known->second.since >= patience) co_return role;
    asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> pause(io_, ask_again);
    co_await pause.async_wait(use_awaitable);
  }
}

/// One question. A server that does not answer may be another one when it does.
Awaitable<OtherServer> PromotionWatch::look_at(Beside server) {
  const auto answer = co_await reads_.read(server.pool, role_statement(), Clock::now() + patience);
  const auto role = answer ? role_of(**answer, server.cluster, server.shard, server.timeline, server.ruling)
                           : OtherServer::no_matter;
  const auto now = Clock::now();
  if (role == OtherServer::promoted) tell(server.shard, (*answer)->integer(0, 4).value_or(0));
  if (role != OtherServer::detached) {
    detached_.erase(server.conninfo);
    co_return role;
  }
  const auto [known, is_new] = detached_.try_emplace(server.conninfo);
  if (is_new) known->second = {.server = server, .since = now, .asked = now, .wanted = now};
  known->second.asked = now;
  co_return role;
}

/// The control thread need not meet the server itself.
void PromotionWatch::tell(const std::string& shard, std::int64_t timeline) {
  auto& told = told_[shard];
  if (Clock::now() - told < patience) return;
  told = Clock::now();
  refresher_.saw_timeline(shard, timeline);
}

void PromotionWatch::tick(Clock::time_point now) {
  std::erase_if(detached_, [&](const auto& entry) { return now - entry.second.wanted > keep; });
  std::vector<Beside> servers;
  for (auto& [conninfo, detached] : detached_) {
    if (now - detached.asked < look_again) continue;
    detached.asked = now;
    servers.push_back(detached.server);
  }
  for (auto& server : servers)
    asio::co_spawn(io_, look_at(std::move(server)), [](std::exception_ptr failure, OtherServer) {
      if (failure) std::rethrow_exception(failure);  // a broken invariant: ends the process, loudly
    });
}

}  // namespace shardplex::router
