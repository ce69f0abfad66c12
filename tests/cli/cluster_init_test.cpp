#include <pqxx/pqxx>

#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

/// All that init decides on a shard.
std::string ownership_of(const Cluster& cluster, const std::string& shard) {
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
  const auto before = ownership_of(cluster, "alpha") + ownership_of(cluster, "beta");
  const CommandRun run = init(cluster.map());
  CHECK(run.exit == 0);
  CHECK(run.out.find("alpha (127.0.0.1:") == 0);
  CHECK(run.says("nothing to do"));
  CHECK_FALSE(run.says("owns"));
  CHECK(run.says("the schema file was not run"));
  CHECK(ownership_of(cluster, "alpha") + ownership_of(cluster, "beta") == before);
}

TEST_CASE("a second init waits for no reader, and holds up none") {
  Cluster& cluster = initialised(hash_cluster());
  pqxx::connection reader(cluster.conninfo("beta"));
  pqxx::work transaction(reader);
  transaction.exec("SET LOCAL idle_in_transaction_session_timeout = '60s'");  // were init to wait for it
  transaction.exec("SELECT shardplex.check_epoch(epoch) FROM shardplex.shard");
  transaction.exec("SELECT count(*) FROM shardplex.moves");
  const CommandRun run = init(cluster.map());
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(transaction.exec1("SELECT 1")[0].as<int>() == 1);  // init did not outlast it
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
  const auto alpha = ownership_of(cluster, "alpha");
  cluster.sql("beta", "DROP SCHEMA shardplex CASCADE");
  const CommandRun run = init(cluster.map());
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK(run.says("beta (127.0.0.1:"));
  CHECK(run.says("owns 512 slots of catalog"));
  CHECK(owned(cluster, "beta") == "512");
  CHECK(ownership_of(cluster, "alpha") == alpha);
}

TEST_CASE("a database that is no shard does not become one in the place of a server that is silent") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("beta", "DROP SCHEMA shardplex CASCADE");
  const auto map = altered_map(cluster.map(), port_of(cluster, "beta-1"), "port=1");
  const CommandRun run = init(map.path());
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("is no shard, and 127.0.0.1:1/movies, which may be it, does not answer"), run);
  CHECK(cluster.sql("beta", "SELECT to_regnamespace('shardplex') IS NULL") == "t");
}

TEST_CASE(
    "what triggers write is watched, also in tables that an earlier version made, and rules are refused") {
  Cluster& cluster = initialised(hash_cluster());
  const std::string watched =
      "SELECT string_agg(tgrelid::regclass::text, ' ' ORDER BY tgrelid::regclass::text) FROM pg_trigger "
      "WHERE tgname = "
      "'shardplex_place'";
  CHECK(cluster.sql("alpha", watched) == "movies ratings");
  CHECK(init(cluster.map()).says("nothing to do"));
  cluster.sql("alpha", "DROP TRIGGER shardplex_place ON movies; ALTER TABLE movies ALTER id TYPE integer");
  cluster.sql("alpha",
              "ALTER TABLE movies ALTER id TYPE bigint");  // the other trigger does not keep it from that
  CHECK(init(cluster.map()).says("watches what triggers write to movies"));
  CHECK(cluster.sql("alpha", watched) == "movies ratings");

  // Nobody writes such rows as yet, so a busy table is warned of; with a trigger in the database init fails.
  cluster.sql("alpha", "ALTER TABLE movies DISABLE TRIGGER shardplex_place");
  {
    pqxx::connection busy(cluster.conninfo("alpha"));
    pqxx::work reader(busy);
    reader.exec("LOCK TABLE movies IN ACCESS SHARE MODE; LOCK TABLE movies IN ROW EXCLUSIVE MODE");
    const CommandRun warned = init(cluster.map());
    CHECK_MESSAGE(warned.exit == 0, warned);
    CHECK(warned.says("the trigger that watches what others write to movies could not be made"));
    cluster.sql("alpha",
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; "
                "CREATE TRIGGER t BEFORE INSERT ON genres FOR EACH ROW EXECUTE FUNCTION f()");
    const CommandRun failed = init(cluster.map());
    CHECK_MESSAGE(failed.exit == 1, failed);
    CHECK(failed.says("the trigger that watches what others write to movies could not be made"));
  }
  for (const std::string verb : {"doctor", "status"}) {
    const CommandRun told = run_shardplex({"cluster", verb, "--map", cluster.map()});
    CHECK_MESSAGE(
        told.says(
            "alpha: table movies: nothing looks at what triggers and foreign keys write to it; run shardplex "
            "cluster init again"),
        told);
  }
  cluster.sql("alpha", "DROP TRIGGER t ON genres; DROP FUNCTION f");
  CHECK(init(cluster.map()).exit == 0);
  CHECK(cluster.sql("alpha",
                    "SELECT tgenabled FROM pg_trigger WHERE tgname = 'shardplex_place' AND tgrelid = "
                    "'movies'::regclass") == "O");

  cluster.sql("alpha", "CREATE RULE quiet AS ON INSERT TO genres DO ALSO NOTIFY genres");
  cluster.sql("beta", "CREATE RULE loud AS ON INSERT TO movies DO ALSO NOTIFY movies");
  CommandRun run = init(cluster.map());
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK(run.says("beta: table movies has rules"));
  CHECK_FALSE(run.says("table genres has rules"));
  cluster.sql("beta", "DROP SCHEMA shardplex CASCADE");
  run = init(cluster.map());
  CHECK(run.exit == 1);
  CHECK(run.says("beta: table movies has rules, and what they do to rows nobody checks (DROP RULE"));
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
  const auto before = ownership_of(cluster, "alpha") + ownership_of(cluster, "beta");
  const CommandRun run = init(cluster.map());
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK(run.says("owns 511 slots of catalog; the map places 512 on it"));
  CHECK(ownership_of(cluster, "alpha") + ownership_of(cluster, "beta") == before);
}

