// What the control thread asks of a shard, as a real one answers it.
#include <doctest/doctest.h>
#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <utility>
#include <vector>

#include "router/topology/health_watch.hpp"
#include "router/topology/id_reservation.hpp"
#include "router/topology/prober.hpp"
#include "router/topology/router_report.hpp"
#include "tests/postgres/server_fixture.hpp"
#include "tests/router/topology/sample_shards.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

test::Server& server() {
  static test::Server shared;
  return shared;
}

/// A database of its own, that is to be shard alpha of the sample map, and the control thread's way to it.
class RealShard {
 public:
  RealShard() { pools.hold(conninfo); }

  void run_sql(const std::string& sql) const { server().run_sql(sql, database_); }
  /// Ends all connections to the database, and lets others be made or not.
  void cut(bool connectable) const {
    server().run_sql("ALTER DATABASE " + database_ + " ALLOW_CONNECTIONS " +
                     (connectable ? "true" : "false"));
    server().run_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + database_ +
                     "'");
  }
  /// Alpha owns slots 0 and 1, and has the table movies.
  void initialise() const {
    server().run_sql_file(SHARDPLEX_SCHEMA, database_);
    run_sql(
        "INSERT INTO shardplex.shard (cluster, name, first_node, last_node) VALUES ('movies', 'alpha', 0, "
        "63)");
    run_sql(
        "INSERT INTO shardplex.slots (grp, slot, state) VALUES ('catalog', 0, 'owned'), ('catalog', 1, "
        "'owned')");
    run_sql("CREATE TABLE movies (id bigint PRIMARY KEY, shardplex_slot integer NOT NULL)");
  }

  template <class T>
  T run(Awaitable<T> awaitable) {
    std::optional<T> result;
    asio::co_spawn(io, std::move(awaitable), [&](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result = std::move(value);
    });
    REQUIRE(run_until([&] { return result.has_value(); }));
    return *std::move(result);
  }
  bool run_until(const std::function<bool()>& holds) {
    const auto until = Clock::now() + std::chrono::seconds(30);
    io.restart();
    while (!holds() && Clock::now() < until) io.run_one_for(std::chrono::milliseconds(100));
    return holds();
  }
  Prober::Result probe() { return run(prober.probe(*alpha, 0)); }
  Prober::Result probe_epoch() { return run(prober.probe_epoch(*alpha, 0)); }

 private:
  const std::string database_ = [] {
    static int count = 0;
    auto name = "shard" + std::to_string(++count);
    server().run_sql("CREATE DATABASE " + name);
    return name;
  }();

 public:
  const std::string conninfo = server().conninfo(database_);
  asio::io_context io{1};
  ServerPools pools{io, {}};
  Prober prober{pools, std::chrono::seconds(5)};
  const WatchedShardPtr alpha = std::make_shared<WatchedShard>(Shard{"alpha", conninfo, {}}, sample_map());
};

/// Its whole probes are ten minutes apart, and nobody hears of them.
struct RareWatch {
  explicit RareWatch(RealShard& shard)
      : watch(shard.io, settings,
              {.changed = [](const Changes&) {},
               .probed = [](const WatchedShardPtr&, std::size_t) -> Awaitable<void> { co_return; }}) {}

  static Settings rarely() {
    Settings settings;
    settings.poll_interval = std::chrono::minutes(10);
    return settings;
  }
  Settings settings = rarely();
  HealthWatch watch;
};

}  // namespace

TEST_CASE("the first probe reads status, tables and ownership, the next one only what is new") {
  RealShard shard;
  shard.initialise();
  const auto first = shard.probe();
  CHECK(first.changed);
  CHECK(first.new_report);
  CHECK(shard.alpha->state.primary == 0);
  REQUIRE(shard.alpha->tables);
  CHECK(shard.alpha->tables->tables.contains("movies"));
  REQUIRE(shard.alpha->ownership);
  using enum SlotState;
  CHECK(shard.alpha->ownership->groups.at("catalog") == std::vector{owned, owned, absent, absent});
  const auto changes = shard.prober.take_changes();
  CHECK(changes.tables);
  CHECK(changes.ownership);

  CHECK_FALSE(shard.probe().new_report);
  const auto no_changes = shard.prober.take_changes();
  CHECK_FALSE(no_changes.tables);
  CHECK_FALSE(no_changes.ownership);
}

TEST_CASE("a probe of the epoch reads the ownership where that has changed, and nothing otherwise") {
  RealShard shard;
  shard.initialise();
  shard.probe();
  shard.prober.take_changes();
  CHECK_FALSE(shard.probe_epoch().changed);
  const auto epoch = shard.alpha->epoch;
  shard.run_sql("SELECT shardplex.fence_slots('catalog', '{1}')");
  const auto result = shard.probe_epoch();
  CHECK(result.changed);
  CHECK(result.new_report);
  CHECK(shard.alpha->epoch == Epoch{epoch.value + 1});
  CHECK(shard.alpha->ownership->groups.at("catalog")[1] == SlotState::fenced);
  const auto changes = shard.prober.take_changes();
  CHECK(changes.ownership);
  CHECK_FALSE(changes.tables);
}

