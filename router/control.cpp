#include "router/control.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <utility>

#include "postgres/catalogue_reader.hpp"
#include "router/all_of.hpp"
#include "router/log.hpp"
#include "shard_map/definitions.hpp"
#include "shard_map/yaml_map.hpp"

namespace shardplex::router {
namespace {

constexpr std::int64_t id_span_ms = 60'000;  // reserved at a time; a new span is fetched at half of it
constexpr auto id_retry = std::chrono::seconds(1);
constexpr auto pool_tick = std::chrono::milliseconds(100);
constexpr auto longest_look = std::chrono::milliseconds(2'000);  // at one server in one round

std::string server_name(const ShardMap& map, std::size_t shard, std::size_t server) {
  const auto& name = map.shards()[shard].name;
  return server == 0 ? name : name + "-" + std::to_string(server);
}

bool same_health(const ServerState& a, const ServerState& b) {
  return a.up == b.up && a.writable == b.writable && a.readable == b.readable && a.problem == b.problem;
}

}  // namespace

Control::Control(asio::io_context& io, const Settings& settings, std::shared_ptr<const ShardMap> map,
                 IdSource& ids, Metrics& metrics, Publish publish)
    : io_(io),
      settings_(settings),
      ids_(ids),
      metrics_(metrics),
      publish_to_workers_(std::move(publish)),
      next_map_(std::move(map)),
      timer_(io),
      pool_ticker_(io) {}

void Control::start() {
  arm_pool_tick();
  asio::co_spawn(io_, run(), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);  // a broken invariant: ends the process, loudly
  });
}

/// The round under way ends within its deadline; run() then takes the pools down.
void Control::stop() {
  stopping_ = true;
  timer_.cancel();
}

void Control::request_refresh() {
  if (refresh_requested_.exchange(true)) return;
  asio::post(io_, [this] { timer_.cancel(); });
}

void Control::reload() {
  asio::post(io_, [this] {
    auto read = read_shard_map_file(settings_.map_file);
    if (const auto* problems = std::get_if<std::vector<MapProblem>>(&read)) {
      ++metrics_.map_reload_failures;
      for (const auto& problem : *problems)
        log_error("shard map refused, the old one goes on serving",
                  {{"file", settings_.map_file}, {"problem", problem.to_string()}});
      return;
    }
    // Placement, servers, new groups and tables may change under a running router; how a key becomes a slot
    // may not.
    const auto& current = next_map_ ? *next_map_ : *map_;
    if (const auto changed = differences(definitions_of(current), definitions_of(std::get<ShardMap>(read)));
        !changed.empty()) {
      ++metrics_.map_reload_failures;
      for (const auto& difference : changed)
        log_error("shard map refused, the old one goes on serving",
                  {{"file", settings_.map_file}, {"problem", difference}});
      return;
    }
    ++metrics_.map_reloads;
    next_map_ = std::make_shared<const ShardMap>(std::get<ShardMap>(std::move(read)));
    log_info("shard map read", {{"file", settings_.map_file}});
    request_refresh();
  });
}