TEST_CASE("init never gives away slots that a shard it does not see may own") {
  Cluster& cluster = initialised(hash_cluster());
  SUBCASE("handed over to nobody who is known") {
    cluster.sql("alpha", "SELECT shardplex.receive_slots('catalog', '{600}')");
    cluster.sql("alpha",
                "SELECT shardplex.own_slots('catalog', '{600}'); SELECT shardplex.fence_slots('catalog', "
                "'{600}'); SELECT shardplex.hand_over_slots('catalog', '{600}')");
    cluster.sql("beta", "DROP SCHEMA shardplex CASCADE");
    const CommandRun run = init(cluster.map());
    CHECK(run.exit == 1);
    CHECK(run.says("owns 511 slots of catalog"));
    CHECK(run.says("600"));
  }
  SUBCASE("a shard that only the directory has") {
    cluster.sql("alpha", "INSERT INTO shardplex.shards VALUES ('gamma', 2, 'host=c')");
    cluster.sql("beta", "DROP SCHEMA shardplex CASCADE");
    const CommandRun run = init(cluster.map());
    CHECK(run.exit == 1);
    CHECK(run.says("beta: it was to own 512 slots of catalog, but the cluster has shard gamma too"));
    CHECK(cluster.sql("beta", "SELECT to_regnamespace('shardplex') IS NULL") == "t");
  }
  SUBCASE("a move that is unfinished") {
    const std::string move =
        "INSERT INTO shardplex.moves (id, number, grp, slots, source, target, phase) VALUES "
        "('m1', 1, 'catalog', '{1}', 'alpha', 'beta', ";
    cluster.sql("alpha", move + "'moving')");
    cluster.sql("beta", "DROP SCHEMA shardplex CASCADE");
    const CommandRun run = init(cluster.map());
    CHECK(run.exit == 1);
    CHECK(run.says("beta: it was to own 512 slots of catalog, but move m1 is unfinished"));
    cluster.sql("alpha", "UPDATE shardplex.moves SET phase = 'finished'");
    CHECK(init(cluster.map()).exit == 0);
  }
}

TEST_CASE("init is refused while a mover or another init is at work") {
  Cluster& cluster = initialised(hash_cluster());
  pqxx::connection mover(cluster.conninfo("beta"));
  pqxx::work transaction(mover);
  transaction.exec("SELECT pg_advisory_lock(1936223345, 0)");
  const CommandRun run = init(cluster.map());
  CHECK(run.exit == 1);
  CHECK(run.says("error: beta: another cluster init, or a mover, is at work on it"));
}

