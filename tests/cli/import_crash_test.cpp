// `shardplex import` whose process dies, at every point where that could matter.
#include "tests/cli/import_fixture.hpp"

using namespace shardplex;
using namespace shardplex::test;

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
    const CommandRun run = import("run", cluster, source);
    REQUIRE_MESSAGE(run.exit == 0, run);
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
    const CommandRun abort = import("abort", cluster, source);
    REQUIRE_MESSAGE(abort.exit == 0, abort);
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
  const CommandRun finish = import("finish", cluster, source);
  REQUIRE_MESSAGE(finish.exit == 0, finish);
  check_finished(cluster, source);
}

TEST_CASE(
    "a reversal killed at any point begins anew or is completed, and the source has what the shards had") {
  Cluster& cluster = emptied(genre_cluster());
  Cluster& source = filled_source(200);
  REQUIRE(import("run", cluster, source).exit == 0);
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
  // Once it is decided, no shard that is down keeps the source closed.
  CHECK(import_until("import_returned", "reverse", cluster, source) == 137);
  cluster.control("stop-server", cluster.shards().back());
  CHECK(import("reverse", cluster, source).exit == 1);
  source.sql(source_server, "UPDATE genres SET number = number");
  cluster.control("start-server", cluster.shards().back());
  for (const std::string point : {"import_unsubscribed", "import_unpublished"})
    CHECK_MESSAGE(import_until(point, "reverse", cluster, source) == 137, point);
  const CommandRun run = import("reverse", cluster, source);
  REQUIRE_MESSAGE(run.exit == 0, run);
  check_returned(cluster, source);
  CHECK(source.sql(source_server, "SELECT count(*) FROM movies WHERE name = 'changed again'") == "28");
  CHECK(import_until("import_removed", "abort", cluster, source) == 137);
  REQUIRE(import("abort", cluster, source).exit == 0);
  check_no_trace(cluster, source);
}

TEST_CASE("an abort killed at any point can be run again") {
  for (const std::string point : {"import_aborting", "import_replication_slot_dropped", "import_removed"}) {
    CAPTURE(point);
    Cluster& cluster = emptied(genre_cluster());
    Cluster& source = filled_source(100);
    REQUIRE(import("run", cluster, source, {"--rehearse"}).exit == 0);
    CHECK(import_until(point, "abort", cluster, source) == 137);
    const CommandRun run = import("run", cluster, source);
    CHECK(run.says("import is being aborted"));
    const CommandRun abort = import("abort", cluster, source);
    REQUIRE_MESSAGE(abort.exit == 0, abort);
    check_no_trace(cluster, source);
  }
}
