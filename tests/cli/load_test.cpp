// `shardplex load` under the hash strategy, on real shards.
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <future>
#include <numeric>
#include <pqxx/pqxx>
#include <set>
#include <thread>

#include "operations/load/commit.hpp"
#include "shard_map/key.hpp"
#include "tests/cli/gated_load.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

std::string movie(int id, const std::string& rest = "") {
  return "{\"id\":" + std::to_string(id) + (rest.empty() ? "" : "," + rest) + "}\n";
}

std::string movies(int count) {
  std::string rows;
  for (int id = 1; id <= count; ++id) rows += movie(id);
  return rows;
}

std::uint32_t slot_of_id(std::int64_t id) {
  return slot_of(canonical_bytes(id), 1024).value;
}

/// Ids from 1 whose slots the map places on the shard.
std::vector<int> ids_on(const std::string& shard, std::size_t count) {
  std::vector<int> ids;
  for (int id = 1; ids.size() < count; ++id)
    if ((slot_of_id(id) < 512) == (shard == "alpha")) ids.push_back(id);
  return ids;
}

long prepared(const Cluster& cluster) {
  return total(cluster, "SELECT count(*) FROM pg_prepared_xacts");
}

}  // namespace

TEST_CASE("every row is on the shard that owns its slot, with the slot stored") {
  Cluster& cluster = initialised(hash_cluster());
  const CommandRun run = load(cluster, "movies", movies(2000), {"--jobs", "3"});
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(run.says("loaded 2,000 rows into movies"));
  std::set<int> seen;
  for (const auto& shard : cluster.shards()) {
    std::istringstream rows(cluster.sql(shard, "SELECT id || ' ' || shardplex_slot FROM movies"));
    int id = 0;
    for (std::uint32_t slot = 0; rows >> id >> slot;) {
      REQUIRE(slot == slot_of_id(id));
      REQUIRE((slot < 512) == (shard == "alpha"));
      REQUIRE(seen.insert(id).second);
    }
  }
  CHECK(seen.size() == 2000);
}

TEST_CASE("values arrive as they were written") {
  Cluster& cluster = initialised(hash_cluster());
  const int id = ids_on("alpha", 1)[0];
  const CommandRun run = load(
      cluster, "movies",
      movie(
          id,
          R"("name":"tab\t, nl\n, \\N, é🎬","genre":["a,b","c\"d",null],"imdb_score":7.5,"99popularity":0.1)"));
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(cluster.sql("alpha", "SELECT name FROM movies") == "tab\t, nl\n, \\N, é🎬");
  CHECK(cluster.sql("alpha", "SELECT genre = ARRAY['a,b', 'c\"d', NULL] FROM movies") == "t");
  CHECK(cluster.sql("alpha", "SELECT imdb_score || ' ' || \"99popularity\" FROM movies") == "7.5 0.1");
}

TEST_CASE("CSV is loaded from a file, nulls told from empty texts") {
  Cluster& cluster = initialised(hash_cluster());
  const auto ids = ids_on("beta", 2);
  const TemporaryFile file("name,id,genre\r\n\"a, \"\"b\"\"\nc\"," + std::to_string(ids[0]) + ",{x}\r\n," +
                               std::to_string(ids[1]) + ",\"{\"\"y z\"\"}\"\r\n",
                           ".csv");
  const CommandRun run = run_shardplex({"load", "--map", cluster.map(), "--table", "movies", file.path()});
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(cluster.sql("beta", "SELECT name FROM movies ORDER BY id") == "a, \"b\"\nc\n(null)");
  CHECK(cluster.sql("beta", "SELECT genre[1] FROM movies ORDER BY id") == "x\ny z");
}

