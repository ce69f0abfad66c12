#include "router/topology/prober.hpp"

#include <algorithm>

#include "postgres/catalogue_reader.hpp"
#include "postgres/ownership_reader.hpp"
#include "router/log.hpp"
#include "router/topology/silence.hpp"
#include "shard_map/map_schemas.hpp"

namespace shardplex::router {
namespace {

// A fingerprint costs a server some milliseconds, or dozens where it has hundreds of tables: about a fiftieth
// of a core at most.
constexpr auto least_between_fingerprints = std::chrono::seconds(1);
constexpr auto most_between_fingerprints = std::chrono::seconds(5);
constexpr int share_of_fingerprints = 50;
constexpr auto question_timeout = std::chrono::milliseconds(2'000);  // of tables and ownership
// A server that hangs is given up within a second, the interval of probes included.
constexpr auto first_patience = std::chrono::milliseconds(350);
constexpr auto second_patience = std::chrono::milliseconds(300);  // over a connection of its own

constexpr auto between_sessions = std::chrono::seconds(10);  // a server may be slow to open them
constexpr auto note_timeout = std::chrono::milliseconds(500);

void note_failure(WatchedShard& shard, const char* what, const postgres::Failure& failure) {
  shard.failure = std::string(what) + " of shard " + shard.name + " cannot be read: " + failure.message;
  log_warning(shard.failure);
}

}  // namespace

Prober::Prober(ServerPools& pools, std::chrono::milliseconds max_replica_lag)
    : pools_(pools), max_replica_lag_(max_replica_lag) {}

Awaitable<Prober::Result> Prober::probe(WatchedShard& shard, std::size_t server) {
  const auto answer = co_await ask_for_status(shard, server);
  if (!answer) co_return Result{.changed = false};
  auto status = *answer;
  if (status) co_await learn_timelines(shard, *status);
  auto& probed = shard.servers[server];
  probed.probed = true;
  probed.overruled = false;
  probed.up = status.has_value();
  probed.hangs = !status && is_silence(status.error());
  if (status) {
    probed.status = std::move(*status);
    probed.failure.clear();
  } else {
    probed.failure = status.error().message;
  }
  assess_health(shard);
  if (shard.state.primary == server) co_await bring_notes_up_to_date(shard, server);
  look_at_sessions(shard, server);
  if (shard.best_server() != server) co_return Result{};
  shard.directory = std::exchange(probed.status.directory, {});
  if (probed.status.directory_denied)
    warn_once_("shard " + shard.name +
               " does not let this role read shardplex.shards: added shards will not be found by themselves");
  bool same_tables = false;
  if (!shard.needs_tables(server)) same_tables = co_await look_at_tables(shard, server);
  const bool new_report = co_await read_newer(shard, server);
  // What could not be read may have been another server's, or be again as it was: then nobody reads it anew.
  if (same_tables && !shard.needs_tables(server) && !shard.has_newer_report(server)) shard.failure.clear();
  co_return Result{.new_report = new_report};
}

/// A late answer may be this connection's own trouble, or this thread's; and a server that answers the
/// workers is up, whatever became of the probe: nullopt.
Awaitable<std::optional<postgres::Outcome<postgres::ServerStatus>>> Prober::ask_for_status(
    WatchedShard& shard, std::size_t server) {
  const auto began = Clock::now();
  for (auto patience = first_patience;; patience = second_patience) {
    const auto deadline = Clock::now() + patience;
    auto status = co_await postgres::read_status(pool(shard, server), deadline);
    // A connection that was cut says nothing of the server, unless another one cannot be made.
    if (!status && status.error().kind == postgres::Failure::Kind::lost)
      status = co_await postgres::read_status(pool(shard, server), deadline);
    if (status || !is_silence(status.error())) co_return status;
    if (is_late(status.error())) pool(shard, server).replace_connections(std::string(silence));
    const bool held_up = Clock::now() > deadline + own_delay;
    if (patience == first_patience || (held_up && Clock::now() < began + question_timeout)) continue;
    // A pool that has not reached the server before says so at once.
    const auto since = std::min(began, Clock::now() - first_patience - second_patience);
    if (shard.servers[server].up && shard.state.servers[server].pulse->beat_since(since))
      co_return std::nullopt;
    auto hangs = status.error();
    hangs.message = silence;
    co_return hangs;
  }
}

/// A server that was promoted is noted in another shard before it is written to: what it acknowledges must
/// not be forgotten with this router.
Awaitable<void> Prober::learn_timelines(const WatchedShard& shard, const postgres::ServerStatus& status) {
  if (!status.initialised || status.cluster != shard.map->cluster()) co_return;
  notes_.hear(status.noted);
  auto& newest = notes_.of(shard.name).timeline;
  if (status.shard != shard.name || status.timeline <= newest) co_return;
  if (was_given_up(status, notes_.of(shard.name).ruling)) co_return;
  newest = status.timeline;
  co_await note_elsewhere(shard.name, notes_);
}

/// Taken for known when it is noted, so that no probe takes the server into use before that.
Awaitable<void> Prober::hear_timeline(WatchedShard& shard, std::int64_t timeline) {
  if (timeline <= notes_.of(shard.name).timeline) co_return;
  auto notes = notes_;
  const auto ruling = notes.of(shard.name).ruling;
  notes.of(shard.name).timeline = timeline;
  co_await note_elsewhere(shard.name, std::move(notes));
  auto& newest = notes_.of(shard.name);
  if (newest.ruling != ruling) co_return;  // an operator has ruled on it meanwhile
  newest.timeline = std::max(newest.timeline, timeline);
  assess_health(shard);
}

/// One other shard is enough here: the rest is brought up to date by the next probes.
Awaitable<void> Prober::note_elsewhere(std::string shard, TimelineNotes notes) {
  for (const auto& [name, place] : std::map(note_places_)) {
    auto* pool = name == shard ? nullptr : pools_.find(place.conninfo);
    auto statements = notes.missing(name, place.noted);
    if (pool == nullptr || statements.empty()) continue;
    const auto noted =
        co_await pool->execute(postgres::Lane::write, std::move(statements), Clock::now() + note_timeout);
    if (noted) co_return;
  }
}

Awaitable<void> Prober::bring_notes_up_to_date(const WatchedShard& shard, std::size_t server) {
  const auto status = shard.servers[server].status;
  const auto& conninfo = shard.state.servers[server].conninfo;
  auto statements = notes_.missing(shard.name, status.noted);
  if (!status.takes_notes) {
    if (!statements.empty())
      warn_once_(
          "shard " + shard.name +
          " does not let this role read shardplex.timelines: that another shard's old primary is one, a "
          "router that starts may not know (shardplex cluster init, and docs/operating.md#roles-and-"
          "grants)");
    co_return;
  }
  note_places_.insert_or_assign(shard.name, NotePlace{conninfo, status.noted});
  if (statements.empty()) co_return;
  const auto noted = co_await pool(shard, server)
                         .execute(postgres::Lane::write, std::move(statements), Clock::now() + note_timeout);
  if (!noted) warn_once_("shard " + shard.name + " cannot note timelines: " + noted.error().message);
}

Awaitable<Prober::Result> Prober::probe_epoch(WatchedShard& shard, std::size_t server) {
  const auto epoch = co_await postgres::read_epoch(pool(shard, server), Clock::now() + first_patience);
  if (!epoch) co_return Result{.changed = false, .whole_due = true};
  auto& known = shard.servers[server].status.epoch;
  if (*epoch == known) co_return Result{.changed = false};
  known = *epoch;
  assess_health(shard);
  if (shard.best_server() != server) co_return Result{};
  const bool new_report = co_await read_newer(shard, server);
  co_return Result{.new_report = new_report};
}

/// True where there is a new ownership report. It is of no use without tables: where those cannot be read,
/// the next probe tries again.
Awaitable<bool> Prober::read_newer(WatchedShard& shard, std::size_t server) {
  if (shard.needs_tables(server)) {
    const bool read = co_await read_tables(shard, server);
    if (!read) co_return false;
  }
  if (!shard.has_newer_report(server)) co_return false;
  const bool read = co_await read_ownership_report(shard, server);
  co_return read;
}

/// True where the tables that are known are known to be the server's. A fingerprint that cannot be read says
/// nothing: whatever is wrong shows elsewhere, or is over with the next.
Awaitable<bool> Prober::look_at_tables(WatchedShard& shard, std::size_t server) {
  if (Clock::now() < shard.tables_due) co_return false;
  const auto asked = Clock::now();
  shard.tables_due = asked + least_between_fingerprints;
  const auto schemas = schemas_of(*shard.map);
  const auto fingerprint = co_await postgres::read_catalogue_fingerprint(
      pool(shard, server), Clock::now() + question_timeout, schemas);
  if (!fingerprint) co_return false;
  // A request that asks for a look meanwhile has one at once.
  if (shard.tables_due > asked)
    shard.tables_due =
        asked + std::clamp<Clock::duration>(share_of_fingerprints * (Clock::now() - asked),
                                            least_between_fingerprints, most_between_fingerprints);
  if (*fingerprint == shard.tables_fingerprint) {
    shard.tables_seen = asked;
    co_return true;
  }
  log_info("the tables of a shard have changed", {{"shard", shard.name}});
  const bool read = co_await read_tables(shard, server);
  co_return read;
}

Awaitable<bool> Prober::read_tables(WatchedShard& shard, std::size_t server) {
  const bool is_primary = shard.state.primary == server;
  const auto asked = Clock::now();
  const auto schemas = schemas_of(*shard.map);
  auto tables =
      co_await postgres::read_catalogue(pool(shard, server), Clock::now() + question_timeout, schemas);
  if (!tables) {
    note_failure(shard, "the catalogue", tables.error());
    co_return false;
  }
  shard.failure.clear();  // one about the ownership is found anew by reading that
  shard.tables = std::move(tables->catalogue);
  shard.tables_fingerprint = std::move(tables->fingerprint);
  shard.tables_of_primary = is_primary;
  shard.tables_seen = asked;
  changes_.tables = true;
  co_return true;
}

Awaitable<bool> Prober::read_ownership_report(WatchedShard& shard, std::size_t server) {
  const auto timeline = shard.timeline_of(server);
  const auto map = shard.map;  // it may be given another one meanwhile
  auto report = co_await postgres::read_ownership(pool(shard, server), *map, Clock::now() + question_timeout);
  if (!report) {
    note_failure(shard, "the ownership", report.error());
    co_return false;
  }
  shard.take_report(std::move(*report), timeline);
  changes_.ownership = true;
  assess_health(shard);  // again, against the epoch just read
  co_return true;
}

/// While a server is set otherwise than sessions are held to, its own are opened anew now and then, to see
/// whether that has been mended.
void Prober::look_at_sessions(const WatchedShard& shard, std::size_t server) {
  for (const auto& problem : pools_.sessions().problems()) warn_once_(problem);
  const auto& conninfo = shard.state.servers[server].conninfo;
  if (!pools_.sessions().differs(conninfo)) return;
  auto& due = sessions_due_[conninfo];
  if (Clock::now() < due) return;
  due = Clock::now() + between_sessions;
  pool(shard, server).replace_idle_connections();
}

void Prober::assess_health(WatchedShard& shard) {
  const auto before = shard.state.servers;
  shard.assess_health(max_replica_lag_, notes_.of(shard.name), others_heard_);
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto& now = shard.state.servers[i];
    if (same_health(before[i], now)) continue;
    if (now.problem.empty())
      log_info("server in use", {{"server", now.name}, {"address", now.address}, {"writable", now.writable}});
    else if (!others_heard_ && now.up)
      log_info("server not in use yet", {{"server", now.name}, {"problem", now.problem}});
    else
      log_warning("server not in use",
                  {{"server", now.name}, {"address", now.address}, {"problem", now.problem}});
  }
}

postgres::Pool& Prober::pool(const WatchedShard& shard, std::size_t server) const {
  return pools_.at(shard.state.servers[server].conninfo);
}

}  // namespace shardplex::router
