// `shardplex import` on real servers: an unsharded source that is written to all the while, and empty shards.
#include <future>

#include "operations/import/copy.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/mover.hpp"
#include "tests/cli/import_fixture.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

/// An import as a whole, under a writer that ends by being refused.
void import_under_load(Cluster& cluster) {
  INFO("seed " << import_seed);
  constexpr int films = 3000;
  Cluster& source = filled_source(films);
  SourceWriter writer(source, films);
  const CommandRun run = expect_import("run", cluster, source, {"--json"});
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!writer.refused()) REQUIRE(std::chrono::steady_clock::now() < give_up);
  CHECK(writer.transactions() > 50);
  const auto report = boost::json::parse(run.out).as_object();
  CHECK(report.at("phase") == "reversible");
  CHECK(report.at("rows_copied").to_number<long>() > films);
  CHECK(report.at("changes_applied").to_number<long>() > 0);
  check_cut_over(cluster, source);
}

}  // namespace

TEST_CASE(
    "a database that is written to all the while is the same on the shards after its import, under hash") {
  Cluster& cluster = emptied(hash_cluster());
  import_under_load(cluster);
  CHECK(status(cluster, 0).as_object().size() > 0);
  CHECK(cluster.sql("alpha",
                    "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'movies'") ==
        "5");  // its own, and that on the slot column
  const CommandRun again = import("run", cluster, source_cluster());
  CHECK(again.exit == 1);
  CHECK_MESSAGE(again.says("the import is cut over and reversible"), again);
  const CommandRun abort = import("abort", cluster, source_cluster());
  CHECK(abort.exit == 1);
  CHECK_MESSAGE(abort.says("import reverse gives it back to the source first"), abort);
}

TEST_CASE(
    "a database that is written to all the while is the same on the shards after its import, under list") {
  import_under_load(emptied(genre_cluster()));
}

TEST_CASE("a rehearsal stops before the cutover, and a run goes on from there with what was written since") {
  Cluster& cluster = emptied(hash_cluster());
  constexpr int films = 500;
  Cluster& source = filled_source(films);
  {
    SourceWriter writer(source, films);
    const CommandRun rehearsal = expect_import("run", cluster, source, {"--rehearse"});
    CHECK(rehearsal.says("rehearsed"));
    CHECK(!writer.refused());
    for (const auto& shard : cluster.shards())
      CHECK(cluster.sql(shard, "SELECT DISTINCT state FROM shardplex.slots") == "incoming");
    genre_cluster().reset();
    CHECK(import("check", genre_cluster(), source).says("of another import"));
    const CommandRun told = import("status", cluster, source, {"--json"});
    CHECK(boost::json::parse(told.out).as_object().at("phase") == "follow");
  }
  source.sql(source_server, "TRUNCATE ratings; INSERT INTO ratings VALUES (1, 1, 1)");
  const CommandRun run = expect_import("run", cluster, source);
  CHECK(run.says("0 rows copied"));
  CHECK(rows_of(cluster, "ratings") == 1);
  check_cut_over(cluster, source);
}

TEST_CASE(
    "a single row that was altered, lost, doubled or added on a shard is found, and the cutover refused") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = filled_source(300);
  expect_import("run", cluster, source, {"--rehearse"});
  const std::string shard =
      cluster.sql("alpha", "SELECT count(*) FROM movies WHERE id = 42") == "1" ? "alpha" : "beta";
  const std::string other = shard == "alpha" ? "beta" : "alpha";
  struct Fault {
    std::string server, harm, repair, told;
  };
  const std::vector<Fault> faults{
      {shard, "UPDATE movies SET imdb_score = 9.9 WHERE id = 42",
       "UPDATE movies SET imdb_score = 42 % 101 / 10.0 WHERE id = 42", "movies id=42 differs"},
      {shard, "CREATE TABLE kept AS SELECT * FROM movies WHERE id = 42; DELETE FROM movies WHERE id = 42",
       "INSERT INTO movies SELECT * FROM kept; DROP TABLE kept", "movies id=42 is missing on the shards"},
      {other, "INSERT INTO movies (id, name, shardplex_slot) VALUES (42, 'twice', 0)",
       "DELETE FROM movies WHERE id = 42", "movies id=42 is on several shards"},
      {shard, "INSERT INTO movies (id, name, shardplex_slot) VALUES (77777, 'from nowhere', 0)",
       "DELETE FROM movies WHERE id = 77777", "movies id=77777 is on a shard and not on the source"},
      {other, "UPDATE genres SET description = 'x' WHERE number = 7",
       "UPDATE genres SET description = NULL WHERE number = 7", "genres name=genre 7 differs"}};
  for (const auto& fault : faults) {
    cluster.sql(fault.server, fault.harm);
    const CommandRun run = import("run", cluster, source);
    CHECK_MESSAGE(run.exit == 1, run);
    CHECK_MESSAGE(run.says(fault.told), run);
    CHECK(run.says("the cutover is refused"));
    CHECK(cluster.sql("alpha", "SELECT DISTINCT state FROM shardplex.slots") == "incoming");
    source.sql(source_server, "UPDATE ratings SET score = score WHERE movie_id = 1");  // writes go on
    cluster.sql(fault.server, fault.repair);
  }
  CHECK(import("status", cluster, source).says("it has stopped"));
  expect_import("run", cluster, source);
  check_cut_over(cluster, source);
}