TEST_CASE("one bad row is told with its line, and nothing is kept") {
  Cluster& cluster = initialised(hash_cluster());
  struct Row {
    std::string row, says;
  };
  const std::vector<Row> rows{
      {"{\"id\":1001,\"nmae\":\"x\"}", "line 301: unknown column nmae (did you mean name?)"},
      {"{\"id\":1001,\"imdb_score\":\"x\"}",
       "line 301: column imdb_score: invalid input syntax for type numeric: \"x\""},
      {"{\"id\":1001,\"imdb_score\":11}",
       "line 301: new row for relation \"movies\" violates check constraint"},
      {"{\"id\":1001,\"genre\":null}", "line 301: null value in column \"genre\""},
      {"{\"id\":1001,\"name\":\"\\u0000\"}", "line 301: invalid byte sequence for encoding \"UTF8\": 0x00"},
      {"{\"id\":7}",
       "line 301: duplicate key value violates unique constraint \"movies_pkey\": Key (id)=(7)"},
      {"{\"id\":\"x\"}", "line 301: column id: \"x\" is not a key of type bigint"},
      {"{\"id\":99999999999999999999}", "line 301: column id:"},
      {"{\"id\":1001,\"shardplex_slot\":3}", "line 301: unknown column shardplex_slot"},
      {"{\"id\":1001", "line 301: malformed JSON"},
  };
  for (const auto& row : rows) {
    const CommandRun run = load(cluster, "movies", movies(300) + row.row + "\n" + movie(400));
    CAPTURE(run);
    CHECK(run.exit == 1);
    CHECK(run.says(row.says));
    CHECK(run.says("1 bad row; nothing of the load was kept"));
    CHECK(rows_of(cluster, "movies") == 0);
  }
  CHECK(prepared(cluster) == 0);
}

TEST_CASE("with --keep-good every good row is kept and every bad one told, however they are mixed") {
  Cluster& cluster = initialised(hash_cluster());
  constexpr int count = 3000;
  std::string rows;
  std::vector<int> bad;
  for (int id = 1; id <= count; ++id) {
    const bool in_swarm = id > 1000 && id <= 1100;
    if (in_swarm || id % 37 == 0) bad.push_back(id);
    rows += in_swarm       ? movie(id, "\"imdb_score\":\"x\"")
            : id % 37 == 0 ? movie(id, "\"running_time_min\":-1")
                           : movie(id);
  }
  const CommandRun run = load(cluster, "movies", rows, {"--keep-good"});
  CHECK(run.exit == 1);
  CHECK(run.says(std::to_string(bad.size()) + " bad rows left out"));
  for (const int line : bad) REQUIRE(run.says("error: line " + std::to_string(line) + ": "));
  CHECK(rows_of(cluster, "movies") == count - static_cast<long>(bad.size()));
  const std::string bad_ids =
      std::accumulate(bad.begin(), bad.end(), std::string("0"),
                      [](auto text, int id) { return text + "," + std::to_string(id); });
  CHECK(total(cluster, "SELECT count(*) FROM movies WHERE id IN (" + bad_ids + ")") == 0);
}

TEST_CASE("a load with many bad rows gives up and tells the first of them") {
  Cluster& cluster = initialised(hash_cluster());
  std::string rows;
  for (int id = 1; id <= 5000; ++id) rows += "{\"id\":" + std::to_string(id) + ",\"nope\":1}\n";
  const CommandRun run = load(cluster, "movies", rows);
  CHECK(run.exit == 1);
  CHECK(run.says("error: line 1: "));
  CHECK(run.says("error: line 20: "));
  CHECK_FALSE(run.says("error: line 21: "));
  CHECK(run.says("20 bad rows or more"));
}

TEST_CASE("rows that break a foreign key are found though PostgreSQL does not name their lines") {
  Cluster& cluster = initialised(hash_cluster());
  for (const auto& shard : cluster.shards())
    cluster.sql(shard, "ALTER TABLE ratings ADD FOREIGN KEY (movie_id) REFERENCES movies");
  REQUIRE(load(cluster, "movies", movies(200)).exit == 0);
  std::string ratings;
  for (int id = 1; id <= 200; ++id)
    ratings +=
        "{\"movie_id\":" + std::to_string(id % 50 == 0 ? id + 1000 : id) + ",\"user_id\":1,\"score\":5}\n";
  const CommandRun run = load(cluster, "ratings", ratings, {"--keep-good"});
  for (const auto* line : {"line 50: ", "line 100: ", "line 150: ", "line 200: "}) CHECK(run.says(line));
  CHECK(run.says("violates foreign key constraint"));
  CHECK(run.says("4 bad rows left out"));
  CHECK(rows_of(cluster, "ratings") == 196);
}

