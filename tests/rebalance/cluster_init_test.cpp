#include "tests/rebalance/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

/// All that init decides on a shard.
std::string account_of(const Cluster& cluster, const std::string& shard) {
  return cluster.sql(shard,
                     "SELECT cluster || name || epoch FROM shardplex.shard UNION ALL "
                     "SELECT grp || state || string_agg(slot::text, ',' ORDER BY slot) || max(changed_at) "
                     "FROM shardplex.slots GROUP BY grp, state");
}

std::string owned(const Cluster& cluster, const std::string& shard) {
  return cluster.sql(shard, "SELECT count(*) FROM shardplex.slots WHERE state = 'owned'");
}

bool untouched(const Cluster& cluster, const std::string& shard) {
  return cluster.sql(shard,
                     "SELECT to_regnamespace('shardplex') IS NULL AND to_regclass('movies') IS NULL") == "t";
}

std::string port_of(const Cluster& cluster, const std::string& server) {
  const auto conninfo = cluster.conninfo(server);
  return conninfo.substr(conninfo.find("port="));
}

}  // namespace

TEST_CASE("init makes every database a shard that owns what the map places on it") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  const CommandRun run = init(cluster.map());
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(cluster.sql("alpha", "SELECT cluster || '/' || name FROM shardplex.shard") == "movies/alpha");
  CHECK(owned(cluster, "alpha") == "512");
  CHECK(owned(cluster, "beta") == "512");
  CHECK(cluster.sql("beta", "SELECT min(slot) FROM shardplex.slots") == "512");
  CHECK(cluster.sql("beta",
                    "SELECT string_agg(attrelid::regclass::text, ',' ORDER BY attrelid::regclass::text) FROM "
                    "pg_attribute "
                    "WHERE attname = 'shardplex_slot' AND attnotnull AND atttypid = 'int4'::regtype AND "
                    "attrelid::regclass::text IN ('movies', 'ratings', 'genres')") == "movies,ratings");
}

TEST_CASE("a second init changes nothing and says so") {
  Cluster& cluster = initialised(hash_cluster());
  const auto before = account_of(cluster, "alpha") + account_of(cluster, "beta");
  const CommandRun run = init(cluster.map());
  CHECK(run.exit == 0);
  CHECK(run.out.find("alpha (127.0.0.1:") == 0);
  CHECK(run.says("nothing to do"));
  CHECK_FALSE(run.says("owns"));
  CHECK(run.says("the schema file was not run"));
  CHECK(account_of(cluster, "alpha") + account_of(cluster, "beta") == before);
}

TEST_CASE("a dry run does everything and changes nothing") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  const CommandRun run = init(cluster.map(), {"--schema", movies_schema, "--dry-run"});
  CHECK(run.exit == 0);
  CHECK(run.says("owns 512 slots of catalog"));
  CHECK(run.says("nothing was changed"));
  CHECK(untouched(cluster, "alpha"));
}

TEST_CASE("an init that ended between two shards is completed") {
  Cluster& cluster = initialised(hash_cluster());
  const auto alpha = account_of(cluster, "alpha");
  cluster.sql("beta", "DROP SCHEMA shardplex CASCADE");
  const CommandRun run = init(cluster.map());
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK(run.says("beta (127.0.0.1:"));
  CHECK(run.says("owns 512 slots of catalog"));
  CHECK(owned(cluster, "beta") == "512");
  CHECK(account_of(cluster, "alpha") == alpha);
}

TEST_CASE("init never takes a slot that another shard claims") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("beta", "DROP SCHEMA shardplex CASCADE");
  cluster.sql("alpha",
              "SELECT shardplex.receive_slots('catalog', '{512,513}'); SELECT shardplex.own_slots('catalog', "
              "'{512}')");
  const CommandRun run = init(cluster.map());
  CHECK(run.says("owns 510 slots of catalog"));
  CHECK(cluster.sql("beta", "SELECT count(*) FROM shardplex.slots WHERE slot IN (512, 513)") == "0");
  // Slot 513 is on its way to alpha from nobody: told, not mended.
  CHECK(run.exit == 1);
  CHECK(run.says("513"));
}

TEST_CASE("init leaves the slots of a shard that was moved to as they are") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("alpha", "SELECT shardplex.fence_slots('catalog', '{7}')");
  cluster.sql("beta", "SELECT shardplex.receive_slots('catalog', '{7}')");
  cluster.sql("alpha", "SELECT shardplex.hand_over_slots('catalog', '{7}')");
  cluster.sql("beta", "SELECT shardplex.own_slots('catalog', '{7}')");
  const auto before = account_of(cluster, "alpha") + account_of(cluster, "beta");
  const CommandRun run = init(cluster.map());
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK(run.says("owns 511 slots of catalog; the map places 512 on it"));
  CHECK(account_of(cluster, "alpha") + account_of(cluster, "beta") == before);
}

TEST_CASE("init refuses a shard that says it is another, and changes none") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("beta", "UPDATE shardplex.shard SET name = 'gamma'");
  cluster.sql("alpha", "DROP SCHEMA shardplex CASCADE; DROP TABLE movies, ratings, genres");
  const CommandRun run = init(cluster.map());
  CHECK(run.exit == 1);
  CHECK(run.says("beta: it says it is shard gamma of cluster movies"));
  CHECK(untouched(cluster, "alpha"));
}