TEST_CASE("tables that are there stay when an import is aborted, empty and as they were") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = filled_source(100);
  std::ifstream schema(movies_schema);
  cluster.sql("beta", std::string(std::istreambuf_iterator<char>(schema), {}));
  expect_import("run", cluster, source, {"--rehearse"});
  CHECK(rows_of(cluster, "movies") == 100);
  expect_import("abort", cluster, source);
  CHECK(cluster.sql("beta", "SELECT count(*) FROM movies") == "0");
  CHECK(cluster.sql(
            "beta",
            "SELECT count(*) FROM pg_attribute WHERE attname = 'shardplex_slot' AND NOT attisdropped") ==
        "0");
  CHECK(cluster.sql("alpha", "SELECT to_regclass('movies') IS NULL") == "t");
  CHECK(import("abort", cluster, source).says("there is no import"));
  CHECK(import("status", cluster, source).exit == 1);
}

TEST_CASE("what tables need comes with them: types, functions, triggers, sequences, generated columns") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = empty_source();
  source.sql(
      source_server,
      "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN stars AS integer CHECK (VALUE BETWEEN 1 AND "
      "5); "
      "CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)'; "
      "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := true; RETURN NEW; "
      "END'; "
      "CREATE TABLE movies (id bigserial PRIMARY KEY, name text, mood mood, stars stars, touched boolean, "
      "  loud text GENERATED ALWAYS AS (shout(name)) STORED, number bigint GENERATED ALWAYS AS IDENTITY); "
      "CREATE INDEX ON movies (shout(name)); "
      "CREATE TRIGGER stamp BEFORE INSERT ON movies FOR EACH ROW EXECUTE FUNCTION stamp(); "
      "CREATE TABLE ratings (movie_id bigint REFERENCES movies, user_id serial, pin serial UNIQUE, PRIMARY "
      "KEY (movie_id, user_id)); "
      "CREATE TABLE genres (name text PRIMARY KEY); CREATE TABLE elsewhere (id mood PRIMARY KEY)");
  source.sql(source_server,
             "INSERT INTO movies (name, mood, stars) SELECT 'n' || i, 'good', 1 + i % 5 FROM "
             "generate_series(1, 50) i; INSERT INTO ratings SELECT id FROM movies");
  expect_import("run", cluster, source, {"--rehearse", "--allow", "ids-repeat,tables-left-behind"});
  source.sql(
      source_server,
      "INSERT INTO movies (name, mood) VALUES ('late', 'bad'); UPDATE movies SET name = 'x' WHERE id = 1; "
      "DELETE FROM ratings WHERE movie_id = 2; DELETE FROM movies WHERE id = 2");
  expect_import("run", cluster, source);
  std::multiset<std::string> together = rows_on(cluster, "alpha", "movies");
  together.merge(rows_on(cluster, "beta", "movies"));
  CHECK(together == rows_on(source, source_server, "movies"));
  CHECK(cluster.sql("beta", "SELECT to_regclass('elsewhere') IS NULL") == "t");
  CHECK(
      cluster.sql(
          "beta",
          "SELECT string_agg(DISTINCT tgname, ' ' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal") ==
      "shardplex_place stamp");
  CHECK(cluster.sql("beta", "SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == "1");
  // Ids are given by routers; other sequences go on where the source's stood.
  CHECK(
      cluster.sql("beta",
                  "SELECT pg_get_serial_sequence('movies', 'number') IS NOT NULL AND NOT EXISTS (SELECT FROM "
                  "pg_attrdef WHERE adrelid = 'movies'::regclass AND adnum = 1)") == "t");
  CHECK(cluster.sql("beta", "SELECT nextval(pg_get_serial_sequence('movies', 'number'))") == "52");
  CHECK(cluster.sql("beta", "SELECT nextval('ratings_user_id_seq')") == "51");
  // Those whose values must not be on two shards are set apart.
  CHECK(cluster.sql("alpha", "SELECT nextval('ratings_pin_seq') FROM generate_series(1, 2)") == "51\n83");
  CHECK(cluster.sql("beta", "SELECT nextval('ratings_pin_seq') FROM generate_series(1, 2)") == "52\n84");
}

TEST_CASE(
    "a table altered on the source, a lost slot and another map or source stop an import with what to do") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = filled_source(100);
  expect_import("run", cluster, source, {"--rehearse"});
  SUBCASE("altered") {
    source.sql(source_server, "ALTER TABLE genres ADD COLUMN more text; UPDATE genres SET more = 'x'");
    const CommandRun run = import("run", cluster, source);
    CHECK(run.exit == 1);
    CHECK_MESSAGE(run.says("altered"), run);
  }
  SUBCASE("lost slot") {
    source.sql(source_server, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
    const CommandRun run = import("run", cluster, source);
    CHECK(run.exit == 1);
    CHECK(run.says("abort the import and begin again"));
  }
  SUBCASE("another placement") {
    const TemporaryFile other =
        altered_map(cluster.map(), "alpha: [0-511], beta: [512-1023]", "beta: [0-511], alpha: [512-1023]");
    const CommandRun run =
        run_shardplex({"import", "run", "--map", other.path(), "--from", source.conninfo(source_server)});
    CHECK(run.exit == 1);
    CHECK_MESSAGE(run.says("elsewhere than when the import began"), run);
  }
  SUBCASE("another source") {
    const CommandRun run =
        run_shardplex({"import", "run", "--map", cluster.map(), "--from", genre_cluster().conninfo("alpha")});
    CHECK(run.exit == 1);
    CHECK_MESSAGE(run.says("of another database"), run);
  }
  SUBCASE("another mover") {
    const auto map = std::get<ShardMap>(read_shard_map_file(cluster.map()));
    const operations::Mover mover(map);
    const CommandRun run = import("run", cluster, source);
    CHECK(run.exit == 1);
    CHECK_MESSAGE(run.says("already, by " + operations::Mover::holder()), run);
  }
  SUBCASE("a writer that does not end") {
    pqxx::connection connection(source.conninfo(source_server));
    pqxx::work transaction(connection);
    transaction.exec("UPDATE genres SET description = 'open' WHERE number = 1");
    auto run = std::async(std::launch::async, [&] { return import("run", cluster, source); });
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (cluster.sql("alpha", "SELECT phase FROM shardplex.imports") != "fence")
      REQUIRE(std::chrono::steady_clock::now() < give_up);
    transaction.commit();
    const CommandRun done = run.get();
    REQUIRE_MESSAGE(done.exit == 0, done);
    check_cut_over(cluster, source);
  }
}

TEST_CASE("import check tells all problems at once, and changes nothing") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = empty_source();
  source.sql(source_server,
             "CREATE TABLE movies (id timestamptz PRIMARY KEY); CREATE UNLOGGED TABLE genres (name text "
             "PRIMARY KEY); "
             "CREATE TABLE ratings (movie_id bigint, user_id bigint, sequel bigint UNIQUE REFERENCES ratings "
             "(sequel))");
  cluster.sql("beta", "CREATE TABLE genres (name text PRIMARY KEY); INSERT INTO genres VALUES ('x')");
  cluster.sql("alpha", "CREATE SCHEMA shardplex");
  const CommandRun run = import("check", cluster, source);
  CHECK(run.exit == 1);
  for (const std::string problem :
       {"UNLOGGED", "the shard key id is timestamp with time zone, which cannot be one", "no primary key",
        "foreign key", "beta: table genres holds rows", "alpha: it is a shard already"})
    CHECK_MESSAGE(run.says(problem), problem << run);
  CHECK(import("run", cluster, source).exit == 1);
  CHECK(source.sql(source_server, "SELECT count(*) FROM pg_replication_slots") == "0");
  CHECK(cluster.sql("beta", "SELECT to_regnamespace('shardplex') IS NULL") == "t");
}