TEST_CASE("init writes the servers of all shards into each, and leaves those of others") {
  Cluster& cluster = initialised(hash_cluster());
  const std::string listed =
      R"(SELECT concat_ws(' ', position, name, "primary", replicas) FROM shardplex.shards ORDER BY position)";
  const auto server = [&](const std::string& name) {
    const auto port = port_of(cluster, name);  // port=6000
    return "dbname='movies' host='127.0.0.1' port='" + port.substr(port.find('=') + 1) + "'";
  };
  const auto line = [&](const std::string& position, const std::string& shard) {
    return position + " " + shard + " " + server(shard) + " {\"" + server(shard + "-1") + "\"}";
  };
  const std::string both = line("0", "alpha") + "\n" + line("1", "beta");
  CHECK(cluster.sql("alpha", listed) == both);
  CHECK(cluster.sql("beta", listed) == both);

  cluster.sql("alpha", R"(UPDATE shardplex.shards SET "primary" = 'host=old' WHERE name = 'beta')");
  cluster.sql("alpha", "INSERT INTO shardplex.shards VALUES ('gamma', 2, 'host=c')");
  cluster.sql("beta", "DELETE FROM shardplex.shards");
  const CommandRun run = init(cluster.map());
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK(run.says("wrote down the servers of 1 shard\n"));
  CHECK(run.says("wrote down the servers of 2 shards\n"));
  CHECK(cluster.sql("alpha", listed) == both + "\n2 gamma host=c {}");
  CHECK(cluster.sql("beta", listed) == both);
}

TEST_CASE("init makes a shard that was added to the map, without slots") {
  Cluster cluster("--shards 3 --replicas 0 --map none");
  const auto shard = [&](const std::string& name) {
    return "  " + name + ": { primary: " + cluster.conninfo(name) + " }\n";
  };
  const std::string begin = "version: 1\ncluster: movies\nshards:\n" + shard("alpha") + shard("beta");
  const std::string end =
      "groups:\n  catalog: { strategy: { hash: {} }, placement: { alpha: [0-511], beta: [512-1023] } }\n"
      "tables:\n  movies: { group: catalog, key: id }\n  ratings: { group: catalog, key: movie_id }\n"
      "  genres: { reference: true }\n";
  const TemporaryFile two(begin + end), three(begin + shard("gamma") + end);
  REQUIRE(init(two.path()).exit == 0);
  const auto before = ownership_of(cluster, "alpha") + ownership_of(cluster, "beta");
  const CommandRun run = init(three.path());
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(run.says("ran the schema file, made the schema shardplex, added the slot column to movies"));
  CHECK(run.says("alpha (127.0.0.1:"));
  CHECK(run.says("wrote down the servers of 1 shard\n"));
  CHECK(owned(cluster, "gamma") == "0");
  CHECK(cluster.sql("gamma", "SELECT name FROM shardplex.shard") == "gamma");
  CHECK(cluster.sql("alpha", "SELECT string_agg(name, ' ' ORDER BY position) FROM shardplex.shards") ==
        "alpha beta gamma");
  CHECK(ownership_of(cluster, "alpha") + ownership_of(cluster, "beta") == before);
  CHECK(init(three.path()).says("nothing to do"));
}

TEST_CASE("after a failover init goes on with the server that is the primary now") {
  Cluster cluster("--shards 1 --replicas 1 --map hash");
  REQUIRE(init(cluster.map()).exit == 0);
  cluster.control("promote", "alpha-1");
  cluster.sql("alpha-1", "DELETE FROM shardplex.shards");
  for (const bool old_primary_is_up : {true, false}) {
    CAPTURE(old_primary_is_up);
    if (!old_primary_is_up) cluster.control("kill", "alpha");
    const CommandRun run = init(cluster.map());
    CHECK_MESSAGE(run.exit == 0, run);
    const std::string address = "alpha (127.0.0.1:" + port_of(cluster, "alpha-1").substr(5) + "/movies): ";
    CHECK(run.says(address + (old_primary_is_up ? "wrote down the servers of 1 shard" : "nothing to do")));
  }
}

