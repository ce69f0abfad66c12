// cluster add-shard, remove-shard, add-replica, remove-replica on real clusters.
#include <doctest/doctest.h>

#include <pqxx/pqxx>

#include <fstream>
#include <string>
#include <vector>

#include "operations/shard/map_file.hpp"
#include "tests/operations/cluster_test.hpp"

namespace shardplex::test {
namespace {

using namespace operations;

CommandRun cluster_command(const std::string& verb, const std::string& map, std::vector<std::string> more) {
  std::vector<std::string> args{"cluster", verb, "--map", map};
  args.insert(args.end(), more.begin(), more.end());
  return run_shardplex(args);
}

CommandRun rebalance(const std::string& verb, const std::string& map, std::vector<std::string> more = {}) {
  std::vector<std::string> args{"rebalance", verb, "--map", map};
  args.insert(args.end(), more.begin(), more.end());
  return run_shardplex(args);
}

std::vector<std::string> shards_of(const std::string& map) {
  std::vector<std::string> names;
  const ShardMap read = load_shard_map(map);
  for (const auto& shard : read.shards()) names.push_back(shard.name);
  return names;
}

using Names = std::vector<std::string>;

const std::string directory_names = "SELECT string_agg(name, ' ' ORDER BY position) FROM shardplex.shards";

}  // namespace

TEST_CASE("a shard comes with the roles and grants of the others, and leaves, the first like any other") {
  Cluster cluster("--shards 3 --replicas 0 --map none");
  const auto shard = [&](const std::string& name) {
    return "  " + name + ": { primary: " + cluster.conninfo(name) + " }\n";
  };
  const TemporaryFile map(
      "version: 1\ncluster: movies\nshards:\n" + shard("alpha") + shard("beta") +
      "groups:\n  catalog: { strategy: { hash: {} }, placement: { alpha: [0-511], beta: [512-1023] } }\n"
      "tables:\n  movies: { group: catalog, key: id }\n  ratings: { group: catalog, key: movie_id }\n"
      "  genres: { reference: true }\n");
  REQUIRE(init(map.path()).exit == 0);
  cluster.sql(
      "alpha",
      "CREATE ROLE \"$do$ '%database%\" LOGIN PASSWORD 'open sesame'; GRANT CONNECT ON DATABASE movies TO "
      "\"$do$ '%database%\"; CREATE ROLE readers; CREATE ROLE web LOGIN PASSWORD 'open sesame' IN ROLE "
      "readers; "
      "GRANT USAGE ON SCHEMA shardplex TO web; GRANT SELECT ON shardplex.shard, shardplex.slots TO web; "
      "GRANT SELECT ON movies, genres TO readers; GRANT UPDATE (name) ON movies TO web; "
      "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO readers; "
      "REVOKE TEMPORARY ON DATABASE movies FROM PUBLIC; "
      "ALTER ROLE web SET search_path = public, \"$user\", 'odd\"; it''s'; ALTER ROLE readers SET "
      "search_path = ''; "
      "ALTER ROLE web IN DATABASE movies SET statement_timeout = '7s'; ALTER ROLE web SET \"my.own\" = 'a, "
      "b'");
  cluster.sql(
      "beta",
      "CREATE ROLE other; GRANT USAGE ON SCHEMA shardplex TO other; ALTER ROLE other SET work_mem = '1MB'");

  // All others are made like the first, which is not made like any.
  CHECK(cluster_command("add-shard", map.path(), {"alpha"}).says("alpha is the first shard of the map"));
  CHECK(cluster.sql("alpha", "SELECT has_table_privilege('readers', 'movies', 'SELECT')") == "t");

  // What only one shard has is found, and made alike.
  CommandRun run = rebalance("check", map.path());
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("beta\tproblem\tit lacks role web LOGIN INHERIT, which alpha has"), run);
  CHECK_MESSAGE(run.says("it lacks UPDATE (name) on TABLE public.movies for web, which alpha has"), run);
  CHECK_MESSAGE(run.says("beta\tnote\tit lacks setting statement_timeout of role web in this database to "
                         "'7s', which alpha has"),
                run);
  CHECK_MESSAGE(
      run.says(
          "beta\tproblem\tit lacks setting my.own of role web (its value is not shown), which alpha has"),
      run);
  CHECK_MESSAGE(run.says("beta\tnote\tit has setting work_mem of role other to '1MB', which alpha lacks"),
                run);
  CHECK_MESSAGE(run.says("it has TEMPORARY on DATABASE itself for PUBLIC, which alpha lacks"), run);
  run = cluster_command("add-shard", map.path(), {"beta"});
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK_FALSE(run.says("sesame"));
  CHECK_FALSE(run.says("SCRAM"));
  run = rebalance("check", map.path());
  CHECK_MESSAGE(run.exit == 0, run);

