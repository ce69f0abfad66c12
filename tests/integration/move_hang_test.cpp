// Movers that hang, and routers that do not accept a shard: nobody waits for ever, and nothing is lost.
#include <doctest/doctest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/integration/moves.hpp"

namespace shardplex::integration {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

Moves& moves() {
  static Moves made;
  return made;
}

std::string log_of(const Process& mover) {
  std::string log;
  for (const auto& line : mover.errors()) log += line + '\n';
  return log;
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::int64_t fenced(const std::string& shard) {
  return moves().shard(shard).number("SELECT count(*) FROM shardplex.slots WHERE state = 'fenced'");
}

TEST_CASE(
    "a mover that hangs under its fence is no longer waited for, and hands nothing over when it goes on") {
  const auto [from, to] = moves().owner_and_other();
  moves().cluster().run_everywhere("UPDATE movies SET imdb_votes = 0");
  Router router(moves().cluster().map_file());
  Writer writer(router.port(), moves().moved_films());
  wait_until("there are writes", [&] { return writer.written > 50; });
  for (const std::string point : {"after:fence", "before:hand_over"}) {
    CAPTURE(point);
    const auto mover = moves().run_until(point, {"--max-pause", "6000"});  // the lease is 9 s
    CHECK(fenced(from) == 256);
    wait_until("/ready says that writes wait", [&] {
      const auto ready = router.admin("/ready");
      return ready.status == 200 &&
             says(ready.body, "writes to 256 slots of shard " + from + " have waited for");
    });
    const auto status = moves().run("status");
    CHECK_MESSAGE(says(status.output, "writes to 256 slots of " + from + " wait, for "), status.output);
    CHECK(says(router.admin("/metrics").body, "\nshardplex_fenced_slots 256\n"));
    const auto written = writer.written.load();
    wait_until("writes go on", [&] { return writer.written > written + 50; });
    CHECK(fenced(from) == 0);
    wait_until("/ready says no more of it", [&] { return !says(router.admin("/ready").body, "warnings"); });
    mover->signal(SIGCONT);
    const auto ended = mover->wait();
    REQUIRE_MESSAGE(ended == 0, log_of(*mover));
    CHECK(moves().owner_and_other().first == to);
    moves().expect("reverse");
  }
  const auto counts = writer.stop();
  const auto complaints = writer.complaints();
  CHECK_MESSAGE(complaints.empty(), complaints.front());
  moves().check_counts(counts);
}

TEST_CASE("a mover that hangs is told of, and replaced where that is asked for; it does nothing more then") {
  const auto before = moves().state();
  const auto to = moves().owner_and_other().second;
  const auto hung = moves().run_until("before:hand_over");
  const auto alive = moves().run("resume", {"--take-over"});
  CHECK(alive.status == 1);
  CHECK_MESSAGE(says(alive.errors, "so it is not taken over"), alive.errors);
  wait_until("status says that the mover hangs",
             [&] { return says(moves().run("status").output, "resume --take-over"); });
  const auto aborted = moves().run("abort");
  CHECK(aborted.status == 1);
  CHECK_MESSAGE(says(aborted.errors, "does not answer"), aborted.errors);
  moves().expect("abort", {"--take-over"});
  CHECK(moves().state() == before);
  hung->signal(SIGCONT);
  CHECK(hung->wait() == 1);
  CHECK(moves().state() == before);

  const auto again = moves().run_until("before:own");
  wait_until("the mover has been silent for long enough",
             [&] { return says(moves().run("status").output, "resume --take-over"); });
  moves().expect("resume", {"--take-over"});
  again->signal(SIGCONT);
  CHECK(again->wait() == 1);
  CHECK(moves().owner_and_other().first == to);
  moves().expect("reverse");
  CHECK(moves().state() == before);
}

TEST_CASE("no slots are handed to a shard that a living router does not accept") {
  const auto [from, to] = moves().owner_and_other();
  const auto before = moves().state();
  const auto report = [&](const std::string& what) {
    moves().shard(from).run("SELECT shardplex.report_router('r1', 'web3, process 4711', '" + what + "')");
  };
  const auto refused = [&](const std::string& what, const std::string& reason) {
    report(what);
    for (const std::string verb : {"check", "run"}) {
      const auto told = verb == "check" ? moves().run("check", {moves().plan_file()})
                                        : moves().run("run", {"--patience", "1"});
      CAPTURE(verb);
      CHECK(told.status == 1);
      CHECK_MESSAGE(says(told.output + told.errors, reason), told.output << told.errors);
    }
    CHECK(moves().state() == before);
  };
  refused(R"({"shards": {"alpha": "", "beta": ""}, "tables": {"movies": "collations differ"}})",
          "router web3, process 4711 does not serve table movies: collations differ");
  refused(R"({"shards": {")" + from + R"(": "", ")" + to +
              R"(": "password authentication failed"}, "tables": {}})",
          "router web3, process 4711 has not accepted shard " + to + ": password authentication failed");
  refused(R"({"shards": {")" + from + R"(": ""}, "tables": {}})",
          "router web3, process 4711 does not know of shard " + to);

  // Also one that comes to that only while rows are copied.
  report(R"({"shards": {"alpha": "", "beta": ""}, "tables": {}})");
  const auto mover = moves().run_until("before:fence", {"--patience", "1"});
  report(R"({"shards": {")" + from + R"(": ""}, "tables": {}})");
  mover->signal(SIGCONT);
  CHECK(mover->wait() == 1);
  CHECK_MESSAGE(says(log_of(*mover), "does not know of shard " + to), log_of(*mover));
  CHECK(fenced(from) == 0);

  // A router that is gone is not waited for.
  moves().shard(from).run("UPDATE shardplex.routers SET reported_at = now() - interval '16 seconds'");
  moves().expect("resume");
  CHECK(moves().owner_and_other().first == to);
  // The way back is open whatever a router says of the shard that the slots come from.
  moves().shard(to).run("SELECT shardplex.report_router('r1', 'web3', '{\"tables\": {\"movies\": \"no\"}}')");
  moves().expect("reverse");
  CHECK(moves().state() == before);
}