TEST_CASE("init brings a cluster up to date that was made before there were moves") {
  Cluster& cluster = initialised(hash_cluster());
  const auto before = ownership_of(cluster, "alpha") + ownership_of(cluster, "beta");
  for (const auto& shard : cluster.shards())
    cluster.sql(
        shard,
        "DROP TABLE shardplex.shards, shardplex.moves, shardplex.markers, shardplex.mover, "
        "shardplex.changes, shardplex.routers, shardplex.timelines; DROP FUNCTION shardplex.as_mover; "
        "ALTER TABLE shardplex.shard DROP COLUMN first_node, DROP COLUMN last_node; "
        "CREATE TABLE shardplex.moves (epoch bigint PRIMARY KEY, grp text NOT NULL, slots integer[] NOT "
        "NULL, state text NOT NULL, changed_at timestamptz NOT NULL DEFAULT now()); "
        "INSERT INTO shardplex.moves VALUES (2, 'catalog', '{1,2}', 'owned')");
  const CommandRun run = init(cluster.map());
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(ownership_of(cluster, "alpha") + ownership_of(cluster, "beta") == before);
  for (const auto& shard : cluster.shards()) {
    CHECK(cluster.sql(shard, "SELECT first_node <= last_node FROM shardplex.shard") == "t");
    CHECK(cluster.sql(shard, "SELECT concat_ws(' ', epoch, grp, slots, state) FROM shardplex.changes") ==
          "2 catalog {1,2} owned");
    CHECK(cluster.sql(shard, "SELECT count(id) FROM shardplex.moves") == "0");
    CHECK(cluster.sql(shard, "SELECT count(*) FROM shardplex.mover") == "1");
    CHECK(cluster.sql(shard, "SELECT count(*) FROM shardplex.shards") == "2");
  }
  cluster.sql("alpha", "SELECT shardplex.as_mover(''); SELECT shardplex.fence_slots('catalog', '{7}')");
  CHECK(cluster.sql("alpha", "SELECT string_agg(state, ' ' ORDER BY epoch) FROM shardplex.changes") ==
        "owned fenced");
  CHECK(init(cluster.map()).says("nothing to do"));
}

TEST_CASE("a shard of before rulings were kept begins with the last that any shard has noted of it") {
  Cluster& cluster = initialised(hash_cluster());
  const auto timeline = cluster.sql(
      "alpha", "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint");
  for (const auto& shard : cluster.shards())
    cluster.sql(shard, "ALTER TABLE shardplex.shard DROP COLUMN ruling; DELETE FROM shardplex.timelines");
  cluster.sql("alpha", "INSERT INTO shardplex.timelines VALUES ('alpha', 1, " + timeline + ")");
  cluster.sql("beta", "INSERT INTO shardplex.timelines VALUES ('alpha', 2, " + timeline + ")");
  const CommandRun run = init(cluster.map());
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(cluster.sql("alpha", "SELECT ruling FROM shardplex.shard") == "2");
  CHECK(cluster.sql("beta", "SELECT ruling FROM shardplex.shard") == "0");
  CHECK(init(cluster.map()).says("nothing to do"));  // it is found as the primary
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
      "group catalog: slots=1024 hash\nkey movies: integer\nkey ratings: integer\ntable genres: reference\n"
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
    CHECK(run.says("wrote down the form of the keys of 2 tables"));
  }
  CHECK(cluster.sql("alpha", written) == all);
}

TEST_CASE("init refuses a key of another form than its rows were placed by") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("beta", "ALTER TABLE movies ALTER id TYPE text");
  const CommandRun run = init(cluster.map());
  CAPTURE(run);
  CHECK(run.exit == 1);
  CHECK(run.says(
      "beta: the shard key id of movies is text, and its rows were placed by keys of the form integer"));
  cluster.sql("beta", "ALTER TABLE movies ALTER id TYPE integer USING id::integer");
  cluster.sql("alpha", "ALTER TABLE movies ALTER id TYPE integer");
  CHECK(init(cluster.map()).exit == 0);  // another width is no other form
}