  cluster.sql("beta",
              "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; "
              "CREATE TRIGGER t BEFORE INSERT ON genres FOR EACH ROW EXECUTE FUNCTION f(); "
              "ALTER TABLE movies DISABLE TRIGGER shardplex_place");
  run = cluster_command("add-shard", map.path(), {"gamma", cluster.conninfo("gamma")});
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("beta: table movies: nothing looks at what triggers and foreign keys write"), run);
  cluster.sql("beta",
              "DROP TRIGGER t ON genres; DROP FUNCTION f; ALTER TABLE movies ENABLE TRIGGER shardplex_place");

  run = cluster_command("add-shard", map.path(), {"gamma", cluster.conninfo("gamma")});
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(shards_of(map.path()) == Names{"alpha", "beta", "gamma"});
  for (const std::string name : {"beta", "gamma"}) {
    CAPTURE(name);
    const std::string password = "SELECT rolpassword FROM pg_authid WHERE rolname = 'web'";
    CHECK(cluster.sql(name, password) == cluster.sql("alpha", password));
    CHECK(cluster.sql(name,
                      "SELECT concat_ws(' ', has_table_privilege('web', 'movies', 'SELECT'), "
                      "has_table_privilege('web', "
                      "'movies', 'DELETE'), has_column_privilege('web', 'movies', 'name', 'UPDATE'), "
                      "has_schema_privilege('web', 'shardplex', 'USAGE'), has_table_privilege('web', "
                      "'shardplex.slots', 'SELECT'), has_database_privilege('web', 'movies', 'TEMP'))") ==
          "t f t t t f");
    const std::string settings =
        "SELECT string_agg(setrole::regrole || ' ' || (setdatabase <> 0) || ' ' || c, E'\\n' ORDER BY "
        "setrole::regrole::text, c) FROM pg_db_role_setting, unnest(setconfig) c WHERE setrole <> 0";
    CHECK(cluster.sql("alpha", settings).find("web false my.own=a, b") != std::string::npos);
    CHECK(cluster.sql(name, settings) == cluster.sql("alpha", settings));
    CHECK(cluster.sql(name, directory_names) == "alpha beta gamma");
    CHECK(cluster.sql(name, "SELECT string_agg(\"primary\", ' ') FROM shardplex.shards").find("user") ==
          std::string::npos);
  }
  CHECK(rebalance("check", map.path()).exit == 0);

  run = cluster_command("remove-shard", map.path(), {"alpha"});
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("alpha: it still has 512 slots"), run);
  run = cluster_command("remove-shard", map.path(), {"gamma"});
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK(shards_of(map.path()) == Names{"alpha", "beta"});
  CHECK(cluster.sql("alpha", directory_names) == "alpha beta");
  CHECK(cluster.sql("gamma", "SELECT first_node IS NULL FROM shardplex.shard") == "t");

  // A new database comes under its name, and begins on an earlier timeline than is noted of the old one.
  cluster.sql("beta", "INSERT INTO shardplex.timelines (shard, ruling, timeline) VALUES ('gamma', 0, 3)");
  cluster.sql("gamma", "CREATE DATABASE another TEMPLATE template0");
  auto another = cluster.conninfo("gamma");
  another.replace(another.find("dbname=movies"), 13, "dbname=another");
  run = cluster_command("add-shard", map.path(), {"gamma", another});
  REQUIRE_MESSAGE(run.exit == 0, run);
  for (const std::string name : {"alpha", "beta"})
    CHECK(cluster.sql(name,
                      "SELECT ruling || '/' || timeline FROM shardplex.timelines WHERE shard = 'gamma'") ==
          "1/1");
  {
    pqxx::connection gamma(another);
    CHECK(pqxx::nontransaction(gamma).exec1("SELECT ruling FROM shardplex.shard")[0].as<int>() == 1);
  }
  run = run_shardplex({"verify", "--map", map.path()});
  CHECK_MESSAGE(run.exit == 0, run);
  run = cluster_command("remove-shard", map.path(), {"gamma"});
  REQUIRE_MESSAGE(run.exit == 0, run);

  // The first shard promises ids, and goes.
  cluster.sql("alpha",
              "INSERT INTO shardplex.nodes VALUES (7, 123456789) ON CONFLICT (node) DO UPDATE SET "
              "reserved_until = 123456789");
  for (const std::string name : {"alpha", "beta"}) cluster.sql(name, "ALTER TABLE movies ADD counted serial");
  cluster.sql("alpha", "SELECT setval('movies_counted_seq', 500)");
  const TemporaryFile plan("");
  run = rebalance("plan", map.path(), {"--drain", "alpha", "--out", plan.path()});
  REQUIRE_MESSAGE(run.exit == 0, run);
  run = rebalance("run", map.path(), {plan.path()});
  REQUIRE_MESSAGE(run.exit == 0, run);
  run = cluster_command("remove-shard", map.path(), {"alpha"});
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("is reversible; shardplex rebalance finish"), run);
  REQUIRE(rebalance("finish", map.path()).exit == 0);
  run = cluster_command("remove-shard", map.path(), {"alpha"});
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(shards_of(map.path()) == Names{"beta"});
  CHECK(cluster.sql("beta", directory_names) == "beta");
  CHECK(cluster.sql("beta", "SELECT reserved_until FROM shardplex.nodes WHERE node = 7") == "123456789");
  // Sequences go on beyond what it gave.
  CHECK(cluster.sql("beta", "SELECT nextval('movies_counted_seq')") == "10500");
  CHECK(cluster.sql("alpha", "SELECT to_regproc('shardplex.reserve_ids')::text") == "(null)");
  CHECK(run_shardplex({"cluster", "status", "--map", map.path()}).exit == 0);
  CHECK(cluster_command("remove-shard", map.path(), {"beta"}).says("beta is the only shard of the map"));
}