TEST_CASE("a server that is no shard yet is not used, and nothing more is asked of it") {
  RealShard shard;
  CHECK_FALSE(shard.probe().new_report);
  CHECK(shard.alpha->state.servers[0].up);
  CHECK(shard.alpha->state.servers[0].problem == "not initialised (shardplex cluster init)");
  CHECK_FALSE(shard.alpha->tables);
  shard.initialise();
  CHECK(shard.probe().new_report);
}

TEST_CASE("ownership that cannot be read is a failure of the shard, until it can be") {
  RealShard shard;
  shard.initialise();
  shard.run_sql("INSERT INTO shardplex.definitions VALUES ('group catalog', 'slots=16 hash')");
  CHECK_FALSE(shard.probe().new_report);
  CHECK(shard.alpha->failure.starts_with("the ownership of shard alpha cannot be read: "));
  CHECK(shard.alpha->tables);
  CHECK_FALSE(shard.alpha->ownership);
  shard.run_sql("DELETE FROM shardplex.definitions");
  CHECK(shard.probe().new_report);
  CHECK(shard.alpha->failure.empty());
}

TEST_CASE("a failure to read what turns out to be known is none of the shard any more") {
  RealShard shard;
  shard.initialise();
  shard.probe();
  // As of a replica that was asked before the primary was met, and gave up after that had answered.
  shard.alpha->failure = "the catalogue of shard alpha cannot be read: a replica does not answer";
  CHECK(shard.probe().changed);
  CHECK(shard.alpha->failure.empty());

  shard.run_sql("INSERT INTO shardplex.definitions VALUES ('group catalog', 'slots=16 hash')");
  shard.run_sql("SELECT shardplex.fence_slots('catalog', '{1}')");
  shard.probe();
  shard.alpha->tables_due = {};
  shard.probe();
  CHECK(shard.alpha->failure.starts_with("the ownership of shard alpha cannot be read: "));  // still is one
}

TEST_CASE("a shard's directory is known after a probe") {
  RealShard shard;
  shard.initialise();
  shard.run_sql("INSERT INTO shardplex.shards VALUES ('gamma', 2, 'host=c', '{}')");
  shard.probe();
  REQUIRE(shard.alpha->directory.size() == 1);
  CHECK(shard.alpha->directory.front().shard.name == "gamma");
}

TEST_CASE("a shard that has lost its schema is not used, and keeps the report that it gave") {
  RealShard shard;
  shard.initialise();
  shard.probe();
  shard.run_sql("DROP SCHEMA shardplex CASCADE");
  const auto result = shard.probe_epoch();
  CHECK(result.whole_due);
  CHECK_FALSE(result.changed);
  CHECK(shard.alpha->state.primary == 0);  // not known yet
  shard.probe();
  CHECK_FALSE(shard.alpha->state.primary);
  CHECK(shard.alpha->ownership);
}

TEST_CASE(
    "a primary that a worker has heard to be replaced is one of the past, whether its successor is met or "
    "not") {
  RealShard shard;
  shard.initialise();
  shard.probe();
  REQUIRE(shard.alpha->state.primary == 0);
  const auto hear = [&](std::int64_t timeline) {
    bool heard = false;
    asio::co_spawn(shard.io, shard.prober.hear_timeline(*shard.alpha, timeline),
                   [&](std::exception_ptr failure) {
                     CHECK_FALSE(failure);
                     heard = true;
                   });
    REQUIRE(shard.run_until([&] { return heard; }));
  };
  hear(1);
  CHECK(shard.alpha->state.primary == 0);
  hear(2);
  CHECK_FALSE(shard.alpha->state.primary);
  shard.probe();
  CHECK(shard.alpha->state.servers[0].problem.starts_with(
      "an old primary on an earlier timeline (1; 2 is known)"));
}

TEST_CASE("a server whose connections were cut is there as long as others can be made") {
  RealShard shard;
  shard.initialise();
  shard.probe();
  REQUIRE(shard.alpha->state.servers[0].up);
  shard.cut(true);
  shard.probe();
  CHECK(shard.alpha->state.servers[0].up);
  shard.cut(false);
  shard.probe();
  CHECK_FALSE(shard.alpha->state.servers[0].up);
}