TEST_CASE("import check finds keys of citext that no slot is for") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = filled_source(10);
  source.sql(source_server,
             "CREATE EXTENSION citext; ALTER TABLE movies ALTER id TYPE citext; "
             "ALTER TABLE ratings ALTER movie_id TYPE citext");
  CHECK_FALSE(import("check", cluster, source).says("decides a slot"));
  source.sql(source_server, "INSERT INTO movies (id) VALUES ('J\u00fcrgen')");
  const CommandRun run = import("check", cluster, source);
  source.sql(source_server, "DROP EXTENSION citext CASCADE");
  CHECK(run.exit == 1);
  CHECK_MESSAGE(
      run.says("the source: movies: a row's id is \"J\u00fcrgen\", and of citext only ASCII decides a slot"),
      run);
}

TEST_CASE("import check foretells which sequences cannot be set apart, and says what works") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = filled_source(10);
  source.sql(source_server,
             "ALTER TABLE ratings ADD pin smallserial CONSTRAINT pins UNIQUE; "
             "SELECT setval('ratings_pin_seq', 32750)");
  const auto check = [&] { return import("check", cluster, source, {"--allow", "ids-repeat"}); };
  const CommandRun run = check();
  CHECK(run.exit == 1);
  const std::string cure =
      "ALTER TABLE \"public\".\"ratings\" ALTER \"pin\" TYPE bigint; ALTER SEQUENCE ratings_pin_seq AS "
      "bigint "
      "NO MAXVALUE";
  CHECK_MESSAGE(run.says("the source: sequence ratings_pin_seq ends at 32767, and values up to 32750 are in "
                         "use: each shard's goes in steps of 32, for which too few are left. What works: " +
                         cure),
                run);
  source.sql(source_server, cure);
  const CommandRun cured = check();
  CHECK_MESSAGE(cured.exit == 0, cured);
}

