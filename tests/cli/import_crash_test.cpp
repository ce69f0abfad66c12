// `shardplex import` whose process dies, at every point where that could matter.
#include "tests/cli/import_fixture.hpp"

using namespace shardplex;
using namespace shardplex::test;

TEST_CASE("an import killed at any point goes on where it was, and ends as if nothing had happened") {
  constexpr int films = 200;
  for (const std::string point :
       {"import_begun", "import_tables_made", "import_published", "import_replication_slot_made",
        "import_copying", "import_copied", "import_indexed", "import_caught_up", "import_fencing",
        "import_fenced", "import_drained", "import_decided", "import_owned",
        "import_replication_slot_dropped"}) {
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