TEST_CASE("init writes down how keys become slots, and what it finds missing of it") {
  Cluster& cluster = initialised(hash_cluster());
  const std::string written = "SELECT subject || ': ' || definition FROM shardplex.definitions ORDER BY 1";
  const std::string all =
      "group catalog: slots=1024 hash\ntable genres: reference\n"
      "table movies: group=\"catalog\" key=\"id\"\ntable ratings: group=\"catalog\" key=\"movie_id\"";
  CHECK(cluster.sql("alpha", written) == all);
  CHECK(cluster.sql("beta", written) == all);
  SUBCASE("a table that was added") {
    cluster.sql("alpha", "DELETE FROM shardplex.definitions WHERE subject = 'table ratings'");
    const CommandRun run = init(cluster.map());
    CHECK_MESSAGE(run.exit == 0, run);
    CHECK(run.says("wrote down how keys become slots in 1 group or table"));
  }
  SUBCASE("all, on a shard made before they were kept") {
    cluster.sql("alpha", "DROP TABLE shardplex.definitions");
    const CommandRun run = init(cluster.map());
    CHECK_MESSAGE(run.exit == 0, run);
    CHECK(run.says("wrote down how keys become slots in 4 groups and tables"));
  }
  CHECK(cluster.sql("alpha", written) == all);
}

TEST_CASE("init refuses a map that turns keys into other slots than the cluster's, and changes no shard") {
  Cluster& cluster = initialised(genre_cluster());
  cluster.sql("beta", "DROP SCHEMA shardplex CASCADE");
  struct Row {
    std::string what, with, says;
  };
  const std::vector<Row> rows{
      {"Western: [", "Southern: [", "alpha: group by_genre was made with slots=1024 list"},
      {"key: movie_id", "key: user_id",
       "table ratings was made with group=\"by_movie\" key=\"movie_id\"; the map has group=\"by_movie\" "
       "key=\"user_id\""},
      {"genres:  { reference: true }", "genres: { group: by_movie, key: name }",
       "gamma: table genres was made with reference; the map has"},
  };
  for (const auto& row : rows) {
    const auto map = altered_map(cluster.map(), row.what, row.with);
    const CommandRun run = init(map.path());
    CAPTURE(run);
    CHECK(run.exit == 1);
    CHECK(run.says(row.says));
    CHECK(cluster.sql("beta", "SELECT to_regnamespace('shardplex') IS NULL") == "t");
  }
}

TEST_CASE("all problems of all shards are told at once, before anything is changed") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  cluster.sql("beta", "CREATE TABLE movies (id bigint PRIMARY KEY); INSERT INTO movies VALUES (1)");
  const CommandRun run = init(cluster.map(), {});
  CHECK(run.exit == 1);
  CHECK(run.says("alpha: table movies does not exist"));
  CHECK(run.says("alpha: table genres does not exist"));
  CHECK(run.says("beta: table movies holds rows without a slot"));
  CHECK(run.says("beta: table ratings does not exist"));
  CHECK(untouched(cluster, "alpha"));
}

TEST_CASE("a server that cannot be a shard is refused") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  const std::string beta = port_of(cluster, "beta");
  SUBCASE("a replica") {
    // A map names no server twice, so the replica leaves its own place.
    const auto without_replica = altered_map(cluster.map(), port_of(cluster, "beta-1"), "port=1");
    const auto map = altered_map(without_replica.path(), beta, port_of(cluster, "beta-1"));
    const CommandRun run = init(map.path());
    CHECK(run.exit == 1);
    CHECK_MESSAGE(run.says("beta: the server is a replica"), run);
  }
  SUBCASE("nobody") {
    const auto map = altered_map(cluster.map(), beta, "port=1");
    const CommandRun run = init(map.path());
    CHECK(run.exit == 1);
    CHECK(run.says("error: beta: "));
    CHECK(run.says("refused"));
  }
  SUBCASE("the database of another shard") {
    const auto map =
        altered_map(cluster.map(), "host=127.0.0.1 " + beta, "host=localhost " + port_of(cluster, "alpha"));
    const CommandRun run = init(map.path());
    CHECK(run.exit == 1);
    CHECK_MESSAGE(run.says("beta: it is the same database as alpha"), run);
  }
  CHECK(untouched(cluster, "alpha"));
}

TEST_CASE("a schema file that does not work changes no shard") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  struct Row {
    std::string sql, says;
  };
  const std::vector<Row> rows{
      {"CREATE TABLE movies (id bigint PRIMARY KEY); CREATE TABLE ratings (movie_id bigint PRIMARY KEY); "
       "SELECT nonsense",
       "alpha: column \"nonsense\" does not exist"},
      {"CREATE TABLE movies (id bigint PRIMARY KEY)",
       "alpha: the schema file did not make the table ratings"},
  };
  for (const auto& row : rows) {
    const TemporaryFile schema(row.sql);
    const CommandRun run = init(cluster.map(), {"--schema", schema.path()});
    CAPTURE(run);
    CHECK(run.exit == 1);
    CHECK(run.says(row.says));
    CHECK(untouched(cluster, "alpha"));
    CHECK(untouched(cluster, "beta"));
  }
  CHECK(init(cluster.map(), {"--schema", "/nonexistent.sql"}).says("cannot be read"));
}

TEST_CASE("a schema file that ends the transaction itself is refused") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  const TemporaryFile schema("CREATE TABLE movies (id bigint PRIMARY KEY); COMMIT; BEGIN");
  const CommandRun run = init(cluster.map(), {"--schema", schema.path()});
  CHECK(run.exit == 1);
  CHECK(run.says("must not hold BEGIN or COMMIT"));
  CHECK(cluster.sql("alpha", "SELECT to_regnamespace('shardplex') IS NULL") == "t");
}
