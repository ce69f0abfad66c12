#include "router/topology/control.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "router/log.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::router {
namespace {

constexpr auto starting_time =
    std::chrono::seconds(2);  // by then every server has been probed, hung ones too

void log_joined(const std::vector<JoiningShard>& shards) {
  const auto names = joined(shards, [](const JoiningShard& joining) { return joining.shard->name; });
  const auto learned_from =
      joined(shards, [](const JoiningShard& joining) { return joining.added.learned_from; });
  log_info("shards added", {{"shards", names}, {"learned_from", learned_from}});
}

}  // namespace

Control::Control(asio::io_context& io, const Settings& settings, std::shared_ptr<const ShardMap> map,
                 IdSource& ids, Metrics& metrics, Publish publish)
    : io_(io),
      metrics_(metrics),
      membership_(membership_of(std::move(map))),
      health_watch_(io, settings,
                    {.changed = [this](const Changes& changes) { on_changed(changes); },
                     .probed = [this](const WatchedShardPtr& shard,
                                      std::size_t server) { return on_probed(shard, server); }}),
      reload_(settings.map_file, metrics),
      publisher_(metrics, std::move(publish), settings.schemas),
      id_reservation_(ids),
      reporter_(settings.poll_interval) {}

void Control::start() {
  started_ = Clock::now();
  health_watch_.start();
  watch(membership_.shards);
}

void Control::stop() {
  health_watch_.stop();
}

void Control::request_refresh() {
  if (refresh_requested_.exchange(true)) return;
  asio::post(io_, [this] {
    refresh_requested_ = false;
    if (health_watch_.probe_closely()) ++metrics_.map_refreshes;
  });
}

void Control::request_probes() {
  if (probes_requested_.exchange(true)) return;
  asio::post(io_, [this] {
    probes_requested_ = false;
    health_watch_.probe_now();
  });
}

void Control::saw_timeline(const std::string& shard, std::int64_t timeline) {
  asio::post(io_, [this, shard, timeline] {
    for (const auto& member : membership_.shards)
      if (member->name == shard) health_watch_.hear_timeline(member, timeline);
  });
}

void Control::request_tables() {
  if (tables_requested_.exchange(true)) return;
  asio::post(io_, [this] {
    tables_requested_ = false;
    tables_wanted_ = Clock::now();
    health_watch_.look_at_tables();
  });
}

void Control::reload() {
  asio::post(io_, [this] { read_map_again(); });
}

Readiness Control::readiness() const {
  const bool starting = Clock::now() - started_ < starting_time;
  return readiness_of(membership_, latest(), id_reservation_.left_ms(), starting);
}

std::vector<std::string> Control::warnings() const {
  auto texts = health_watch_.sessions().problems();
  for (const auto& waiting : reporter_.waiting_writes(membership_)) texts.push_back(to_string(waiting));
  for (auto& refused : refused_tables(latest())) texts.push_back(std::move(refused));
  return texts;
}

/// Every change of what is known goes this way, to its end, in one turn of the event loop.
void Control::on_changed(Changes changes) {
  const bool reloaded = take_over_reload();
  discover_shards();
  const bool joined = join_shards();
  if (reloaded || joined) changes = {.tables = true, .ownership = true};
  elect_settings();
  publisher_.publish(membership_, changes);
}

/// Each shard has a say in what sessions are held to: its primary has, where it has told.
void Control::elect_settings() {
  std::vector<std::vector<postgres::Sessions::Server>> shards;
  for (const auto& shard : membership_.shards) {
    auto servers = shard->state.servers;
    if (shard->state.primary) std::swap(servers.front(), servers[*shard->state.primary]);
    auto& voters = shards.emplace_back();
    for (const auto& server : servers)
      voters.push_back({server.conninfo, server.name + " (" + server.address + ")"});
  }
  health_watch_.sessions().elect(std::move(shards));
}

/// A request that has asked for newer tables need not wait for them where there are none.
void Control::tell_of_same_tables() {
  if (!tables_wanted_ || tables_seen(membership_) < *tables_wanted_) return;
  tables_wanted_.reset();
  publisher_.publish(membership_, {.seen = true});
}

Awaitable<void> Control::on_probed(const WatchedShardPtr& shard, std::size_t server) {
  tell_of_same_tables();
  if (std::ranges::count(membership_.shards, shard) == 0 || shard->state.primary != server) co_return;
  auto& primary = health_watch_.pool(*shard, server);
  std::vector<std::pair<std::string, bool>> has_primary;
  for (const auto& member : membership_.shards)
    has_primary.emplace_back(member->name, member->state.primary.has_value());
  if (id_reservation_.is_due(shard->name, has_primary)) co_await id_reservation_.renew(shard->name, primary);
  const auto* served = latest() ? latest()->catalogue.get() : nullptr;
  auto not_joined = discovery_.not_joined();
  // A shard that this router does not see may be the one that the slots were handed to.
  const bool may_end = not_joined.empty() && may_end_fences(membership_, *shard);
  co_await reporter_.tell(shard, primary, report_of(membership_, served, not_joined), may_end);
  show_fences();
}

void Control::show_fences() {
  std::size_t slots = 0;
  std::chrono::milliseconds longest{0};
  for (const auto& waiting : reporter_.waiting_writes(membership_)) {
    slots += waiting.slots;
    longest = std::max(longest, waiting.since_first_seen);
  }
  metrics_.fenced_slots = slots;
  metrics_.fence_milliseconds = static_cast<std::uint64_t>(longest.count());
}

void Control::read_map_again() {
  const auto pending_before = reload_.shards();
  if (!reload_.read(membership_)) return;
  leave(pending_before);
  watch(reload_.shards());
}

bool Control::take_over_reload() {
  const auto pending = reload_.shards();
  auto next = reload_.take_settled();
  if (!next) return false;
  for (const auto& shard : pending) {
    if (std::ranges::count(next->shards, shard) > 0) continue;
    log_info("shard removed", {{"shard", shard->name}});
    leave({shard});
  }
  leave(membership_.shards);
  leave(discovery_.forget());
  membership_ = std::move(*next);
  return true;
}

void Control::discover_shards() {
  const auto found = discovery_.update(membership_);
  leave(found.dropped);
  watch(found.named);
}

bool Control::join_shards() {
  if (reload_.pending()) return false;  // what is to be joined is about to change
  if (!latest() || !latest()->catalogue) return false;
  const auto joined = discovery_.take_ready(membership_, *latest()->catalogue);
  if (joined.empty()) return false;
  membership_ = with_joined(std::move(membership_), joined);
  metrics_.shards_added += joined.size();
  log_joined(joined);
  return true;
}

void Control::watch(const std::vector<WatchedShardPtr>& shards) {
  for (const auto& shard : shards) health_watch_.watch(shard);
}

void Control::leave(const std::vector<WatchedShardPtr>& shards) {
  for (const auto& shard : shards) health_watch_.leave(*shard);
}

}  // namespace shardplex::router
