#include "router/execution/worker.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <exception>
#include <utility>

#include "postgres/hung_backends.hpp"

namespace shardplex::router {
namespace {

constexpr auto tick_interval = std::chrono::milliseconds(100);
constexpr auto stall_check_interval = std::chrono::milliseconds(200);
constexpr auto lately =
    std::chrono::seconds(2);  // longer than the control thread takes to look at all tables

}  // namespace

Worker::Worker(const Settings& settings, Refresher& refresher, IdSource& ids, WorkerMetrics& metrics)
    : settings_(settings),
      refresher_(refresher),
      ids_(ids),
      metrics_(metrics),
      batcher_(io_, metrics),
      insert_batcher_(io_),
      shared_reads_(io_),
      promotion_watch_(io_, refresher),
      big_answers_(io_, settings.big_answers),
      random_(std::random_device{}()) {}

Worker::~Worker() = default;

void Worker::adopt(SnapshotPtr snapshot) {
  asio::post(io_, [this, s = std::move(snapshot)]() mutable { install(std::move(s)); });
}

/// The server as the view has it; null where it does not.
const ServerState* Worker::known(const std::string& conninfo) const {
  if (!view_) return nullptr;
  for (const auto& shard : view_->snapshot->shards)
    for (const auto& server : shard.servers)
      if (server.conninfo == conninfo) return &server;
  return nullptr;
}

std::shared_ptr<postgres::Pool> Worker::pool_of(const ServerState& server) {
  const auto found = pools_.find(server.conninfo);
  if (found != pools_.end()) return found->second;
  auto settings = settings_.pool;
  settings.connection.conninfo = server.conninfo;
  auto pool = std::make_shared<postgres::Pool>(io_, std::move(settings));
  pool->when_reached([this] { take_chance(); });
  return pool;
}

void Worker::install(SnapshotPtr snapshot) {
  auto view = std::make_shared<View>();
  decltype(pools_) used;
  for (std::size_t i = 0; i < snapshot->shards.size(); ++i) {
    const auto& name = snapshot->map->shards()[i].name;
    auto& shard = view->shards.emplace_back();
    shard.metrics = &metrics_.shard(name);
    for (const auto& server : snapshot->shards[i].servers) {
      auto& pool = used[server.conninfo];
      if (!pool) pool = pool_of(server);
      pool->report_to(server.pulse);
      const auto* before = known(server.conninfo);
      if (server.hangs && !(before && before->hangs)) pool->give_up(server.problem);
      if (server.readable && !(before && before->readable)) {
        pool->connect_again();
        outages_.end(name);
      }
      shard.servers.push_back({pool});
    }
  }
  for (const auto& group : snapshot->map->groups())
    view->loads.push_back(&metrics_.load(group.name, group.slot_count));
  for (auto& [conninfo, pool] : pools_)
    if (!used.contains(conninfo)) retired_.push_back(std::move(pool));
  pools_ = std::move(used);
  if (view_ && view_->snapshot->catalogue != snapshot->catalogue) other_tables_since_ = Clock::now();
  view->snapshot = std::move(snapshot);
  view_ = std::move(view);

  for (const auto& waiter : std::exchange(waiters_, {})) waiter->cancel();
  take_chance();
}

/// Reads that wait for a server may find one.
void Worker::take_chance() {
  ++chances_;
  for (const auto& waiter : std::exchange(chance_waiters_, {})) waiter->cancel();
}

Awaitable<bool> Worker::next_chance(std::uint64_t seen, Deadline until) {
  if (chances_ != seen) co_return true;
  ++waiting_for_chance_;
  co_await wait(chance_waiters_, until);
  --waiting_for_chance_;
  co_return chances_ != seen;
}

bool Worker::tables_changed_lately() const {
  return Clock::now() < other_tables_since_ + lately;
}

Awaitable<void> Worker::newer_view(std::uint64_t version, Deadline until) {
  if (view_ && view_->snapshot->version > version) co_return;
  refresher_.request_refresh();
  co_await next_view(until);
}

Awaitable<void> Worker::newer_tables(std::shared_ptr<const Catalogue> known, Deadline until) {
  const auto asked = Clock::now();
  refresher_.request_tables();
  while (view_ && view_->snapshot->catalogue == known && view_->snapshot->tables_seen < asked &&
         Clock::now() < until)
    co_await next_view(until);
}

/// Waits for install(), but not beyond `until`.
Awaitable<void> Worker::next_view(Deadline until) {
  co_await wait(waiters_, until);
}

Awaitable<void> Worker::wait(Waiters& with, Deadline until) {
  const auto timer = std::make_shared<Timer>(io_, until);
  with.push_back(timer);
  boost::system::error_code ignored;  // cancelled when what is waited for comes
  co_await timer->async_wait(asio::redirect_error(use_awaitable, ignored));
}

void Worker::start() {
  arm_tick();
}

void Worker::stop() {
  ticker_.cancel();
  tick_handlers_.clear();
  waiters_.clear();
  chance_waiters_.clear();
  view_.reset();
  retired_.clear();
  pools_.clear();
}

void Worker::arm_tick() {
  ticker_.expires_after(tick_interval);
  ticker_.async_wait([this](boost::system::error_code ec) {
    if (ec) return;
    tick(Clock::now());
    arm_tick();
  });
}

void Worker::tick(Clock::time_point now) {
  for (const auto& [conninfo, pool] : pools_) pool->tick(now);
  big_answers_.tick(now);
  insert_batcher_.tick();
  promotion_watch_.tick(now);
  std::erase_if(retired_, [](const auto& pool) { return pool.use_count() == 1; });
  for (const auto& pool : retired_) pool->tick(now);
  for (auto* waiters : {&waiters_, &chance_waiters_})
    std::erase_if(*waiters, [](const auto& waiter) { return waiter.use_count() == 1; });
  if (now - stalls_checked_ >= stall_check_interval) check_stalls(now);
  for (const auto& handler : tick_handlers_) handler(now);
  publish_pool_gauges();
}

void Worker::check_stalls(Clock::time_point now) {
  stalls_checked_ = now;
  for (const auto& [conninfo, pool] : pools_) {
    if (pool->stalled(now, postgres::stalled_after).empty()) continue;
    asio::co_spawn(io_, postgres::replace_hung_backends(pool), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);  // a broken invariant: ends the process, loudly
    });
  }
}

void Worker::publish_pool_gauges() {
  if (!view_) return;
  for (std::size_t i = 0; i < view_->shards.size(); ++i)
    for (std::size_t role = 0; role < role_labels.size(); ++role)
      for (std::size_t lane = 0; lane < postgres::lane_count; ++lane) {
        postgres::LaneState sum;
        const auto& state = view_->snapshot->shards[i];
        for (std::size_t server = 0; server < state.servers.size(); ++server) {
          if (state.servers[server].writable != (static_cast<Role>(role) == Role::primary)) continue;
          const auto part = view_->shards[i].servers[server].pool->state(static_cast<postgres::Lane>(lane));
          sum.ready += part.ready;
          sum.in_flight += part.in_flight;
          sum.queued += part.queued;
          sum.connects += part.connects;
          sum.connect_failures += part.connect_failures;
        }
        auto& gauges = view_->shards[i].metrics->roles[role].lanes[lane];
        gauges.connections.set(sum.ready);
        gauges.in_flight.set(sum.in_flight);
        gauges.queued.set(sum.queued);
        gauges.connects.set(sum.connects);
        gauges.connect_failures.set(sum.connect_failures);
      }
}

}  // namespace shardplex::router
