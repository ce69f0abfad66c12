#include "router/topology/health_watch.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <exception>
#include <utility>

#include "router/topology/hang_watch.hpp"

namespace shardplex::router {
namespace {

constexpr auto between_looks = std::chrono::milliseconds(50);  // at tables, that requests ask for

}  // namespace

HealthWatch::HealthWatch(asio::io_context& io, const Settings& settings, Hooks hooks)
    : io_(io),
      settings_(settings),
      hooks_(std::move(hooks)),
      pools_(io, settings.pool),
      prober_(pools_, settings.max_replica_lag) {}

void HealthWatch::start() {
  pools_.start();
}

void HealthWatch::stop() {
  stopping_ = true;
  for (const auto& watch : watches_) watch->end();
}

void HealthWatch::watch(const WatchedShardPtr& shard) {
  if (stopping_) return;
  for (std::size_t server = 0; server < shard->servers.size(); ++server) {
    const auto& conninfo = shard->state.servers[server].conninfo;
    pools_.hold(conninfo);
    pools_.at(conninfo).when_reached([this, conninfo] { probe_at_once(conninfo); });
    watches_.push_back(std::make_shared<ServerWatch>(
        shard, server, asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>(io_)));
    asio::co_spawn(io_, run(watches_.back()), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);  // a broken invariant: ends the process, loudly
    });
  }
}

void HealthWatch::leave(const WatchedShard& shard) {
  for (const auto& watch : watches_)
    if (watch->shard.get() == &shard) watch->end();
}

bool HealthWatch::probe_closely() {
  if (!schedule_.request_close_probes(Clock::now())) return false;
  for (const auto& watch : watches_) watch->wake.cancel();
  return true;
}

void HealthWatch::probe_now() {
  for (const auto& watch : watches_) watch->probe_now();
}

void HealthWatch::hear_timeline(const WatchedShardPtr& shard, std::int64_t timeline) {
  if (stopping_) return;
  asio::co_spawn(io_, take_in_timeline(shard, timeline), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);  // a broken invariant: ends the process, loudly
  });
}

Awaitable<void> HealthWatch::take_in_timeline(WatchedShardPtr shard, std::int64_t timeline) {
  co_await prober_.hear_timeline(*shard, timeline);
  if (!stopping_) hooks_.changed(prober_.take_changes());
}

void HealthWatch::look_at_tables() {
  const auto now = Clock::now();
  const bool comes = looked_at_tables_ > now;  // for an earlier request, and will do for this one
  if (!comes) looked_at_tables_ = std::max(now, looked_at_tables_ + between_looks);
  for (const auto& watch : watches_) {
    if (watch->shard->best_server() != watch->server) continue;
    watch->shard->tables_due = now;
    if (!comes) watch->probe_at(looked_at_tables_);
  }
}

postgres::Pool& HealthWatch::pool(const WatchedShard& shard, std::size_t server) {
  return pools_.at(shard.state.servers[server].conninfo);
}

Awaitable<void> HealthWatch::run(ServerWatchPtr self) {
  while (!self->ended) {
    co_await probe_and_follow(*self);
    if (!self->ended) co_await wait_for_next_probe(*self);
  }
  pools_.release(self->shard->state.servers[self->server].conninfo);
  std::erase(watches_, self);
}

/// A probe, and what else is asked of the server on that occasion.
Awaitable<void> HealthWatch::probe_and_follow(ServerWatch& self) {
  const auto& state = self.shard->state.servers[self.server];
  const HangWatch watch(io_, pools_.at(state.conninfo), state.pulse);
  const auto result = co_await probe(self);
  self.shard->servers[self.server].settled = true;
  note_first_round();
  if (self.ended) co_return;
  if (result.changed) hooks_.changed(prober_.take_changes());
  co_await hooks_.probed(self.shard, self.server);
  if (watch.gave_up()) self.probe_due = Clock::now();
}

/// No primary is written to before.
void HealthWatch::note_first_round() {
  const auto probed = [](const ServerWatchPtr& watch) { return watch->shard->servers[watch->server].probed; };
  if (first_round_over_ || !std::ranges::all_of(watches_, probed)) return;
  first_round_over_ = true;
  prober_.heard_all();
  probe_now();
}

Awaitable<Prober::Result> HealthWatch::probe(ServerWatch& self) {
  Prober::Result result;
  if (Clock::now() < self.probe_due) {
    result = co_await prober_.probe_epoch(*self.shard, self.server);
    if (result.whole_due) self.probe_due = Clock::now();
  } else {
    self.probe_due = Clock::now() + settings_.poll_interval;
    result = co_await prober_.probe(*self.shard, self.server);
  }
  if (result.new_report) probe_other_servers_now(self);
  co_return result;
}

/// The server is reached again: who waits for it need not wait for the next probe as well.
void HealthWatch::probe_at_once(const std::string& conninfo) {
  for (const auto& watch : watches_)
    if (watch->shard->state.servers[watch->server].conninfo == conninfo) watch->probe_now();
}

/// They were measured by the epoch that the shard had.
void HealthWatch::probe_other_servers_now(const ServerWatch& self) {
  for (const auto& other : watches_)
    if (other->shard == self.shard && other->server != self.server) other->probe_now();
}

Awaitable<void> HealthWatch::wait_for_next_probe(ServerWatch& self) {
  const auto last = Clock::now();
  while (!self.ended) {
    const auto now = Clock::now();
    const bool speaks_for_shard = self.shard->ownership && self.shard->best_server() == self.server;
    const auto next = schedule_.next_probe(now, self.probe_due, last, speaks_for_shard);
    if (now >= next) break;
    self.wake.expires_at(next);
    boost::system::error_code ignored;  // a cancelled wait: something is due earlier
    co_await self.wake.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
}

}  // namespace shardplex::router