TEST_CASE("init makes tables in public, though a role of its name makes shardplex the first schema") {
  Cluster& cluster = initialised(hash_cluster());
  for (const std::string shard : {"alpha", "beta"}) cluster.sql(shard, "DROP TABLE genres");
  const CommandRun run = init(cluster.map());
  CHECK_MESSAGE(run.exit == 0, run);
  for (const std::string shard : {"alpha", "beta"})
    CHECK(cluster.sql(shard, "SELECT to_regclass('public.genres') IS NOT NULL") == "t");
}

TEST_CASE("init refuses shards whose settings would make answers depend on the shard") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("beta", "ALTER DATABASE movies SET TimeZone = 'Asia/Tokyo'");
  const CommandRun run = init(cluster.map());
  cluster.sql("beta", "ALTER DATABASE movies RESET TimeZone");
  CAPTURE(run);
  CHECK(run.exit == 1);
  CHECK(run.says("and Asia/Tokyo on beta"));
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

TEST_CASE("init takes what pg_dump writes") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  const TemporaryFile schema(
      "-- PostgreSQL database dump\n\\restrict abc\nSET statement_timeout = 0;\nSET row_security = off;\n"
      "SELECT pg_catalog.set_config('search_path', '', false);\n"
      "CREATE TABLE public.movies (id bigint PRIMARY KEY);\nCREATE TABLE public.genres (name text PRIMARY "
      "KEY);\n"
      "CREATE TABLE public.ratings (movie_id bigint, id bigint, PRIMARY KEY (movie_id, id));\n\\unrestrict "
      "abc\n");
  const CommandRun run = init(cluster.map(), {"--schema", schema.path()});
  CHECK_MESSAGE(run.exit == 0, run);
  const TemporaryFile rows("COPY public.movies (id) FROM stdin;\n1\n\\.\n");
  CHECK(init(cluster.map(), {"--schema", rows.path()}).says("line 1: it holds rows; dump the schema alone"));
}

TEST_CASE("a foreign table is refused as what it is, not as one that is missing") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  cluster.sql("alpha",
              "CREATE FOREIGN DATA WRAPPER elsewhere; CREATE SERVER away FOREIGN DATA WRAPPER elsewhere; "
              "CREATE FOREIGN TABLE public.genres (name text NOT NULL) SERVER away");
  const CommandRun run = init(cluster.map());
  cluster.sql("alpha", "DROP FOREIGN DATA WRAPPER elsewhere CASCADE");
  CAPTURE(run);
  CHECK(run.exit == 1);
  CHECK(run.says("table genres is a foreign table, which is not served"));
  CHECK_FALSE(run.says("does not exist"));
  CHECK(untouched(cluster, "alpha"));
}

TEST_CASE("tables whose slots could never move are refused while shards are made") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  const TemporaryFile schema(
      "CREATE TABLE movies (id bigint PRIMARY KEY) PARTITION BY HASH (id);"
      "CREATE UNLOGGED TABLE genres (name text PRIMARY KEY);"
      "CREATE TABLE base (movie_id bigint); CREATE TABLE ratings (id bigint, PRIMARY KEY (movie_id, id)) "
      "INHERITS (base)");
  const CommandRun run = init(cluster.map(), {"--schema", schema.path()});
  CAPTURE(run);
  CHECK(run.exit == 1);
  CHECK(run.says("alpha: table movies is partitioned; its slots could never move"));
  CHECK(run.says("table genres is unlogged"));
  CHECK(run.says("table ratings inherits from another table"));
  CHECK(untouched(cluster, "alpha"));
}

TEST_CASE("what no router would serve is refused, and changes no shard") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  const TemporaryFile schema(
      "CREATE TABLE movies (id bigint PRIMARY KEY); CREATE TABLE genres (name text PRIMARY KEY);"
      "CREATE TABLE ratings (movie_id timestamptz, id bigint, PRIMARY KEY (movie_id, id))");
  const CommandRun run = init(cluster.map(), {"--schema", schema.path()});
  CAPTURE(run);
  CHECK(run.exit == 1);
  CHECK(run.says(
      "ratings: the shard key movie_id is timestamp with time zone, which cannot be one: what a text means "
      "depends on the session's time zone, and fractions are rounded; keys are of an integer type, text, "
      "varchar, char, uuid, date, boolean, numeric, citext or an enum; no router would serve it, and nothing "
      "was changed"));
  CHECK(untouched(cluster, "alpha"));
  CHECK(untouched(cluster, "beta"));
}