TEST_CASE("a server that is reached again is probed at once") {
  RealShard shard;
  shard.initialise();
  RareWatch rare(shard);
  HealthWatch& watch = rare.watch;
  watch.start();
  watch.watch(shard.alpha);
  REQUIRE(shard.run_until([&] { return shard.alpha->state.servers[0].writable; }));
  shard.cut(false);
  watch.probe_now();
  REQUIRE(shard.run_until([&] { return !shard.alpha->state.servers[0].up; }));
  shard.cut(true);
  CHECK(shard.run_until([&] { return shard.alpha->state.servers[0].up; }));
}

TEST_CASE("while requests wait, a change of ownership is noticed long before the next whole probe") {
  RealShard shard;
  shard.initialise();
  RareWatch rare(shard);
  HealthWatch& watch = rare.watch;
  watch.watch(shard.alpha);
  REQUIRE(shard.run_until([&] { return shard.alpha->ownership.has_value(); }));
  const auto epoch = shard.alpha->epoch;
  shard.run_sql("SELECT shardplex.fence_slots('catalog', '{1}')");
  watch.probe_closely();
  CHECK(shard.run_until([&] {
    watch.probe_closely();
    return shard.alpha->epoch > epoch;
  }));
}

TEST_CASE("a server that begins to hang at what is asked between two probes is told as soon as at a probe") {
  RealShard shard;
  shard.initialise();
  Settings settings;
  settings.poll_interval = std::chrono::milliseconds(20);
  std::vector<pid_t> processes;  // to be stopped
  std::optional<Clock::time_point> hung_since;
  HealthWatch* watched = nullptr;
  const auto ask = [&](const WatchedShardPtr& alpha, std::size_t) -> Awaitable<void> {
    if (processes.empty() || hung_since) co_return;
    hung_since = Clock::now();
    for (const auto process : processes) ::kill(process, SIGSTOP);
    std::vector<Statement> statements;
    statements.push_back({"SELECT 1", {}});
    const auto answer = co_await watched->pool(*alpha, 0).execute(
        postgres::Lane::write, std::move(statements), Clock::now() + std::chrono::seconds(20));
    CHECK(answer.has_error());
  };
  HealthWatch watch(shard.io, settings, {.changed = [](const Changes&) {}, .probed = ask});
  watched = &watch;
  watch.start();
  watch.watch(shard.alpha);
  REQUIRE(shard.run_until([&] { return shard.alpha->state.primary == 0; }));
  {
    pqxx::connection connection(shard.conninfo);
    for (const auto& row :
         pqxx::nontransaction(connection)
             .exec("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int UNION "
                   "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' "
                   "AND pid <> pg_backend_pid()"))
      processes.push_back(row[0].as<int>());
  }
  CHECK(shard.run_until([&] { return shard.alpha->state.servers[0].hangs; }));
  CHECK(Clock::now() - *hung_since < std::chrono::seconds(2));
  CHECK(shard.alpha->state.servers[0].problem == "does not answer");
  for (const auto process : processes) ::kill(process, SIGCONT);
  CHECK(shard.run_until([&] { return shard.alpha->state.servers[0].up; }));
}

