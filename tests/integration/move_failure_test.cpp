// Servers that fail, and people who change their minds, while slots move.
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "tests/integration/moves.hpp"

namespace shardplex::integration {
namespace {

/// A step with the mover about to do it, from before the copy to after the hand-over.
const std::vector<std::string> phases{"before:publish",    "copy:replication_slot_made",
                                      "copy:table_copied", "before:subscribe",
                                      "before:catch_up",   "before:verify",
                                      "before:fence",      "before:drain",
                                      "before:hand_over",  "before:own",
                                      "before:drop_slot",  "before:subscribe_reverse"};

/// Each film is on one shard, and as it was.
std::string all_rows(Moves& moves) {
  std::map<std::string, std::string> rows;
  for (const auto& shard : moves.cluster().shards())
    for (const auto* table : {"movies", "ratings"})
      for (const auto& row : moves.shard(shard).run(std::string("SELECT t::text FROM ") + table + " t"))
        rows[std::string(table) + row[0].as<std::string>()] += '.';
  std::string text;
  for (const auto& [row, times] : rows) text += row + times + '\n';
  return text;
}

std::string log_of(const Process& mover) {
  std::string log;
  for (const auto& line : mover.errors()) log += line + '\n';
  return log;
}

/// The mover comes to its end, the slots are at `owner`, and after finish the rows are as they were.
void expect_moved(Moves& moves, Process& mover, const std::string& owner, const std::string& rows) {
  const auto status = mover.wait();
  REQUIRE_MESSAGE(status == 0, log_of(mover));
  CHECK(moves.owner_and_other().first == owner);
  moves.expect("finish");
  CHECK(all_rows(moves) == rows);
}

TEST_CASE("a move goes on when the primary of its source or target crashes and comes back, at any step") {
  Moves moves;
  const auto rows = all_rows(moves);
  for (const bool of_source : {true, false})
    for (const auto& phase : phases) {
      CAPTURE(phase);
      CAPTURE(of_source);
      const auto [from, to] = moves.owner_and_other();
      const auto mover = moves.run_until(phase);
      moves.disconnect();
      moves.cluster().crash_and_start(of_source ? from : to);
      moves.connect();
      mover->signal(SIGCONT);
      expect_moved(moves, *mover, to, rows);
    }
}

/// The primary dies while rows are copied, and its replica takes its place.
void fail_over_during_copy(bool of_source) {
  Moves moves({.shards = 2, .replicas = 1});
  moves.cluster().wait_for_replicas();
  const auto rows = all_rows(moves);
  const auto [from, to] = moves.owner_and_other();
  const std::string failed = of_source ? from : to;
  const auto mover = moves.run_until("copy:table_copied");
  moves.disconnect();
  moves.cluster().kill(failed);
  moves.cluster().promote(failed + "-1");
  moves.connect({{failed, failed + "-1"}});
  mover->signal(SIGCONT);
  expect_moved(moves, *mover, to, rows);
}

TEST_CASE("a replica of the source promoted during the copy: the move starts over, and nothing is lost") {
  fail_over_during_copy(true);
}

TEST_CASE("a replica of the target promoted during the copy: the move starts over, and nothing is lost") {
  fail_over_during_copy(false);
}

TEST_CASE("a hand-over that the source has forgotten while the mover stood still makes nobody an owner") {
  Moves moves({.shards = 2, .replicas = 1});
  const auto [from, to] = moves.owner_and_other();
  moves.crash("run", "before:fence");
  moves.cluster().wait_for_replicas();
  // The replica knows of the move, and learns neither of the fence nor of the hand-over.
  Database replica(moves.cluster().conninfo(from + "-1"));
  replica.run("ALTER SYSTEM SET primary_conninfo TO ''");
  replica.run("SELECT pg_reload_conf()");
  wait_until("it receives nothing",
             [&] { return replica.number("SELECT count(*) FROM pg_stat_wal_receiver") == 0; });
  const auto mover = moves.run_until("own:handed_over_seen", {}, "resume");
  const auto stopped = std::chrono::steady_clock::now();
  moves.disconnect();
  moves.cluster().kill(from);
  moves.cluster().promote(from + "-1");
  moves.connect({{from, from + "-1"}});
  moves.shard(from).run("UPDATE movies SET imdb_votes = 77 WHERE shardplex_slot BETWEEN 0 AND 255");
  wait_until("the mover has stood still for long",
             [&] { return std::chrono::steady_clock::now() - stopped > std::chrono::seconds(4); });
  mover->signal(SIGCONT);
  const auto status = mover->wait();
  CHECK_MESSAGE(status == 0, log_of(*mover));
  CHECK(moves.owner_and_other().first == to);
  moves.expect("finish");
  CHECK(moves.shard(to).number("SELECT count(*) FROM movies WHERE shardplex_slot BETWEEN 0 AND 255") > 0);
  CHECK(moves.shard(to).number("SELECT count(*) FROM movies WHERE shardplex_slot BETWEEN 0 AND 255 AND "
                               "imdb_votes IS DISTINCT FROM 77") == 0);
}

TEST_CASE("what the target has seen but not yet on disk is not given up by the source") {
  // Writes up to the fence, a target that is slow to flush what it applies, and that crashes after the
  // hand-over.
  Moves moves({.shards = 2, .replicas = 0, .settings = {"wal_writer_delay=10s"}});
  Router router(moves.cluster().map_file());
  Writer writer(router.port(), moves.moved_films());
  wait_until("there are writes", [&] { return writer.written > 50; });
  const auto mover = moves.run_until("after:hand_over");
  moves.disconnect();
  moves.cluster().kill("beta");
  moves.cluster().start("beta");
  moves.connect();
  mover->signal(SIGCONT);
  CHECK(mover->wait() == 0);
  for (const auto& [id, count] : writer.stop()) {
    // One request at most was under way when the server died, and its outcome may not have been told.
    const auto stored =
        moves.shard("beta").number("SELECT imdb_votes FROM movies WHERE id = " + std::to_string(id));
    CHECK(stored >= count);
    CHECK(stored <= count + 1);
  }
}

TEST_CASE("writes go on at the source when the target dies under the fence") {
  Moves moves;
  const auto rows = all_rows(moves);
  const auto mover = moves.run_until("after:fence");
  moves.cluster().kill("beta");
  mover->signal(SIGCONT);
  wait_until("the fence is taken back", [&] {
    return moves.shard("alpha").number("SELECT count(*) FROM shardplex.slots WHERE state = 'fenced'") == 0;
  });
  moves.disconnect();
  moves.cluster().start("beta");
  moves.connect();
  CHECK(mover->wait() == 0);
  CHECK(moves.owner_and_other().first == "beta");
  moves.expect("finish");
  CHECK(all_rows(moves) == rows);
}

TEST_CASE("a server that stays away stops the move with what to do, and resume ends it") {
  Moves moves;
  const auto rows = all_rows(moves);
  const auto [from, to] = moves.owner_and_other();
  const auto mover = moves.run_until("before:subscribe", {"--patience", "2"});
  moves.disconnect();
  moves.cluster().kill(to);
  mover->signal(SIGCONT);
  CHECK(mover->wait() == 1);
  const auto log = log_of(*mover);
  CHECK_MESSAGE(log.find("shardplex rebalance resume") != std::string::npos, log);
  moves.cluster().start(to);
  moves.connect();
  moves.expect("resume");
  moves.expect("finish");
  CHECK(all_rows(moves) == rows);
}

TEST_CASE("a running move is paused, goes on, and is aborted by commands from elsewhere") {
  Moves moves;
  const auto before = moves.state();
  const auto mover = moves.run_until("before:catch_up");
  moves.expect("pause");
  mover->signal(SIGCONT);
  wait_until("the move is paused", [&] {
    return moves.run("status", {"--json"}).output.find("\"paused\":true") != std::string::npos;
  });
  CHECK(moves.owner_and_other().first == "alpha");
  moves.expect("resume");  // the mover that waits goes on
  CHECK(mover->wait() == 0);
  CHECK(moves.owner_and_other().first == "beta");
  moves.expect("reverse");
  CHECK(moves.state() == before);

  const auto again = moves.run_until("copy:replication_slot_made");
  again->signal(SIGCONT);
  const auto aborted = moves.run("abort");
  // Either the abort came in time and nothing is left, or it is told that it was too late.
  if (aborted.status != 0) {
    CHECK_MESSAGE(aborted.errors.find("reverse") != std::string::npos, aborted.errors);
    again->wait();
    moves.expect("reverse");
  }
  again->wait();
  CHECK(moves.state() == before);
}

TEST_CASE("a mover told to stop by a signal ends where nobody waits for it, and resume goes on") {
  Moves moves;
  const auto mover = moves.run_until("before:drain");
  mover->signal(SIGTERM);
  mover->signal(SIGCONT);
  CHECK(mover->wait() == 1);
  // Not while writes wait: either the hand-over came to its end, or the fence was taken back.
  CHECK(moves.shard("alpha").number("SELECT count(*) FROM shardplex.slots WHERE state = 'fenced'") == 0);
  moves.expect("resume");
  CHECK(moves.owner_and_other().first == "beta");
}

}  // namespace
}  // namespace shardplex::integration
