#include "router/execution/promotion_watch.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "router/execution/all_of.hpp"
#include "router/execution/worker.hpp"
#include "router/log.hpp"
#include "shard_schema/server_status.hpp"

namespace shardplex::router {
namespace {

constexpr auto patience = std::chrono::seconds(1);         // for an answer, and for a promotion to show
constexpr auto ask_again = std::chrono::milliseconds(10);  // while a replica receives nothing

const std::string role_sql =
    "SELECT s.cluster, s.name, recovery,"
    " EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL),"
    " CASE WHEN recovery THEN 0 ELSE " +
    std::string(primary_timeline_sql) + " END FROM shardplex.shard s, pg_is_in_recovery() recovery";

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
  return theirs.conninfo != ours.conninfo && theirs.timeline > ours.timeline;
}

}  // namespace

Statement role_statement() {
  return {role_sql, {}};
}

OtherServer role_of(const postgres::ResultSet& answer, const std::string& cluster, const std::string& shard,
                    std::int64_t timeline) {
  if (answer.rows() != 1 || answer.columns() != 5) return OtherServer::no_matter;
  if (answer.bytes(0, 0) != cluster || answer.bytes(0, 1) != shard) return OtherServer::no_matter;
  if (!answer.boolean(0, 2))
    return answer.integer(0, 4) > timeline ? OtherServer::promoted : OtherServer::no_matter;
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
    if (server != state.primary) tasks.push_back(ask(view, shard, server));
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
Awaitable<OtherServer> PromotionWatch::ask(const View& view, ShardId shard, std::size_t server) {
  const auto& state = view.state(shard);
  const auto& conninfo = state.servers[server].conninfo;
  const auto& pool = view.shards[shard.value].servers[server].pool;
  for (;;) {
    const auto answer = co_await reads_.read(pool, role_statement(), Clock::now() + patience);
    const auto role = answer ? role_of(**answer, view.map().cluster(), view.map().shard(shard).name,
                                       state.servers[*state.primary].timeline)
                             : OtherServer::no_matter;
    if (role != OtherServer::detached) {
      if (answer) detached_since_.erase(conninfo);
      co_return role;
    }
    const auto now = Clock::now();
    if (now - detached_since_.try_emplace(conninfo, now).first->second >= patience) co_return role;
    asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> pause(io_, ask_again);
    co_await pause.async_wait(use_awaitable);
  }
}

}  // namespace shardplex::router