TEST_CASE("rows may differ in the columns they leave to their defaults") {
  Cluster& cluster = initialised(hash_cluster());
  const CommandRun run =
      load(cluster, "ratings",
           "{\"movie_id\":1,\"user_id\":1,\"score\":5}\n"
           "{\"movie_id\":1,\"user_id\":2,\"score\":6,\"rated_at\":\"2001-02-03T04:05:06Z\"}\n"
           "{\"score\":7,\"user_id\":3,\"movie_id\":1}\n");
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(rows_of(cluster, "ratings") == 3);
  CHECK(total(cluster, "SELECT count(*) FROM ratings WHERE rated_at = '2001-02-03T04:05:06Z'") == 1);
  CHECK(total(cluster, "SELECT count(*) FROM ratings WHERE rated_at > '2020-01-01'") == 2);
}

TEST_CASE("a row without its bigint key gets an id that is unique and time-ordered") {
  Cluster& cluster = initialised(hash_cluster());
  constexpr int count = 1000;
  std::string rows;
  for (int i = 0; i < count; ++i) rows += i % 2 == 0 ? "{\"name\":\"a\"}\n" : "{\"id\":null}\n";
  REQUIRE(load(cluster, "movies", rows).exit == 0);
  CHECK(rows_of(cluster, "movies") == count);
  // Milliseconds since 2024 in the upper bits, below 2^53.
  CHECK(
      total(cluster,
            "SELECT count(*) FROM movies WHERE id >> 12 < 365 * 86400000::bigint OR id >= 1::bigint << 53") ==
      0);
  CHECK(total(cluster,
              "SELECT count(*) FROM movies WHERE to_timestamp((id >> 12) / 1000.0 + 1704067200) > now() + '1 "
              "hour'") == 0);
  const CommandRun without_key = load(cluster, "ratings", "{\"user_id\":1,\"score\":1}\n");
  CHECK(without_key.exit == 1);
  CHECK(without_key.says("line 1: column movie_id is the shard key and has to be given"));
}

TEST_CASE("a reference table is copied to every shard, and its bad rows are told once") {
  Cluster& cluster = initialised(hash_cluster());
  REQUIRE(load(cluster, "genres", "{\"name\":\"Drama\",\"number\":1}\n{\"name\":\"Comedy\",\"number\":2}\n")
              .exit == 0);
  for (const auto& shard : cluster.shards()) CHECK(cluster.sql(shard, "SELECT count(*) FROM genres") == "2");
  const std::string more = "{\"name\":\"Action\",\"number\":3}\n{\"name\":\"Drama\",\"number\":4}\n";
  const CommandRun refused = load(cluster, "genres", more);
  CHECK(refused.says("1 bad row; nothing"));
  CHECK(rows_of(cluster, "genres") == 4);
  CHECK(load(cluster, "genres", more, {"--keep-good"}).says("1 bad row left out"));
  for (const auto& shard : cluster.shards()) CHECK(cluster.sql(shard, "SELECT count(*) FROM genres") == "3");
}

TEST_CASE("copies of a reference table that differ are found, and nothing is kept") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("beta", "INSERT INTO genres VALUES ('Drama', 1)");
  const CommandRun run =
      load(cluster, "genres", "{\"name\":\"Drama\",\"number\":1}\n{\"name\":\"Comedy\",\"number\":2}\n",
           {"--keep-good"});
  CHECK(run.exit == 1);
  CHECK(run.says("alpha and beta refuse different rows"));
  CHECK(rows_of(cluster, "genres") == 1);
}

TEST_CASE("what cannot be loaded at all is refused") {
  Cluster& cluster = initialised(hash_cluster());
  CHECK(load(cluster, "movis", "").says("the map has no table movis (did you mean movies?)"));
  CHECK(run_shardplex({"load", "--map", cluster.map(), "--table", "movies", "/nonexistent.csv"}).exit == 1);
  CHECK(
      run_shardplex({"load", "--map", cluster.map(), "--table", "movies", "--format", "csv", "/tmp"}).exit ==
      1);
  CHECK(load(cluster, "movies", "id,nam\n1,x\n", {"--format", "csv"}).says("line 1: unknown column nam"));
  CHECK(load(cluster, "movies", "", {"--format", "csv"}).says("a header is expected"));
  CHECK(load(cluster, "movies", "").exit == 0);
  cluster.sql("beta", "ALTER TABLE movies ADD COLUMN extra text");
  const CommandRun differing = load(cluster, "movies", movies(3));
  CHECK(differing.exit == 1);
  CHECK_MESSAGE(differing.says("extra"), differing);
  CHECK(rows_of(cluster, "movies") == 0);
}