Awaitable<void> Control::run() {
  while (!stopping_) {
    refresh_requested_ = false;
    co_await round();
    co_await reserve_ids();
    if (stopping_) break;
    if (refresh_requested_) continue;
    timer_.expires_after(settings_.poll_interval);
    boost::system::error_code ignored;  // a refresh request cancels the wait
    co_await timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
}

/// Pools keep their deadlines by being ticked.
void Control::arm_pool_tick() {
  pool_ticker_.expires_after(pool_tick);
  pool_ticker_.async_wait([this](boost::system::error_code ec) {
    if (ec) return;
    for (const auto& [conninfo, p] : pools_) p->tick(Clock::now());
    arm_pool_tick();
  });
}

Deadline Control::round_deadline() const {
  return Clock::now() + longest_look;
}

postgres::Pool& Control::pool(std::size_t shard, std::size_t server) {
  return *pools_.at(states_[shard].servers[server].conninfo);
}

Awaitable<void> Control::round() {
  const bool new_map = next_map_ != nullptr;
  if (new_map) {
    map_ = std::exchange(next_map_, nullptr);
    ++map_version_;
    accounts_.assign(map_->shards().size(), {});
    states_.assign(map_->shards().size(), {});
    std::map<std::string, std::unique_ptr<postgres::Pool>> pools;
    for (std::size_t shard = 0; shard < states_.size(); ++shard) {
      const auto& configured = map_->shards()[shard];
      std::vector<std::string> conninfos{configured.primary};
      conninfos.insert(conninfos.end(), configured.replicas.begin(), configured.replicas.end());
      for (std::size_t server = 0; server < conninfos.size(); ++server) {
        ServerState state;
        state.name = server_name(*map_, shard, server);
        state.conninfo = conninfos[server];
        state.address = address_of(conninfos[server]);
        auto& pool = pools[state.conninfo];
        if (const auto known = pools_.find(state.conninfo); known != pools_.end())
          pool = std::move(known->second);
        if (!pool) {
          auto settings = settings_.pool;
          settings.connection.conninfo = state.conninfo;
          settings.connection.application_name = "shardplexd control";
          for (auto& lane : settings.lanes) lane.connections = 1;
          pool = std::make_unique<postgres::Pool>(io_, std::move(settings));
        }
        states_[shard].servers.push_back(std::move(state));
      }
      accounts_[shard].servers.resize(conninfos.size());
    }
    pools_ = std::move(pools);
  }

  const auto executor = io_.get_executor();
  std::vector<Awaitable<void>> looks;
  for (std::size_t shard = 0; shard < states_.size(); ++shard)
    for (std::size_t server = 0; server < states_[shard].servers.size(); ++server)
      looks.push_back(look_at(shard, server));
  co_await all_done(executor, std::move(looks));
  judge_servers();

  std::vector<Awaitable<void>> reads;
  for (std::size_t shard = 0; shard < states_.size(); ++shard) reads.push_back(read_account(shard));
  co_await all_done(executor, std::move(reads));
  judge_servers();  // again, against the epochs just read

  if (std::exchange(tables_changed_, false) || new_map) combine_catalogue();
  publish();
}

Awaitable<void> Control::look_at(std::size_t shard, std::size_t server) {
  auto outcome = co_await postgres::read_status(pool(shard, server), round_deadline());
  auto& seen = accounts_[shard].servers[server];
  seen.up = outcome.has_value();
  if (outcome) {
    seen.status = *outcome;
    seen.failure.clear();
  } else {
    seen.failure = outcome.error().message;
  }
}

/// The writable server, or else any that is up and of the right shard: ownership replicates.
std::optional<std::size_t> Control::best_server(std::size_t shard) const {
  if (states_[shard].primary) return states_[shard].primary;
  const auto& servers = states_[shard].servers;
  for (std::size_t i = 0; i < servers.size(); ++i)
    if (servers[i].up && accounts_[shard].servers[i].status.has_schema && servers[i].problem.empty())
      return i;
  return std::nullopt;
}

Awaitable<void> Control::read_account(std::size_t shard) {
  const auto server = best_server(shard);
  if (!server) co_return;
  auto& account = accounts_[shard];
  const auto& status = account.servers[*server].status;
  const auto failed = [&](const char* what, const postgres::Failure& failure) {
    account.failure =
        std::string(what) + " of shard " + map_->shards()[shard].name + " cannot be read: " + failure.message;
    log_warning(account.failure);
  };
  if (!account.tables) {
    auto tables = co_await postgres::read_catalogue(pool(shard, *server), round_deadline());
    if (!tables) co_return failed("the catalogue", tables.error());
    account.tables = std::move(*tables);
    tables_changed_ = true;
  }
  // A replica may lag behind what its primary said before it went away: an account goes back only where a
  // promotion has lost what the old timeline said last.
  const auto epoch = status.epoch;
  const auto timeline = status.in_recovery ? account.timeline : status.timeline;
  if (account.ownership && timeline <= account.timeline && epoch <= account.ownership->epoch) co_return;
  auto ownership = co_await postgres::read_ownership(pool(shard, *server), *map_, round_deadline());
  if (!ownership) co_return failed("the ownership", ownership.error());
  account.failure.clear();
  account.timeline = timeline;
  account.ownership = std::move(*ownership);
}

/// The furthest any server of the shard is known to have written. A replica that receives nothing cannot tell
/// how far behind it is; while its primary is down too, it is as good as any.
std::int64_t Control::newest_lsn(const ShardAccount& account) {
  std::int64_t newest = 0;
  for (const auto& seen : account.servers)
    if (seen.up && !seen.status.in_recovery) newest = std::max(newest, seen.status.wal_lsn);
  return newest;
}

void Control::judge_servers() {
  for (std::size_t shard = 0; shard < states_.size(); ++shard) {
    auto& state = states_[shard];
    const auto& name = map_->shards()[shard].name;
    const auto before = state.servers;
    state.primary.reset();
    auto& newest_timeline = newest_timeline_[name];
    for (const auto& seen : accounts_[shard].servers)
      if (seen.up && seen.status.cluster == map_->cluster() && seen.status.shard == name)
        newest_timeline = std::max(newest_timeline, seen.status.timeline);
    for (std::size_t i = 0; i < state.servers.size(); ++i) {
      const auto& seen = accounts_[shard].servers[i];
      const auto& status = seen.status;
      auto& server = state.servers[i];
      server.up = seen.up;
      server.writable = server.readable = false;
      server.problem.clear();
      if (!seen.up) {
        server.problem = seen.failure.empty() ? "not reached yet" : seen.failure;
        continue;
      }
      server.timeline = status.timeline;
      server.wal_lsn = status.wal_lsn;
      server.lag_seconds = status.in_recovery ? status.replay_lag_seconds : std::nullopt;
      server.epoch = status.epoch;
      if (!status.has_schema) {
        server.problem = "not initialised: run 'shardplex cluster init'";
      } else if (status.cluster != map_->cluster() || status.shard != name) {
        server.problem = "is shard '" + status.shard + "' of cluster '" + status.cluster + "', not '" + name +
                         "' of '" + map_->cluster() + "'";
      } else if (!status.in_recovery) {
        // What another server has ever been seen to have left behind is not written to, also while that one
        // is away.
        if (status.timeline < newest_timeline || state.primary) {
          server.problem = "an old primary on an earlier timeline";
        } else {
          server.writable = server.readable = true;
          state.primary = i;
        }
      } else {
        const auto limit = std::chrono::duration<double>(settings_.max_replica_lag).count();
        const auto& ownership = accounts_[shard].ownership;
        if (ownership && status.epoch < ownership->epoch)
          server.problem = "behind the map";
        else if (status.replay_lag_seconds.value_or(0) > limit)
          server.problem = "lags behind";
        else if (!status.receives_wal && status.wal_lsn < newest_lsn(accounts_[shard]))
          server.problem = "is cut off from its primary";
        server.readable = server.problem.empty();
      }
    }
    for (std::size_t i = 0; i < state.servers.size(); ++i) {
      const auto& now = state.servers[i];
      if (same_health(before[i], now)) continue;
      if (now.problem.empty())
        log_info("server in use",
                 {{"server", now.name}, {"address", now.address}, {"writable", now.writable}});
      else
        log_warning("server not in use",
                    {{"server", now.name}, {"address", now.address}, {"problem", now.problem}});
    }
  }
}

void Control::combine_catalogue() {
  std::vector<std::pair<std::string, ShardCatalogue>> known;
  for (std::size_t shard = 0; shard < accounts_.size(); ++shard)
    if (accounts_[shard].tables) known.emplace_back(map_->shards()[shard].name, *accounts_[shard].tables);
  if (known.empty()) {
    catalogue_.reset();
    return;
  }
  catalogue_ = std::make_shared<const Catalogue>(combine(*map_, known));
  for (const auto& [table, reason] : catalogue_->refused)
    log_error("table not served", {{"table", table}, {"reason", reason}});
  for (const auto& warning : catalogue_->warnings) log_warning("catalogue", {{"warning", warning}});
}

void Control::publish() {
  std::vector<std::optional<ShardOwnership>> ownerships;
  for (const auto& account : accounts_) ownerships.push_back(account.ownership);
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->version = ++version_;
  snapshot->map_version = map_version_;
  snapshot->map = map_;
  snapshot->catalogue = catalogue_;
  snapshot->ownership = std::make_shared<const Ownership>(*map_, ownerships);
  snapshot->shards = states_;
  latest_ = snapshot;
  publish_to_workers_(latest_);

  std::vector<Metrics::ServerGauge> gauges;
  for (std::size_t shard = 0; shard < states_.size(); ++shard)
    for (const auto& server : states_[shard].servers)
      gauges.push_back({map_->shards()[shard].name, server.name, server.up, server.writable, server.readable,
                        server.epoch.value, server.lag_seconds.value_or(0)});
  metrics_.set_servers(std::move(gauges));
}

Awaitable<void> Control::reserve_ids() {
  const auto now = IdSource::now_ms();
  if (ids_.left_ms(now) > id_span_ms / 2 || states_.empty() || !states_.front().primary) co_return;
  std::vector<Statement> statements{
      {"SELECT node, from_ms, until_ms FROM shardplex.reserve_ids($1::integer, $2::bigint, $3::bigint)",
       {node_ ? std::optional(std::to_string(*node_)) : std::nullopt, std::to_string(now),
        std::to_string(id_span_ms)}}};
  auto outcome = co_await pool(0, *states_.front().primary)
                     .execute(postgres::Lane::write, std::move(statements), Clock::now() + id_retry);
  if (!outcome) {
    log_warning("no ids could be reserved",
                {{"shard", map_->shards().front().name}, {"reason", outcome.error().message}});
    co_return;
  }
  const auto& row = outcome->front();
  node_ = static_cast<std::int32_t>(row.integer(0, 0));
  ids_.renew(static_cast<std::uint32_t>(*node_), row.integer(0, 1), row.integer(0, 2));
}

std::vector<std::string> Control::missing() const {
  if (!latest_) return {"no shard has been asked yet"};
  std::vector<std::string> out;
  for (std::size_t shard = 0; shard < states_.size(); ++shard)
    if (!states_[shard].primary)
      out.push_back("shard " + map_->shards()[shard].name + " has no primary: " +
                    states_[shard].servers.front().address + ": " + states_[shard].servers.front().problem);
  for (const auto& account : accounts_)
    if (!account.failure.empty()) out.push_back(account.failure);
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