TEST_CASE("a replica of the source is refused, by check and by an import that is under way") {
  Cluster& source = emptied(hash_cluster());
  Cluster& cluster = emptied(genre_cluster());
  std::ifstream schema(movies_schema);
  source.sql("alpha", std::string(std::istreambuf_iterator<char>(schema), {}));
  const auto import_from = [&](const std::string& verb, const std::string& server,
                               std::vector<std::string> more = {}) {
    std::vector<std::string> args{"import", verb, "--map", cluster.map(), "--from", source.conninfo(server)};
    args.insert(args.end(), more.begin(), more.end());
    return run_shardplex(args);
  };
  const CommandRun check = import_from("check", "alpha-1", {"--json"});
  CHECK(check.exit == 1);
  const auto problems = boost::json::parse(check.out).at("problems").as_array();
  REQUIRE_MESSAGE(problems.size() == 1, check);
  CHECK(problems[0] == "the source: the server is a replica; an import needs the primary");
  const CommandRun begun = import_from("run", "alpha", {"--allow", "unique-per-shard", "--rehearse"});
  REQUIRE_MESSAGE(begun.exit == 0, begun);
  for (const std::string verb : {"run", "abort"}) {
    const CommandRun refused = import_from(verb, "alpha-1");
    CHECK(refused.exit == 1);
    CHECK_MESSAGE(refused.says("the source is a replica"), refused);
  }
  CHECK(cluster.sql("alpha", "SELECT phase FROM shardplex.imports") == "follow");
  CHECK(import_from("abort", "alpha").exit == 0);
}

TEST_CASE("numbers that a foreign key led to are not replaced where an import has dropped the key") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = filled_source(10);
  source.sql(source_server,
             "ALTER TABLE ratings ADD pin serial CONSTRAINT pins UNIQUE, ADD follows integer, "
             "ADD slip serial CONSTRAINT slips UNIQUE, ADD before integer CONSTRAINT preceded REFERENCES "
             "ratings (slip)");
  expect_import("run", cluster, source, {"--allow", "ids-repeat,foreign-keys-dropped", "--rehearse"});
  source.sql(source_server,
             "ALTER TABLE ratings ADD CONSTRAINT followed FOREIGN KEY (follows) REFERENCES ratings (pin)");
  expect_import("run", cluster, source, {"--allow", "foreign-keys-dropped"});
  for (const auto& [constraint, key] : {std::pair("slips", "preceded"), std::pair("pins", "followed")}) {
    const CommandRun refused = run_shardplex(
        {"cluster", "duplicates", "--map", cluster.map(), "--renumber", std::string(constraint)});
    CHECK(refused.exit == 1);
    CHECK_MESSAGE(refused.says("cannot be renumbered: a foreign key led to it that the import did not bring"),
                  refused);
    CHECK_MESSAGE(refused.says("ratings: foreign key " + std::string(key) + " leads to ratings"), refused);
  }
}