TEST_CASE("init warns of a table that has come to differ between shards, and goes on") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("beta", "ALTER TABLE movies ALTER imdb_votes TYPE bigint");
  const CommandRun run = init(cluster.map());
  CAPTURE(run);
  CHECK(run.exit == 0);
  CHECK(run.says("warning: movies: column imdb_votes is integer"));
  CHECK(run.says("on alpha and bigint"));
  CHECK(run.says("on beta; routers serve what is the same"));
  CHECK(run.says("nothing to do"));
}

TEST_CASE("init refuses to make a shard beside others whose tables differ already") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("beta",
              "DROP SCHEMA shardplex CASCADE; TRUNCATE movies, ratings; "
              "ALTER TABLE movies ALTER imdb_votes TYPE bigint");
  const CommandRun run = init(cluster.map());
  CAPTURE(run);
  CHECK(run.exit == 1);
  CHECK(run.says("on beta; make it the same on every shard, nothing was changed"));
  CHECK(cluster.sql("beta", "SELECT to_regnamespace('shardplex') IS NULL") == "t");
}

TEST_CASE("init refuses to change a table that was served into one that is not") {
  Cluster& cluster = initialised(hash_cluster());
  for (const std::string shard : {"alpha", "beta"}) cluster.sql(shard, "DROP TABLE ratings");
  const TemporaryFile schema(
      "CREATE TABLE public.ratings (movie_id bigint, user_id bigint, score smallint, PRIMARY KEY (movie_id, "
      "user_id)); "
      "ALTER TABLE movies RENAME id TO number");
  const CommandRun run = init(cluster.map(), {"--schema", schema.path()});
  CAPTURE(run);
  CHECK(run.exit == 1);
  CHECK(run.says(
      "movies: there is no column id, which the map makes the shard key; no router would serve it, and "
      "nothing was changed"));
  CHECK(cluster.sql("alpha", "SELECT to_regclass('ratings') IS NULL") == "t");
}

TEST_CASE("init makes no shards that would answer differently, and upgrades those that do with a warning") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  const std::string slug =
      "CREATE FUNCTION public.slug(t text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT ";
  cluster.sql("alpha", slug + "lower(t)'");
  cluster.sql("beta", slug + "upper(t)'");
  std::ifstream movies(movies_schema);
  const std::string tables(std::istreambuf_iterator<char>(movies), {});
  const TemporaryFile schema(tables +
                             "\nALTER TABLE movies ADD slug text GENERATED ALWAYS AS (slug(name)) STORED;");
  const std::vector<std::string> with_schema{"--schema", schema.path()};
  const CommandRun refused = init(cluster.map(), with_schema);
  CHECK(refused.exit == 1);
  CHECK(refused.says("beta: the function slug(text) is not as on alpha; table movies uses it"));
  CHECK(untouched(cluster, "alpha"));

  const auto replace = "CREATE OR REPLACE" + slug.substr(6);
  cluster.sql("beta", replace + "lower(t)'");
  cluster.sql("beta", "GRANT CREATE ON SCHEMA public TO PUBLIC");
  const CommandRun made = init(cluster.map(), with_schema);
  CHECK_MESSAGE(made.exit == 0, made);
  CHECK(made.says("warning: beta: it has CREATE on SCHEMA public for PUBLIC, which alpha lacks"));
  cluster.sql("beta", "REVOKE CREATE ON SCHEMA public FROM PUBLIC");

  cluster.sql("beta", replace + "upper(t)'");
  const CommandRun upgraded = init(cluster.map());
  CHECK_MESSAGE(upgraded.exit == 0, upgraded);
  CHECK(upgraded.says("warning: beta: the function slug(text) is not as on alpha"));
  for (const std::string server : {"alpha", "beta"}) cluster.sql(server, "DROP FUNCTION public.slug CASCADE");
}