TEST_CASE("a replica comes and leaves; what is none, or is the primary, is refused") {
  Cluster& cluster = initialised(hash_cluster());
  std::ifstream file(cluster.map());
  const TemporaryFile map(std::string(std::istreambuf_iterator<char>(file), {}));
  const auto address = [&](const std::string& server) {
    const auto conninfo = cluster.conninfo(server);
    return "127.0.0.1:" + conninfo.substr(conninfo.find("port=") + 5);
  };
  const auto replicas = [&] { return load_shard_map(map.path()).shards()[1].replicas.size(); };
  const auto listed = [&] {
    return cluster.sql("alpha", "SELECT cardinality(replicas) FROM shardplex.shards WHERE name = 'beta'");
  };
  CommandRun run = cluster_command("remove-replica", map.path(), {"beta", address("beta")});
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("is the primary of shard beta now"), run);
  CHECK(cluster_command("remove-replica", map.path(), {"beta", "nowhere:1"}).says("has no server nowhere:1"));
  run = cluster_command("remove-replica", map.path(), {"beta", address("beta-1")});
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK(replicas() == 0);
  CHECK(listed() == "0");

  CHECK(cluster_command("add-replica", map.path(), {"beta", cluster.conninfo("alpha-1")})
            .says("is a server of shard alpha already"));
  run = cluster_command("add-replica", map.path(), {"beta", cluster.conninfo("beta-1") + " dbname=postgres"});
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("it is no replica of shard beta; it is not initialised"), run);
  // Its place in the file is free, and it is a primary all the same.
  CHECK(cluster_command("remove-replica", map.path(), {"alpha", address("alpha-1")}).exit == 0);
  run = cluster_command("add-replica", map.path(), {"beta", cluster.conninfo("alpha-1")});
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("it is no replica of shard beta; it says that it is shard alpha of cluster movies"),
                run);

  run = cluster_command("add-replica", map.path(), {"beta", cluster.conninfo("beta-1")});
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK(replicas() == 1);
  CHECK(listed() == "1");

  // Another shard without a primary does not keep it; its own, without one, does: it may be the only server
  // that has what was acknowledged.
  cluster.control("kill", "alpha");
  run = cluster_command("remove-replica", map.path(), {"beta", address("beta-1")});
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK_MESSAGE(run.says("alpha: its directory was not changed: "), run);
  CHECK_MESSAGE(
      run.says(
          "when the shard has a primary again, run shardplex cluster init, and before that neither promote"),
      run);
  CHECK(replicas() == 0);
  CHECK(cluster_command("remove-replica", map.path(), {"alpha", address("alpha")}).exit == 1);
  CHECK(load_shard_map(map.path()).shards()[0].primary == load_shard_map(cluster.map()).shards()[0].primary);
  cluster.control("start-server", "alpha");
  CHECK(listed() == "1");
  run = init(map.path());
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK(listed() == "0");
}

TEST_CASE(
    "an index on the slot column comes with the tables, and to those of an earlier version beside writers") {
  Cluster& cluster = initialised(hash_cluster());
  const std::string indexes =
      "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_indexes WHERE indexdef LIKE "
      "'%(shardplex_slot)'";
  CHECK(cluster.sql("alpha", indexes) == "movies ratings");
  cluster.sql("alpha", "DROP INDEX movies_shardplex_slot_idx");
  cluster.sql(
      "beta",
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ratings_shardplex_slot_idx'::regclass");
  const CommandRun run = init(cluster.map());
  CHECK_MESSAGE(run.says("built an index on the slot column of movies"), run);
  CHECK_MESSAGE(run.says("built an index on the slot column of ratings"), run);
  for (const std::string shard : {"alpha", "beta"}) {
    CHECK(cluster.sql(shard, indexes) == "movies ratings");
    CHECK(cluster.sql(shard, "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == "0");
  }
  CHECK(init(cluster.map()).says("nothing to do"));
}

}  // namespace shardplex::test