TEST_CASE("import check says what is there in place of a table") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = empty_source();
  source.sql(source_server,
             "CREATE VIEW movies AS SELECT 1::bigint AS id; "
             "CREATE TABLE parted (movie_id bigint, user_id bigint) PARTITION BY RANGE (movie_id); "
             "CREATE TABLE ratings PARTITION OF parted DEFAULT");
  const CommandRun run = import("check", cluster, source);
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("movies: it is not an ordinary table; views, partitioned and foreign tables cannot"),
                run);
  CHECK_MESSAGE(run.says("ratings: it inherits, or is inherited from; such tables cannot be imported"), run);
  CHECK_MESSAGE(run.says("it has no table genres"), run);
}

TEST_CASE("import check refuses foreign keys to tables of another schema") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = filled_source(10);
  source.sql(source_server,
             "CREATE SCHEMA o; CREATE TABLE o.users (id bigint PRIMARY KEY); "
             "ALTER TABLE movies ADD owner bigint CONSTRAINT owned REFERENCES o.users");
  const CommandRun run = import("check", cluster, source);
  source.sql(source_server, "DROP SCHEMA o CASCADE");
  CHECK(run.exit == 1);
  CHECK_MESSAGE(
      run.says("foreign-keys-dropped: foreign keys are not brought: movies: foreign key owned leads "
               "to o.users, which is not in the map"),
      run);
}

TEST_CASE("import check finds a source that cannot be followed, is one of the shards, or is not there") {
  Cluster& cluster = emptied(hash_cluster());
  const auto check = [&](const std::string& from) {
    return run_shardplex({"import", "check", "--map", cluster.map(), "--from", from});
  };
  const Cluster unfit(
      "--shards 1 --replicas 0 --map none --setting wal_level=replica --setting max_replication_slots=0");
  const CommandRun run = check(unfit.conninfo(source_server));
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("wal_level is replica"), run);
  CHECK(run.says("no replication slot is free"));
  CHECK(run.says("it has no table movies"));
  CHECK(check(cluster.conninfo("beta")).says("it is the same database as the source"));
  CHECK(check("host=127.0.0.1 port=1 dbname=none").exit == 1);
  CHECK(run_shardplex({"import", "check", "--map", cluster.map()}).exit == 2);
  CHECK(run_shardplex({"import", "run", "--map", cluster.map(), "--from", "x", "--rate", "-1"}).exit == 2);
}

TEST_CASE("an import from a database that another import has made read-only is refused") {
  emptied(hash_cluster());
  Cluster& source = filled_source(10);
  expect_import("run", hash_cluster(), source);
  genre_cluster().reset();
  const CommandRun run = import("check", genre_cluster(), source);
  CHECK(run.exit == 1);
  CHECK(run.says("it has been imported, and is read-only"));
}

TEST_CASE("fields of COPY's text format are read as PostgreSQL writes them") {
  using operations::copy_field;
  const std::string line = "1\ta\\tb\\\\c\\nd\t\\N\t\tlast";
  CHECK(copy_field(line, 0) == "1");
  CHECK(copy_field(line, 1) == "a\tb\\c\nd");
  CHECK(copy_field(line, 2) == std::nullopt);
  CHECK(copy_field(line, 3) == "");
  CHECK(copy_field(line, 4) == "last");
  CHECK(copy_field("\\\\N", 0) == "\\N");
}

TEST_CASE("a program gets its input and environment, and tells its output, errors and status") {
  using operations::run_program;
  const std::string much(1 << 20, 'x');
  CHECK(run_program({"cat"}, much).output == much);
  CHECK(run_program({"true"}, much).status == 0);  // reads nothing of it
  const auto told = run_program({"sh", "-c", "echo $SECRET; echo no >&2; exit 3"}, {}, {{"SECRET", "s3"}});
  CHECK(told.output == "s3\n");
  CHECK(told.errors == "no\n");
  CHECK(told.status == 3);
  CHECK(run_program({"sh", "-c", "kill -9 $$"}).status == 137);
  CHECK_THROWS_AS(run_program({"/no/such/program"}), operations::CommandFailed);
  CHECK_THROWS_AS(operations::output_of({"sh", "-c", "exit 1"}), operations::CommandFailed);
}