TEST_CASE("a shard promises ids, and goes on to promise them to the node that it named") {
  RealShard shard;
  shard.initialise();
  IdSource ids;
  IdReservation reservation(ids);
  const auto renew = [&] {
    bool done = false;
    asio::co_spawn(shard.io, reservation.renew("alpha", shard.pools.at(shard.conninfo)),
                   [&](std::exception_ptr failure) {
                     CHECK_FALSE(failure);
                     done = true;
                   });
    REQUIRE(shard.run_until([&] { return done; }));
  };
  renew();
  CHECK(reservation.left_ms() > 30'000);
  const auto first = ids.next(IdSource::now_ms());
  REQUIRE(first);
  // Ids run ahead of the clock until less than half of the promise is left.
  REQUIRE(ids.next(IdSource::now_ms() + 40'000));
  CHECK(reservation.left_ms() < 30'000);
  renew();
  CHECK(reservation.left_ms() > 30'000);
  const auto second = ids.next(IdSource::now_ms());
  REQUIRE(second);
  CHECK(*second > *first);
  constexpr std::int64_t node_bits = 127 << 5;
  CHECK((*second & node_bits) == (*first & node_bits));
}

namespace {

/// tell() to its end.
void tell(RealShard& shard, RouterReporter& reporter, const RouterReport& report, bool may_end = true) {
  bool done = false;
  asio::co_spawn(shard.io, reporter.tell(shard.alpha, shard.pools.at(shard.conninfo), report, may_end),
                 [&](std::exception_ptr failure) {
                   CHECK_FALSE(failure);
                   done = true;
                 });
  REQUIRE(shard.run_until([&] { return done; }));
}

}  // namespace

TEST_CASE("a router of any role reports itself to a shard, and again where what it says has changed") {
  RealShard shard;
  shard.initialise();
  shard.probe();
  pqxx::connection connection(shard.conninfo);
  const auto reported = [&] {
    return pqxx::nontransaction(connection)
        .exec1("SELECT string_agg(report::text, ' ') FROM shardplex.routers")[0]
        .as<std::string>("");
  };
  RouterReporter reporter;
  tell(shard, reporter, {.shards = {{"alpha", ""}}, .tables = {}});
  CHECK(reported() == R"({"shards": {"alpha": ""}, "tables": {}})");
  tell(shard, reporter, {.shards = {{"alpha", ""}, {"gamma", "no"}}, .tables = {}});
  CHECK(reported() == R"({"shards": {"alpha": "", "gamma": "no"}, "tables": {}})");

  pqxx::nontransaction transaction(connection);
  transaction.exec("CREATE ROLE web; GRANT USAGE ON SCHEMA shardplex TO web; SET ROLE web");
  transaction.exec("SELECT shardplex.report_router('another', 'web1, process 7', '{}')");
  CHECK(transaction.exec("SELECT * FROM shardplex.end_overdue_fences()").empty());
  transaction.exec("RESET ROLE");
  CHECK(transaction.exec(std::string(live_routers_sql)).size() == 3);
  transaction.exec(
      "UPDATE shardplex.routers SET reported_at = now() - interval '16 seconds' WHERE id = 'another'");
  CHECK(transaction.exec(std::string(live_routers_sql)).size() == 2);
  transaction.exec("DROP OWNED BY web; DROP ROLE web");
}

TEST_CASE("a fence is ended by a router once its lease is over, not before, and no hand-over can follow") {
  RealShard shard;
  shard.initialise();
  pqxx::connection connection(shard.conninfo);
  const auto run = [&](const std::string& sql) { pqxx::nontransaction(connection).exec(sql); };
  run("INSERT INTO shardplex.moves (id, number, grp, slots, source, target, phase, fenced_at, fence_until) "
      "VALUES ('m1', 1, 'catalog', '{0}', 'alpha', 'beta', 'moving', now(), now() + interval '1 minute')");
  run("SELECT shardplex.fence_slots('catalog', '{0}')");
  shard.probe();
  RouterReporter reporter;
  Membership membership{.map = sample_map(), .shards = {shard.alpha}};
  const auto fence_stands = [&] {
    shard.probe();
    tell(shard, reporter, {});
    shard.probe();
    return fenced_slots(*shard.alpha) == 1;
  };
  const auto until = Clock::now() + std::chrono::milliseconds(3'500);
  while (Clock::now() < until) REQUIRE(fence_stands());
  REQUIRE(reporter.waiting_writes(membership).size() == 1);
  CHECK(reporter.waiting_writes(membership).front().since_first_seen > std::chrono::seconds(3));

  run("UPDATE shardplex.moves SET fence_until = now() - interval '1 millisecond'");
  tell(shard, reporter, {}, false);
  shard.probe();
  CHECK(fenced_slots(*shard.alpha) == 1);
  CHECK(shard.run_until([&] { return !fence_stands(); }));
  tell(shard, reporter, {});
  CHECK(reporter.waiting_writes(membership).empty());
  CHECK_THROWS_AS(run("SELECT shardplex.hand_over_slots('catalog', '{0}')"), pqxx::sql_error);
  CHECK(pqxx::nontransaction(connection)
            .exec1("SELECT fenced_at IS NULL AND fence_until IS NULL FROM shardplex.moves")[0]
            .as<bool>());
}

TEST_CASE("a fence that a new primary comes with has stood since that one was first seen, and no longer") {
  RealShard shard;
  shard.initialise();
  pqxx::connection connection(shard.conninfo);
  pqxx::nontransaction(connection).exec("SELECT shardplex.fence_slots('catalog', '{0}')");
  shard.probe();
  RouterReporter reporter;
  const Membership membership{.map = sample_map(), .shards = {shard.alpha}};
  const auto stood = [&] { return reporter.waiting_writes(membership).at(0).since_first_seen; };
  tell(shard, reporter, {});
  REQUIRE(shard.run_until([&] { return stood() > std::chrono::milliseconds(300); }));
  tell(shard, reporter, {});
  CHECK(stood() > std::chrono::milliseconds(300));
  ++shard.alpha->servers.front().status.timeline;
  tell(shard, reporter, {});
  CHECK(stood() < std::chrono::milliseconds(300));
}

TEST_CASE("a fence without a lease, as an earlier version made it, is not ended") {
  RealShard shard;
  shard.initialise();
  pqxx::connection connection(shard.conninfo);
  pqxx::nontransaction transaction(connection);
  transaction.exec("SELECT shardplex.fence_slots('catalog', '{0}')");
  CHECK(transaction.exec("SELECT * FROM shardplex.end_overdue_fences()").empty());
  CHECK(transaction.exec1("SELECT state FROM shardplex.slots WHERE slot = 0")[0].as<std::string>() ==
        "fenced");
}