TEST_CASE("rows go where the shards say slots are owned, not where the map places them") {
  Cluster& cluster = initialised(hash_cluster());
  const int id = ids_on("alpha", 1)[0];
  const std::string slot = "'{" + std::to_string(slot_of_id(id)) + "}'";
  cluster.sql("alpha", "SELECT shardplex.fence_slots('catalog', " + slot + ")");
  cluster.sql("beta", "SELECT shardplex.receive_slots('catalog', " + slot + ")");

  const CommandRun fenced = load(cluster, "movies", movie(id));
  CHECK(fenced.exit == 1);
  CHECK(fenced.says("catalog: slots " + std::to_string(slot_of_id(id)) + " are fenced"));
  cluster.sql("alpha", "SELECT shardplex.hand_over_slots('catalog', " + slot + ")");
  const CommandRun unowned = load(cluster, "movies", movie(id));
  CHECK(unowned.exit == 1);
  CHECK(unowned.says(std::to_string(slot_of_id(id))));
  CHECK(rows_of(cluster, "movies") == 0);
  cluster.sql("beta", "SELECT shardplex.own_slots('catalog', " + slot + ")");
  CHECK(load(cluster, "movies", movie(id)).exit == 0);
  CHECK(cluster.sql("beta", "SELECT count(*) FROM movies") == "1");
}

TEST_CASE("a fence waits for a load in flight") {
  Cluster& cluster = initialised(hash_cluster());
  GatedLoad loading(cluster, "movies", movies(10));
  loading.wait_until_begun("beta");
  const std::string fence = "SELECT shardplex.fence_slots('catalog', '{600}')";
  CHECK_THROWS_AS(cluster.sql("beta", "SET lock_timeout = '100ms'; " + fence), pqxx::sql_error);
  const CommandRun run = loading.finish();
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK_NOTHROW(cluster.sql("beta", fence));
}

TEST_CASE("a load waits for a fence that is being set, and sees what it did") {
  Cluster& cluster = initialised(hash_cluster());
  pqxx::connection connection(cluster.conninfo("alpha"));
  pqxx::work fence(connection);
  fence.exec("SELECT shardplex.fence_slots('catalog', '{3}')");
  auto loading = std::async(std::launch::async, [&] { return load(cluster, "movies", movies(10)); });
  const auto refused_once = [&] {
    return cluster.sql("beta",
                       "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shardplex'") != "0";
  };
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!refused_once() && std::chrono::steady_clock::now() < give_up) continue;
  fence.commit();
  const CommandRun run = loading.get();
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("catalog: slots 3 are fenced"), run);
}

TEST_CASE("a shard that refuses to commit takes the whole load with it") {
  Cluster& cluster = initialised(hash_cluster());
  for (const auto& shard : cluster.shards())
    cluster.sql(shard,
                "ALTER TABLE movies ADD CONSTRAINT one_each UNIQUE (director) DEFERRABLE INITIALLY DEFERRED");
  // alpha decides, beta prepares: each can be the one that refuses.
  for (const std::string shard : {"alpha", "beta"}) {
    CAPTURE(shard);
    std::string rows = movies(100);
    for (const int id : ids_on(shard, 102)) {
      if (id > 100) rows += movie(id, "\"director\":\"the same\"");
    }
    const CommandRun run = load(cluster, "movies", rows);
    CHECK(run.exit == 1);
    CHECK_MESSAGE(run.says(shard + ": duplicate key value violates unique constraint \"one_each\""), run);
    CHECK(rows_of(cluster, "movies") == 0);
    CHECK(prepared(cluster) == 0);
  }
}

TEST_CASE("a shard that dies during a load takes the whole load with it") {
  Cluster& cluster = initialised(hash_cluster());
  GatedLoad loading(cluster, "movies", movies(100));
  loading.wait_until_begun("beta");
  cluster.control("kill", "beta");
  const CommandRun run = loading.finish();
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("error: beta: "), run);
  cluster.control("start-server", "beta");
  CHECK(rows_of(cluster, "movies") == 0);
  CHECK(load(cluster, "movies", movies(100)).exit == 0);
}

