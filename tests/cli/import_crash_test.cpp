// `shardplex import` whose process dies, at every point where that could matter.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <future>

#include "tests/cli/import_fixture.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

/// `import reverse`, or another verb, in a process of its own, that has stopped at one point and goes on when
/// it is told.
class StoppedImport {
 public:
  StoppedImport(const Cluster& cluster, const Cluster& source, const std::string& stop_at,
                const std::string& crash_at = "", const std::string& verb = "reverse") {
    std::vector<std::string> command = import_arguments(verb, cluster, source);
    command.insert(command.begin(), SHARDPLEX_PROGRAM);
    std::vector<char*> arguments;
    for (auto& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    process_ = fork();
    if (process_ == 0) {
      setenv("SHARDPLEX_STOP_AT", stop_at.c_str(), 1);
      setenv("SHARDPLEX_CRASH_AT", crash_at.c_str(), 1);
      execv(arguments.front(), arguments.data());
      _exit(127);
    }
    int status = 0;
    REQUIRE(waitpid(process_, &status, WUNTRACED) == process_);
    ended_ = !WIFSTOPPED(status);
    REQUIRE(!ended_);
  }
  ~StoppedImport() {
    if (ended_) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  StoppedImport(const StoppedImport&) = delete;

  /// Its exit status, or 128 + the signal that has ended it.
  int go_on() {
    kill(process_, SIGCONT);
    int status = 0;
    waitpid(process_, &status, 0);
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t process_ = -1;
  bool ended_ = false;
};

std::string states_on(const Cluster& cluster, const std::string& server) {
  return cluster.sql(server, "SELECT DISTINCT state FROM shardplex.slots ORDER BY 1");
}

/// The replica streams from nobody any more, or from its primary again.
void connect_replica(const Cluster& cluster, const std::string& primary, const std::string& replica,
                     const std::string& conninfo) {
  cluster.sql(replica, "ALTER SYSTEM SET primary_conninfo = '" + conninfo + "'");
  cluster.sql(replica, "SELECT pg_reload_conf()");
  const std::string wanted = conninfo.empty() ? "0" : "1";
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (cluster.sql(primary,
                     "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND pid NOT IN "
                     "(SELECT active_pid FROM pg_replication_slots WHERE slot_type = 'logical' AND "
                     "active_pid IS NOT NULL)") != wanted)
    REQUIRE(std::chrono::steady_clock::now() < give_up);
}

}  // namespace

TEST_CASE("an import killed at any point goes on where it was, and ends as if nothing had happened") {
  constexpr int films = 200;
  for (const std::string point :
       {"import_begun", "import_tables_made", "import_published", "import_replication_slot_made",
        "import_copying", "import_copied", "import_indexed", "import_way_back_made", "import_caught_up",
        "import_fencing", "import_fenced", "import_drained", "import_decided", "import_owned",
        "import_replication_slot_dropped", "import_subscribed"}) {
    CAPTURE(point);
    Cluster& cluster = emptied(genre_cluster());
    Cluster& source = filled_source(films);
    SourceWriter writer(source, films);
    CHECK(import_until(point, "run", cluster, source) == 137);
    expect_import("run", cluster, source);
    writer.stop();
    check_cut_over(cluster, source);
  }
}

TEST_CASE("an import killed at any point before the decision can be aborted, and nothing of it is left") {
  for (const std::string point :
       {"import_begun", "import_tables_made", "import_published", "import_replication_slot_made",
        "import_copying", "import_copied", "import_indexed", "import_caught_up", "import_fencing",
        "import_fenced", "import_drained"}) {
    CAPTURE(point);
    Cluster& cluster = emptied(genre_cluster());
    Cluster& source = filled_source(100);
    CHECK(import_until(point, "run", cluster, source) == 137);
    expect_import("abort", cluster, source);
    check_no_trace(cluster, source);
    source.sql(source_server, "INSERT INTO genres VALUES ('writes are let in', 100)");
  }
}

TEST_CASE("an import that is decided cannot be aborted, only finished") {
  Cluster& cluster = emptied(genre_cluster());
  Cluster& source = filled_source(100);
  CHECK(import_until("import_decided", "run", cluster, source) == 137);
  const CommandRun abort = import("abort", cluster, source);
  CHECK(abort.exit == 1);
  CHECK(abort.says("the cutover is decided"));
  CHECK(import("run", cluster, source).exit == 0);
  check_cut_over(cluster, source);
  for (const std::string point : {"import_finishing", "import_unsubscribed", "import_unpublished"})
    CHECK_MESSAGE(import_until(point, "finish", cluster, source) == 137, point);
  expect_import("finish", cluster, source);
  check_finished(cluster, source);
}

TEST_CASE(
    "a reversal killed at any point begins anew or is completed, and the source has what the shards had") {
  Cluster& cluster = emptied(genre_cluster());
  Cluster& source = filled_source(200);
  expect_import("run", cluster, source);
  const auto change = [&](const std::string& name) {
    for (const auto& shard : cluster.shards())
      cluster.sql(shard, "UPDATE movies SET name = '" + name +
                             "' WHERE id % 7 = 0; DELETE FROM ratings WHERE "
                             "user_id % 50 = length('" +
                             name + "')");
  };
  change("changed");
  for (const std::string point : {"import_reversing", "import_shards_fenced", "import_taken_back"})
    CHECK_MESSAGE(import_until(point, "reverse", cluster, source) == 137, point);
  // Nobody lets the fences stand for longer than their lease, and what is written then comes back too.
  CHECK(import_until("import_shards_fenced", "reverse", cluster, source) == 137);
  for (const auto& shard : cluster.shards()) {
    CHECK(cluster.sql(shard, "SELECT DISTINCT state FROM shardplex.slots") == "fenced");
    CHECK(cluster.sql(shard, "SELECT shardplex.end_overdue_fences()").empty());
    cluster.sql(shard,
                "UPDATE shardplex.imports SET fence_until = now() - interval '1 s'; "
                "SELECT shardplex.end_overdue_fences()");
    CHECK(cluster.sql(shard, "SELECT DISTINCT state FROM shardplex.slots") == "owned");
  }
  change("changed again");
  CHECK(import_until("import_handed_back", "reverse", cluster, source) == 137);
  CHECK(import("status", cluster, source).says("slots that were handed over"));
  CHECK_THROWS(source.sql(source_server, "DELETE FROM movies"));
  // A shard that is down keeps no other closed that was handed over, and no new reversal begins without it.
  cluster.control("stop-server", "beta");
  CHECK(states_on(cluster, "gamma") == "moved");
  const CommandRun lacking = import("reverse", cluster, source);
  CHECK(lacking.exit == 1);
  CHECK_MESSAGE(lacking.says("beta: no primary was found"), lacking);
  CHECK(states_on(cluster, "alpha") == "owned");
  CHECK(states_on(cluster, "gamma") == "owned");
  cluster.control("start-server", "beta");
  // A shard has taken its slots back, and a server that took over as the first one has forgotten that: what
  // is left is taken back too, and the source stays closed.
  const auto change_slots = [&](const std::string& from, const std::string& to) {
    cluster.sql("gamma", "SELECT shardplex.change_slots(grp, array_agg(slot ORDER BY slot), ARRAY['" + from +
                             "'], '" + to + "') FROM shardplex.slots GROUP BY grp");
  };
  CHECK(import_until("import_returned", "reverse", cluster, source) == 137);
  change_slots("moved", "owned");
  CHECK(import_until("import_taken_back", "reverse", cluster, source) == 137);
  CHECK(cluster.sql("alpha", "SELECT phase FROM shardplex.imports") == "reversing");
  CHECK(states_on(cluster, "alpha") == "owned");
  CHECK(states_on(cluster, "gamma") == "owned");
  CHECK_THROWS(source.sql(source_server, "DELETE FROM movies"));
  // Once it is decided, no shard that is down keeps the source closed.
  CHECK(import_until("import_returned", "reverse", cluster, source) == 137);
  cluster.control("stop-server", cluster.shards().back());
  CHECK(import("reverse", cluster, source).exit == 1);
  source.sql(source_server, "UPDATE genres SET number = number");
  cluster.control("start-server", cluster.shards().back());
  // Where the source takes writes already, nothing tells which side is right.
  CHECK(import_until("import_source_opened", "reverse", cluster, source) == 137);
  change_slots("moved", "owned");
  const CommandRun both = import("reverse", cluster, source);
  CHECK(both.exit == 1);
  CHECK_MESSAGE(both.says("the source takes writes, and gamma owns slots all the same"), both);
  CHECK(states_on(cluster, "alpha") == "moved");
  change_slots("owned", "moved");
  for (const std::string point : {"import_source_opened", "import_unsubscribed", "import_unpublished"})
    CHECK_MESSAGE(import_until(point, "reverse", cluster, source) == 137, point);
  expect_import("reverse", cluster, source);
  check_returned(cluster, source);
  CHECK(source.sql(source_server, "SELECT count(*) FROM movies WHERE name = 'changed again'") == "28");
  CHECK(import_until("import_removed", "abort", cluster, source) == 137);
  expect_import("abort", cluster, source);
  check_no_trace(cluster, source);
}

TEST_CASE(
    "whichever server of a shard takes over in a reversal, the source or the shards take writes, never "
    "both") {
  const Cluster cluster("--shards 2 --replicas 1 --map hash");
  source_cluster().reset();
  Cluster& source = filled_source(50);
  {
    // A server that took over as a shard must have all that the source had, so the cutover waits for those
    // that follow one.
    StoppedImport cutover(cluster, source, "import_drained", "", "run");
    const pid_t receiver = std::stoi(cluster.sql("beta-1", "SELECT pid FROM pg_stat_wal_receiver"));
    REQUIRE(kill(receiver, SIGSTOP) == 0);
    auto end = std::async(std::launch::async, [&] { return cutover.go_on(); });
    CHECK(end.wait_for(std::chrono::seconds(1)) == std::future_status::timeout);
    CHECK_NOTHROW(CHECK(cluster.sql("alpha", "SELECT phase FROM shardplex.imports") == "fence"));
    REQUIRE(kill(receiver, SIGCONT) == 0);
    CHECK(end.get() == 0);
  }
  const std::string primary = cluster.sql("alpha-1", "SHOW primary_conninfo");
  {
    // Of what is decided the replica that is cut off knows nothing, so it is taken back.
    StoppedImport reversal(cluster, source, "import_handed_back");
    CHECK(states_on(cluster, "beta") == "moved");
    connect_replica(cluster, "alpha", "alpha-1", "");
    CHECK(reversal.go_on() == 1);
    CHECK(cluster.sql("alpha", "SELECT phase FROM shardplex.imports") == "reversible");
    for (const auto& shard : cluster.shards()) CHECK(states_on(cluster, shard) == "owned");
    CHECK_THROWS(source.sql(source_server, "DELETE FROM movies"));
  }
  const std::string epoch = cluster.sql("beta", "SELECT epoch FROM shardplex.shard");
  const CommandRun lacking = import("reverse", cluster, source);
  CHECK(lacking.exit == 1);
  CHECK_MESSAGE(lacking.says("alpha: 0 of its 1 replicas follow it"), lacking);
  CHECK(cluster.sql("beta", "SELECT epoch FROM shardplex.shard") == epoch);  // it was not fenced

  connect_replica(cluster, "alpha", "alpha-1", primary);
  {
    StoppedImport reversal(cluster, source, "import_handed_back", "import_returned");
    connect_replica(cluster, "alpha", "alpha-1", "");
    CHECK(reversal.go_on() == 137);
  }
  CHECK(cluster.sql("alpha", "SELECT phase FROM shardplex.imports") == "returning");
  cluster.control("kill", "alpha");
  cluster.control("promote", "alpha-1");
  cluster.sql("alpha-1", "UPDATE shardplex.imports SET fence_until = now() - interval '1 s'");
  CHECK(!cluster.sql("alpha-1", "SELECT shardplex.end_overdue_fences()").empty());  // as routers do
  CHECK_THROWS(source.sql(source_server, "DELETE FROM movies"));
  const CommandRun back = import("reverse", cluster, source);
  CHECK(back.exit == 1);
  CHECK_MESSAGE(back.says("it has lost replication slot"), back);
  for (const std::string server : {"alpha-1", "beta"}) CHECK(states_on(cluster, server) == "owned");
  CHECK_THROWS(source.sql(source_server, "DELETE FROM movies"));
}

TEST_CASE(
    "where a server takes over as the first shard that has not received the cutover, the source stays "
    "closed") {
  const Cluster cluster("--shards 2 --replicas 1 --map hash");
  source_cluster().reset();
  Cluster& source = filled_source(50);
  CHECK(import_until("import_fenced", "run", cluster, source) == 137);
  connect_replica(cluster, "alpha", "alpha-1", "");
  expect_import("run", cluster, source);
  cluster.control("kill", "alpha");
  cluster.control("promote", "alpha-1");
  CHECK(cluster.sql("alpha-1", "SELECT phase FROM shardplex.imports") == "fence");
  for (const std::string verb : {"run", "abort"}) {
    const CommandRun refused = import(verb, cluster, source);
    CHECK(refused.exit == 1);
    CHECK_MESSAGE(refused.says("the first shard knows of no cutover, and yet beta owns slots"), refused);
    CHECK_THROWS(source.sql(source_server, "DELETE FROM movies"));
    CHECK(states_on(cluster, "beta") == "owned");
  }
}

TEST_CASE("an abort killed at any point can be run again") {
  for (const std::string point : {"import_aborting", "import_replication_slot_dropped", "import_removed"}) {
    CAPTURE(point);
    Cluster& cluster = emptied(genre_cluster());
    Cluster& source = filled_source(100);
    expect_import("run", cluster, source, {"--rehearse"});
    CHECK(import_until(point, "abort", cluster, source) == 137);
    const CommandRun run = import("run", cluster, source);
    CHECK(run.says("import is being aborted"));
    expect_import("abort", cluster, source);
    check_no_trace(cluster, source);
  }
}