TEST_CASE(
    "a hang-up and a closed pipe end a mover where nobody waits for it, and run says when it was aborted") {
  const auto before = moves().state();
  const auto from = moves().owner_and_other().first;
  for (const int signal : {SIGHUP, SIGPIPE, SIGTERM}) {
    CAPTURE(signal);
    const auto mover = moves().run_until("before:drain");
    mover->signal(signal);
    mover->signal(SIGCONT);
    CHECK(mover->wait() == 1);
    CHECK(fenced(from) == 0);
    moves().expect("resume");  // it had handed over, or had let writes in again
    moves().expect("reverse");
    CHECK(moves().state() == before);
  }
  const auto mover = moves().run_until("before:catch_up");
  moves().shard(from).run("UPDATE shardplex.moves SET wanted = 'abort' WHERE phase = 'moving'");
  mover->signal(SIGCONT);
  CHECK(mover->wait() == 1);
  CHECK_MESSAGE(says(log_of(*mover), "was aborted"), log_of(*mover));
  CHECK(moves().state() == before);
}

TEST_CASE("the pause of a move counts from the first try for its fence, from which on a write may wait") {
  const auto before = moves().state();
  const auto from = moves().owner_and_other().first;
  const auto mover = moves().run_until("before:fence");
  // A write in flight, for which the fence has to wait. No other write begins while it does.
  pqxx::connection client(moves().cluster().conninfo(from));
  std::optional<pqxx::work> write(std::in_place, client);
  write->exec("SELECT shardplex.begin_write('catalog', (SELECT epoch FROM shardplex.shard))");
  const auto resumed = Clock::now();
  mover->signal(SIGCONT);
  wait_until("the fence waits", [&] {
    return moves().shard(from).number(
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE "
               "'%fence_slots%'") > 0;
  });
  const auto waits = Clock::now();
  std::this_thread::sleep_for(400ms);  // ten times what the rest of a pause takes
  const auto waited = Milliseconds(Clock::now() - waits);
  write.reset();
  REQUIRE_MESSAGE(mover->wait() == 0, log_of(*mover));
  const auto all = Milliseconds(Clock::now() - resumed);
  const auto status = boost::json::parse(moves().run("status", {"--json"}).output);
  std::vector<double> pauses;
  for (const auto& move : status.at("moves").as_array())
    if (move.at("phase").as_string() == "reversible")
      pauses.push_back(move.at("write_pause_ms").to_number<double>());
  REQUIRE(pauses.size() == 1);
  CHECK(pauses.front() >= waited.count());
  CHECK(pauses.front() <= all.count());
  moves().expect("reverse");
  CHECK(moves().state() == before);
}

TEST_CASE("the target knows how many rows it has before the first client asks, and a lost way back is told") {
  const auto to = moves().owner_and_other().second;
  moves().shard(to).run("DELETE FROM pg_statistic WHERE starelid = 'movies'::regclass");
  moves().expect("run");
  CHECK(moves().shard(to).number("SELECT count(*) FROM pg_stats WHERE tablename = 'movies'") > 0);
  CHECK(moves().shard(to).number(
            "SELECT reltuples::bigint FROM pg_class WHERE oid = 'shardplex.slots'::regclass") > 0);
  CHECK_FALSE(says(moves().run("status").output, "no way back"));
  auto& source = moves().shard(to == "beta" ? "alpha" : "beta");
  source.run("ALTER SUBSCRIPTION " + *source.value("SELECT subname FROM pg_subscription") + " DISABLE");
  wait_until("the way back's replication slot is not in use", [&] {
    return moves().shard(to).number("SELECT count(*) FROM pg_replication_slots WHERE active") == 0;
  });
  moves().shard(to).run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
  const auto told = moves().run("status").output;
  CHECK_MESSAGE(says(told, "there is no way back: its replication slot is gone"), told);
  for (const std::string verb : {"status", "doctor"}) {
    const auto seen = run_shardplex({"cluster", verb, "--map", moves().cluster().map_file()});
    CHECK_MESSAGE(says(seen.errors, "there is no way back: its replication slot is gone"), seen.errors);
  }
  moves().expect("finish");
}

}  // namespace
}  // namespace shardplex::integration