TEST_CASE("a load that is killed keeps nothing and can be run again") {
  Cluster& cluster = initialised(hash_cluster());
  int input[2];
  REQUIRE(pipe(input) == 0);
  const std::string map = cluster.map();
  const pid_t child = fork();
  if (child == 0) {
    dup2(input[0], STDIN_FILENO);
    close(input[1]);
    execl(SHARDPLEX_PROGRAM, "shardplex", "load", "--map", map.c_str(), "--table", "movies", "-", nullptr);
    _exit(127);
  }
  close(input[0]);
  // More than a block, so that rows reach the shards while the input is still open.
  const std::string rows = movies(100'000);
  for (std::size_t at = 0; at < rows.size();) {
    const auto written = write(input[1], rows.data() + at, rows.size() - at);
    REQUIRE(written > 0);
    at += static_cast<std::size_t>(written);
  }
  const auto copied = [&] {
    return cluster.sql("alpha", "SELECT pg_relation_size('movies') > 0") == "t" &&
           cluster.sql("beta", "SELECT pg_relation_size('movies') > 0") == "t";
  };
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!copied() && std::chrono::steady_clock::now() < give_up) continue;
  CHECK(copied());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(input[1]);
  CHECK(rows_of(cluster, "movies") == 0);
  CHECK(load(cluster, "movies", movies(100)).exit == 0);
  CHECK(rows_of(cluster, "movies") == 100);
}

TEST_CASE(
    "a load that was interrupted between its commits is finished by the next, as its first shard decided") {
  Cluster& cluster = initialised(hash_cluster());
  const int on_alpha = ids_on("alpha", 1)[0], on_beta = ids_on("beta", 1)[0];
  const auto insert = [](int id) {
    return "INSERT INTO movies (id, shardplex_slot) VALUES (" + std::to_string(id) + ", " +
           std::to_string(slot_of_id(id)) + ")";
  };
  for (const bool committed : {true, false}) {
    CAPTURE(committed);
    for (const auto& shard : cluster.shards()) cluster.sql(shard, "TRUNCATE movies");
    pqxx::connection alpha(cluster.conninfo("alpha")), beta(cluster.conninfo("beta"));
    pqxx::work first(alpha);
    first.exec(insert(on_alpha));
    operations::PreparedLoad name{
        "abc", 1, first.exec1("SELECT pg_current_xact_id()::text")[0].as<std::string>(), "alpha"};
    pqxx::nontransaction second(beta);
    second.exec("BEGIN");
    second.exec(insert(on_beta));
    second.exec("PREPARE TRANSACTION '" + name.to_gid() + "'");
    REQUIRE(load(cluster, "genres", "").says("is under way"));
    committed ? first.commit() : first.abort();

    CHECK(
        run_shardplex({"cluster", "status", "--map", cluster.map()}).says("beta: the load " + name.to_gid()));
    const CommandRun run = load(cluster, "genres", "");
    CHECK(run.exit == 0);
    CHECK_MESSAGE(run.says("beta: the interrupted load " + name.to_gid()), run);
    CHECK(prepared(cluster) == 0);
    CHECK(cluster.sql("beta", "SELECT count(*) FROM movies") == (committed ? "1" : "0"));
  }
}

TEST_CASE("without prepared transactions shards commit one after the other, and the load says so") {
  Cluster cluster("--shards 2 --replicas 0 --map hash --setting max_prepared_transactions=0");
  const CommandRun made = init(cluster.map());
  CHECK(made.says("alpha: max_prepared_transactions is 0"));
  const CommandRun run = load(cluster, "movies", movies(100));
  CHECK(run.exit == 0);
  CHECK(run.says("warning: max_prepared_transactions is 0 on a shard"));
  CHECK(rows_of(cluster, "movies") == 100);
}

TEST_CASE("a map that turns keys into other slots than the cluster's loads nothing, and its status says so") {
  Cluster& cluster = initialised(hash_cluster());
  const auto map = altered_map(cluster.map(), "key: movie_id", "key: imdb_id");
  const CommandRun run = run_shardplex({"load", "--map", map.path(), "--table", "movies", "-"}, movies(20));
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("alpha: table ratings was made with group=\"catalog\" key=\"movie_id\"; the map has "
                         "group=\"catalog\" key=\"imdb_id\""),
                run);
  CHECK(run.says("beta: table ratings was made with"));
  CHECK(rows_of(cluster, "movies") == 0);
  const CommandRun told = run_shardplex({"cluster", "status", "--map", map.path()});
  CHECK(told.exit == 1);
  CHECK_MESSAGE(told.says("table ratings was made with"), told);
}
