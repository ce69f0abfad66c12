#include "router/topology/control.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <utility>

#include "postgres/catalogue_reader.hpp"
#include "router/log.hpp"
#include "shard_map/definitions.hpp"
#include "shard_map/yaml_map.hpp"

namespace shardplex::router {
namespace {

constexpr std::int64_t id_span_ms = 60'000;  // reserved at a time; a new span is fetched at half of it
constexpr auto id_retry = std::chrono::seconds(1);
constexpr auto pool_tick = std::chrono::milliseconds(100);
constexpr auto longest_look = std::chrono::milliseconds(2'000);  // at one server
constexpr auto close_look = std::chrono::milliseconds(3);        // between epochs while requests wait for one
constexpr auto close_time = std::chrono::milliseconds(100);      // after the last request to look

bool same_health(const ServerState& a, const ServerState& b) {
  return a.up == b.up && a.writable == b.writable && a.readable == b.readable && a.problem == b.problem;
}

/// True where requests are routed alike by both.
bool route_alike(const Snapshot& a, const Snapshot& b) {
  const auto same_servers = [](const ShardState& x, const ShardState& y) {
    return x.primary == y.primary && std::ranges::equal(x.servers, y.servers, [](auto& s, auto& t) {
             return s.readable == t.readable && s.writable == t.writable;
           });
  };
  return a.map == b.map && a.catalogue == b.catalogue && a.ownership == b.ownership &&
         std::ranges::equal(a.shards, b.shards, same_servers);
}

/// True where an account that was read for `old` says as much for `next`.
bool accounts_hold(const ShardMap& old, const ShardMap& next) {
  return std::ranges::includes(definitions_of(old), definitions_of(next));
}

std::string join_names(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

Control::Control(asio::io_context& io, const Settings& settings, std::shared_ptr<const ShardMap> map,
                 IdSource& ids, Metrics& metrics, Publish publish)
    : io_(io),
      settings_(settings),
      ids_(ids),
      metrics_(metrics),
      publish_to_workers_(std::move(publish)),
      map_(std::move(map)),
      pool_ticker_(io) {}

void Control::start() {
  arm_pool_tick();
  for (const auto& shard : map_->shards()) {
    shards_.push_back(std::make_shared<WatchedShard>(shard, map_));
    start_watching(shards_.back());
  }
}

/// Looks under way end within their deadline, and are not followed by others.
void Control::stop() {
  stopping_ = true;
  wake_all();
}

// ---- Watching

void Control::start_watching(const WatchedShardPtr& shard) {
  for (std::size_t server = 0; server < shard->servers.size(); ++server) {
    shard->servers[server].wake = std::make_unique<WatchedServer::Timer>(io_);
    auto& watched = watched_[shard->state.servers[server].conninfo];
    if (!watched.pool) {
      auto settings = settings_.pool;
      settings.connection.conninfo = shard->state.servers[server].conninfo;
      settings.connection.application_name = "shardplexd control";
      for (auto& lane : settings.lanes) lane.connections = 1;
      watched.pool = std::make_unique<postgres::Pool>(io_, std::move(settings));
    }
    ++watched.watchers;
    asio::co_spawn(io_, watch(shard, server), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);  // a broken invariant: ends the process, loudly
    });
  }
}

/// Its watchers end when they find out, and the last one of a server closes the connections to it.
void Control::stop_watching(WatchedShard& shard) {
  shard.left = true;
  for (const auto& server : shard.servers) server.wake->cancel();
}

Awaitable<void> Control::watch(WatchedShardPtr shard, std::size_t server) {
  auto& self = shard->servers[server];
  while (!stopping_ && !shard->left) {
    bool news = true;
    if (Clock::now() < self.look_due) {
      news = co_await look_at_epoch(*shard, server);
    } else {
      self.look_due = Clock::now() + settings_.poll_interval;
      co_await look_at(*shard, server);
    }
    self.settled = true;
    if (stopping_ || shard->left) break;
    if (news) {
      take_over_reload();
      learn_of_shards();
      join_shards();
      publish();
    }
    if (shard == shards_.front() && shard->state.primary == server) co_await reserve_ids();
    co_await wait_for_next_look(*shard, server);
  }
  const auto watched = watched_.find(shard->state.servers[server].conninfo);
  if (--watched->second.watchers == 0) watched_.erase(watched);
}

Awaitable<void> Control::wait_for_next_look(WatchedShard& shard, std::size_t server) {
  auto& timer = *shard.servers[server].wake;
  const auto last = Clock::now();
  while (!stopping_ && !shard.left) {
    const auto next = next_look(shard, server, last);
    if (Clock::now() >= next) break;
    timer.expires_at(next);
    boost::system::error_code ignored;  // a cancelled wait: something is due earlier
    co_await timer.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
}

/// While requests wait for slots to change hands, the server that speaks for its shard is asked for its epoch
/// again and again.
Clock::time_point Control::next_look(const WatchedShard& shard, std::size_t server,
                                     Clock::time_point last) const {
  const auto due = shard.servers[server].look_due;
  const bool closely = Clock::now() < closely_until_ && shard.ownership && shard.best_server() == server;
  return closely ? std::min(due, last + close_look) : due;
}

void Control::request_refresh() {
  if (refresh_requested_.exchange(true)) return;
  asio::post(io_, [this] {
    refresh_requested_ = false;
    const auto now = Clock::now();
    const bool begins = now >= closely_until_;
    closely_until_ = now + close_time;
    if (!begins) return;
    ++metrics_.map_refreshes;
    wake_all();
  });
}

void Control::wake_all() {
  const auto wake = [](const WatchedShard& shard) {
    for (const auto& server : shard.servers) server.wake->cancel();
  };
  for (const auto& shard : shards_) wake(*shard);
  for (const auto& joining : joining_) wake(*joining.shard);
  if (reload_)
    for (const auto& shard : reload_->shards) wake(*shard);
}

/// Pools keep their deadlines by being ticked.
void Control::arm_pool_tick() {
  pool_ticker_.expires_after(pool_tick);
  pool_ticker_.async_wait([this](boost::system::error_code ec) {
    if (ec) return;
    for (const auto& [conninfo, watched] : watched_) watched.pool->tick(Clock::now());
    arm_pool_tick();
  });
}

postgres::Pool& Control::pool(const WatchedShard& shard, std::size_t server) {
  return *watched_.at(shard.state.servers[server].conninfo).pool;
}

Awaitable<void> Control::look_at(WatchedShard& shard, std::size_t server) {
  auto outcome = co_await postgres::read_status(pool(shard, server), Clock::now() + longest_look);
  auto& self = shard.servers[server];
  self.looked_at = true;
  self.up = outcome.has_value();
  if (outcome) {
    self.status = std::move(*outcome);
    self.failure.clear();
  } else {
    self.failure = outcome.error().message;
  }
  judge(shard);
  if (shard.best_server() != server) co_return;
  shard.directory = std::exchange(self.status.directory, {});
  if (self.status.directory_denied)
    log_once("shard " + shard.name +
             " does not let this role read shardplex.shards: added shards will not be found by themselves");
  co_await read_account(shard, server);
}

/// True where there was news. What is wrong with a server that does not answer, a whole look has to tell.
Awaitable<bool> Control::look_at_epoch(WatchedShard& shard, std::size_t server) {
  auto& self = shard.servers[server];
  const auto epoch = co_await postgres::read_epoch(pool(shard, server), Clock::now() + longest_look);
  if (!epoch) self.look_due = Clock::now();
  if (!epoch || *epoch == self.status.epoch) co_return false;
  self.status.epoch = *epoch;
  judge(shard);
  co_await read_account(shard, server);
  co_return true;
}

Awaitable<void> Control::read_account(WatchedShard& shard, std::size_t server) {
  if (shard.best_server() != server) co_return;
  const auto failed = [&](const char* what, const postgres::Failure& failure) {
    shard.failure = std::string(what) + " of shard " + shard.name + " cannot be read: " + failure.message;
    log_warning(shard.failure);
  };
  const bool is_primary = shard.state.primary == server;
  if (!shard.tables || (is_primary && !shard.tables_of_primary)) {
    auto tables = co_await postgres::read_catalogue(pool(shard, server), Clock::now() + longest_look);
    if (!tables) co_return failed("the catalogue", tables.error());
    shard.tables = std::move(*tables);
    shard.tables_of_primary = is_primary;
    tables_changed_ = true;
  }
  if (!shard.is_news(server)) co_return;
  const auto timeline = shard.timeline_of(server);
  const auto map = shard.map;  // it may be given another one meanwhile
  auto ownership = co_await postgres::read_ownership(pool(shard, server), *map, Clock::now() + longest_look);
  if (!ownership) co_return failed("the ownership", ownership.error());
  shard.failure.clear();
  shard.timeline = timeline;
  shard.epoch = ownership->epoch;
  shard.ownership = std::move(*ownership);
  accounts_changed_ = true;
  judge(shard);  // again, against the epoch just read
  for (auto& other : shard.servers) {
    if (&other == &shard.servers[server]) continue;
    other.look_due = Clock::now();  // replicas were judged by the epoch they had
    other.wake->cancel();
  }
}

void Control::judge(WatchedShard& shard) {
  const auto before = shard.state.servers;
  shard.judge(settings_.max_replica_lag, newest_timeline_[shard.name]);
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto& now = shard.state.servers[i];
    if (same_health(before[i], now)) continue;
    if (now.problem.empty())
      log_info("server in use", {{"server", now.name}, {"address", now.address}, {"writable", now.writable}});
    else
      log_warning("server not in use",
                  {{"server", now.name}, {"address", now.address}, {"problem", now.problem}});
  }
}

// ---- Other maps

std::vector<ShardDirectory> Control::directories() const {
  std::vector<ShardDirectory> all;
  for (const auto& shard : shards_) all.push_back({shard->name, shard->directory});
  return all;
}

void Control::log_once(const std::string& warning) {
  if (said_.insert(warning).second) log_warning(warning);
}

void Control::refuse_map(const std::string& problem) {
  log_error("shard map refused, the old one goes on serving",
            {{"file", settings_.map_file}, {"problem", problem}});
}

void Control::reload() {
  asio::post(io_, [this] {
    auto read = read_shard_map_file(settings_.map_file);
    if (const auto* problems = std::get_if<std::vector<MapProblem>>(&read)) {
      ++metrics_.map_reload_failures;
      for (const auto& problem : *problems) refuse_map(problem.to_string());
      return;
    }
    // Placement, servers, new groups and tables may change under a running router; how a key becomes a slot
    // may not.
    const auto& written = std::get<ShardMap>(read);
    if (const auto changed = differences(definitions_of(*map_), definitions_of(written)); !changed.empty()) {
      ++metrics_.map_reload_failures;
      for (const auto& difference : changed) refuse_map(difference);
      return;
    }
    // The file may be older than a shard in use: it stays as long as a directory names it.
    std::vector<Shard> kept;
    for (const auto& named : added_shards(written, directories()).shards)
      if (map_->find_shard(named.shard.name)) kept.push_back(named.shard);
    ++metrics_.map_reloads;
    log_info("shard map read", {{"file", settings_.map_file}});

    if (reload_)
      for (const auto& shard : reload_->shards) stop_watching(*shard);
    reload_ = Reload{std::make_shared<const ShardMap>(with_shards(written, kept)), {}};
    const bool hold = accounts_hold(*map_, *reload_->map);
    for (const auto& shard : reload_->map->shards()) {
      auto& next = reload_->shards.emplace_back(std::make_shared<WatchedShard>(shard, reload_->map));
      if (const auto known = map_->find_shard(shard.name)) {
        const auto& old = *shards_[known->value];
        next->timeline = old.timeline;
        next->epoch = old.epoch;
        next->directory = old.directory;
        if (hold) next->ownership = old.ownership;
      }
      start_watching(next);
    }
  });
}

/// Once every server of the new map has been looked at, or has been given up.
void Control::take_over_reload() {
  if (!reload_ || !std::ranges::all_of(reload_->shards, &WatchedShard::settled)) return;
  for (const auto& shard : shards_) stop_watching(*shard);
  map_ = std::move(reload_->map);
  shards_ = std::move(reload_->shards);
  reload_.reset();
  ++map_version_;
  tables_changed_ = accounts_changed_ = true;
  for (const auto& joining : joining_) stop_watching(*joining.shard);
  joining_.clear();
}

/// Begins to watch the shards that directories name and the map does not have.
void Control::learn_of_shards() {
  auto named = added_shards(*map_, directories());
  for (const auto& problem : named.problems) log_once(problem);
  std::erase_if(joining_, [&](const Joining& joining) {
    const bool still_named = std::ranges::count(named.shards, joining.added) > 0;
    if (!still_named) stop_watching(*joining.shard);
    return !still_named;
  });
  for (auto& added : named.shards) {
    if (std::ranges::count(joining_, added, &Joining::added) > 0) continue;
    auto shard = std::make_shared<WatchedShard>(added.shard, map_);
    joining_.push_back({std::move(added), shard});
    start_watching(shard);
  }
}

std::optional<std::string> Control::obstacle(const Joining& joining) const {
  const auto& shard = *joining.shard;
  if (!shard.state.primary || !shard.ownership || !shard.tables)
    return shard.failure.empty() ? shard.state.servers.front().problem : shard.failure;
  std::vector<std::pair<std::string, ShardCatalogue>> known{{shard.name, *shard.tables}};
  for (const auto& other : shards_)
    if (other->tables) known.emplace_back(other->name, *other->tables);
  const auto with_it = combine(with_shards(*map_, {joining.added.shard}), known);
  for (const auto& [table, reason] : with_it.refused)
    if (!catalogue_->refused.contains(table)) return "table " + table + ": " + reason;
  return std::nullopt;
}

/// Puts the shards that directories name into the map, behind those it has, as soon as they can take requests
/// like any other.
void Control::join_shards() {
  if (reload_ || !catalogue_) return;  // what is to be joined is about to change
  std::vector<Shard> added;
  std::vector<std::string> names, learned_from;
  std::erase_if(joining_, [&](const Joining& joining) {
    if (!joining.shard->settled()) return false;
    if (const auto reason = obstacle(joining)) {
      log_once("added shard " + joining.shard->name + " cannot be used yet: " + *reason);
      return false;
    }
    shards_.push_back(joining.shard);
    added.push_back(joining.added.shard);
    names.push_back(joining.shard->name);
    learned_from.push_back(joining.added.learned_from);
    return true;
  });
  if (added.empty()) return;
  map_ = std::make_shared<const ShardMap>(with_shards(*map_, added));
  for (const auto& shard : shards_) shard->map = map_;
  ++map_version_;
  metrics_.shards_added += added.size();
  tables_changed_ = accounts_changed_ = true;
  log_info("shards added", {{"shards", join_names(names)}, {"learned_from", join_names(learned_from)}});
}

// ---- Publishing

void Control::combine_catalogue() {
  std::vector<std::pair<std::string, ShardCatalogue>> known;
  for (const auto& shard : shards_)
    if (shard->tables) known.emplace_back(shard->name, *shard->tables);
  if (known.empty()) {
    catalogue_.reset();
    return;
  }
  catalogue_ = std::make_shared<const Catalogue>(combine(*map_, known));
  for (const auto& [table, reason] : catalogue_->refused)
    log_error("table not served", {{"table", table}, {"reason", reason}});
  for (const auto& warning : catalogue_->warnings) log_warning("catalogue", {{"warning", warning}});
}

/// Workers are told where it changes how they route; /shards and the gauges are kept up to date in any case.
void Control::publish() {
  if (std::exchange(tables_changed_, false)) combine_catalogue();
  if (std::exchange(accounts_changed_, false)) {
    std::vector<std::optional<ShardOwnership>> accounts;
    for (const auto& shard : shards_) accounts.push_back(shard->ownership);
    ownership_ = std::make_shared<const Ownership>(*map_, accounts);
  }
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->map_version = map_version_;
  snapshot->map = map_;
  snapshot->catalogue = catalogue_;
  snapshot->ownership = ownership_;
  for (const auto& shard : shards_) snapshot->shards.push_back(shard->state);
  const bool news = !latest_ || !route_alike(*latest_, *snapshot);
  snapshot->version = news ? ++version_ : version_;
  latest_ = snapshot;
  if (news) publish_to_workers_(latest_);

  std::vector<Metrics::ServerGauge> gauges;
  for (const auto& shard : shards_)
    for (const auto& server : shard->state.servers)
      gauges.push_back({shard->name, server.name, server.up, server.writable, server.readable,
                        server.epoch.value, server.lag_seconds.value_or(0)});
  metrics_.set_servers(std::move(gauges));
}

Awaitable<void> Control::reserve_ids() {
  const auto now = IdSource::now_ms();
  const auto first = shards_.front();
  if (ids_.left_ms(now) > id_span_ms / 2 || !first->state.primary) co_return;
  std::vector<Statement> statements{
      {"SELECT node, from_ms, until_ms FROM shardplex.reserve_ids($1::integer, $2::bigint, $3::bigint)",
       {node_ ? std::optional(std::to_string(*node_)) : std::nullopt, std::to_string(now),
        std::to_string(id_span_ms)}}};
  auto outcome = co_await pool(*first, *first->state.primary)
                     .execute(postgres::Lane::write, std::move(statements), Clock::now() + id_retry);
  if (!outcome) {
    log_warning("no ids could be reserved", {{"shard", first->name}, {"reason", outcome.error().message}});
    co_return;
  }
  const auto& row = outcome->front();
  node_ = static_cast<std::int32_t>(row.integer(0, 0));
  ids_.renew(static_cast<std::uint32_t>(*node_), row.integer(0, 1), row.integer(0, 2));
}

std::vector<std::string> Control::missing() const {
  if (!latest_) return {"no shard has been asked yet"};
  std::vector<std::string> out;
  for (const auto& shard : shards_) {
    const auto& configured = shard->state.servers.front();
    if (!shard->state.primary)
      out.push_back("shard " + shard->name + " has no primary: " + configured.address + ": " +
                    configured.problem);
    if (!shard->failure.empty()) out.push_back(shard->failure);
  }
  if (!latest_->catalogue) out.emplace_back("no shard's catalogue has been read");
  for (auto& fault : latest_->ownership->faults(*map_)) out.push_back(std::move(fault));
  if (ids_.left_ms(IdSource::now_ms()) <= 0)
    out.push_back("shard " + map_->shards().front().name + " has not promised any ids for new rows");
  if (latest_->catalogue)
    for (const auto& [table, reason] : latest_->catalogue->refused)
      out.push_back("table " + table + " is not served: " + reason);
  return out;
}

}  // namespace shardplex::router
