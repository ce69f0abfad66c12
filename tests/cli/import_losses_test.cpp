// What an import changes or loses: told as an error, by a name by which it can be accepted.
#include <map>

#include "operations/import/check.hpp"
#include "tests/cli/import_fixture.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

/// A database with something of every kind that an import does not bring. Under the hash map, movies is keyed
/// by id and ratings by movie_id.
Cluster& source_with_everything() {
  Cluster& source = empty_source();
  source.sql(
      source_server,
      "DROP SCHEMA IF EXISTS o CASCADE; CREATE SCHEMA o; "
      "DO $$ BEGIN IF to_regrole('reader') IS NULL THEN CREATE ROLE reader; END IF; END $$; "
      "CREATE TABLE o.users (id bigint PRIMARY KEY); "
      "CREATE TABLE movies (id serial PRIMARY KEY, name text, mail text UNIQUE, owner bigint CONSTRAINT "
      "owned "
      "  REFERENCES o.users, sequel integer CONSTRAINT followed REFERENCES movies ON DELETE SET NULL, "
      "  EXCLUDE USING btree (name WITH =)); "
      "CREATE UNIQUE INDEX one_name ON movies (lower(name)); "
      "CREATE TABLE ratings (movie_id bigint DEFAULT 7, user_id bigserial, PRIMARY KEY (movie_id, user_id)); "
      "CREATE TABLE genres (name text PRIMARY KEY, number integer GENERATED ALWAYS AS IDENTITY); "
      "CREATE TABLE o.shelf (movie integer CONSTRAINT shelved REFERENCES movies ON DELETE CASCADE, place "
      "serial); "
      "CREATE VIEW best AS SELECT * FROM movies; CREATE MATERIALIZED VIEW o.kept AS SELECT 1 AS one; "
      "CREATE FUNCTION o.unused(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'; "
      "CREATE SEQUENCE o.numbers; CREATE TYPE o.mood AS ENUM ('good'); CREATE DOMAIN o.positive AS integer; "
      "CREATE FUNCTION o.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; "
      "CREATE EVENT TRIGGER watched ON ddl_command_end EXECUTE FUNCTION o.on_ddl(); "
      "CREATE RULE kept AS ON DELETE TO genres DO INSTEAD NOTHING; "
      "ALTER TABLE ratings ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON ratings USING (user_id = 1); "
      "GRANT SELECT ON movies TO reader; CREATE EXTENSION pg_trgm SCHEMA o; "
      "CREATE PUBLICATION others FOR TABLE movies; SELECT lo_create(4711); "
      "CREATE OPERATOR o.=== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq)");
  return source;
}

void remove_everything(Cluster& source) {
  source.sql(
      source_server,
      "DROP EVENT TRIGGER IF EXISTS watched; DROP SCHEMA o CASCADE; DROP PUBLICATION IF EXISTS others; "
      "SELECT lo_unlink(4711)");
}

/// Name -> what has to be told under it.
const std::map<std::string, std::vector<std::string>> told_of_everything{
    {"ids-not-given", {"ratings: column movie_id has the default 7"}},
    {"ids-repeat",
     {"ratings: column user_id takes its values from a sequence",
      "genres: column number takes its values from a sequence, so the shards' copies would differ"}},
    {"unique-per-shard", {"movies: movies_mail_key", "movies: one_name", "movies: movies_name_excl"}},
    {"foreign-keys-dropped", {"movies: foreign key owned leads to o.users, which is not in the map"}},
    {"cascades-dropped",
     {"movies: foreign key followed leads to movies, but not from shard key to shard key, so the rows may be "
      "on different shards (ON DELETE SET NULL); relations: in the map can declare it for embeds",
      "o.shelf, which is not in the map: foreign key shelved leads to movies (ON DELETE CASCADE)"}},
    {"tables-left-behind", {"table o.users", "table o.shelf"}},
    {"views-left-behind", {"view public.best", "materialized view o.kept"}},
    {"functions-left-behind", {"function o.unused(integer)", "function o.on_ddl()"}},
    {"sequences-left-behind", {"sequence o.numbers"}},
    {"types-left-behind", {"type o.mood", "type o.positive"}},
    {"triggers-left-behind", {"event trigger watched"}},
    {"rules-left-behind", {"genres: kept"}},
    {"policies-left-behind", {"ratings: mine"}},
    {"grants-left-behind", {"movies: of reader"}},
    {"extensions-left-behind", {"extension pg_trgm"}},
    {"replication-left-behind", {"publication others"}},
    {"large-objects-left-behind", {"1 of them"}},
    {"objects-left-behind", {"operator o.===(integer,integer)"}}};

std::string names_without(const std::string& left_out) {
  std::string names;
  for (const auto& [name, objects] : told_of_everything)
    if (name != left_out) names += (names.empty() ? "" : ",") + name;
  return names;
}

boost::json::object check_json(const Cluster& cluster, const std::string& from, const std::string& allow) {
  std::vector<std::string> args{"import", "check", "--map", cluster.map(), "--from", from, "--json"};
  if (!allow.empty()) args.insert(args.end(), {"--allow", allow});
  const CommandRun run = run_shardplex(args);
  auto object = boost::json::parse(run.out).as_object();
  CHECK_MESSAGE((run.exit == 0) == object.at("ready").as_bool(), run);
  return object;
}

std::map<std::string, std::vector<std::string>> losses_of(const boost::json::object& check) {
  std::map<std::string, std::vector<std::string>> losses;
  for (const auto& loss : check.at("losses").as_array())
    losses[loss.at("name").as_string().c_str()] =
        boost::json::value_to<std::vector<std::string>>(loss.at("objects"));
  return losses;
}

}  // namespace

TEST_CASE("all that an import changes or loses is an error under its name, with what it is about") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = source_with_everything();
  const std::string from = source.conninfo(source_server);
  const auto check = check_json(cluster, from, "");
  CHECK(!check.at("ready").as_bool());
  CHECK_MESSAGE(check.at("problems").as_array().empty(), check);
  const auto losses = losses_of(check);
  for (const auto& [name, objects] : told_of_everything) {
    REQUIRE_MESSAGE(losses.contains(name), name << check);
    for (const auto& object : objects)
      CHECK_MESSAGE(std::ranges::count(losses.at(name), object) == 1, name << ": " << object << check);
  }
  CHECK_MESSAGE(losses.size() == told_of_everything.size(), check);
  // What tables of the map need, and what goes with an object that is told, is told no more.
  CHECK_MESSAGE(losses.at("sequences-left-behind").size() == 1, check);
  CHECK_MESSAGE(losses.at("types-left-behind").size() == 2, check);
  CHECK_MESSAGE(losses.at("functions-left-behind").size() == 2, check);

  // Each has to be accepted.
  const auto findings =
      operations::check_import(std::get<ShardMap>(read_shard_map_file(cluster.map())), from);
  const auto accepted = [](const std::string& names) {
    return std::get<operations::AcceptedLosses>(operations::parse_accepted({names}));
  };
  CHECK(operations::is_ready(findings, accepted(names_without(""))));
  for (const auto& [name, objects] : told_of_everything)
    CHECK_MESSAGE(!operations::is_ready(findings, accepted(names_without(name))), name);
  const CommandRun refused = run_shardplex({"import", "run", "--map", cluster.map(), "--from", from,
                                            "--allow", names_without("views-left-behind")});
  CHECK(refused.exit == 1);
  CHECK_MESSAGE(refused.says("error: views-left-behind: views stay behind: "), refused);
  CHECK_MESSAGE(refused.says("accept it: --allow views-left-behind"), refused);
  CHECK_MESSAGE(refused.says("note: accepted: rules-left-behind: "), refused);
  CHECK(cluster.sql("alpha", "SELECT to_regnamespace('shardplex') IS NULL") == "t");

  // With that the rest is brought: the shards have neither the keys, nor what leads to them.
  source.sql(source_server, "DROP RULE kept ON genres");
  source.sql(
      source_server,
      "INSERT INTO o.users VALUES (1); INSERT INTO movies (name, mail, owner) SELECT 'm' || i, i::text, 1 "
      "FROM generate_series(1, 20) i; UPDATE movies SET sequel = id + 1 WHERE id < 20; "
      "INSERT INTO ratings (movie_id) SELECT id FROM movies");
  const CommandRun run = run_shardplex({"import", "run", "--map", cluster.map(), "--from", from, "--json",
                                        "--allow", names_without(""), "--allow", "order-changes"});
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(losses_of(boost::json::parse(run.out).as_object()).contains("views-left-behind"));
  CHECK(rows_of(cluster, "movies") == 20);
  CHECK(cluster.sql("beta", "SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == "0");
  CHECK(cluster.sql("beta", "SELECT to_regnamespace('o') IS NULL") == "t");
  // A serial key is given by the first shard's sequence, as routers ask for it, and goes on where the
  // source's stood.
  CHECK(cluster.sql("alpha", "SELECT nextval(pg_get_serial_sequence('movies', 'id'))") == "21");
  remove_everything(source);
}

TEST_CASE("an identity key of a small type keeps its sequence, and takes the values that routers give it") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = filled_source(10);
  source.sql(
      source_server,
      "DROP TABLE movies; CREATE TABLE movies (id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name "
      "text); INSERT INTO movies (name) SELECT 'm' FROM generate_series(1, 20)");
  expect_import("run", cluster, source);
  CHECK(cluster.sql("alpha", "SELECT nextval(pg_get_serial_sequence('movies', 'id'))") == "21");
  CHECK(cluster.sql("beta",
                    "SELECT attidentity FROM pg_attribute WHERE attrelid = 'movies'::regclass AND "
                    "attname = 'id'") == "d");
}

TEST_CASE("what the source gets after an import began is told before the cutover") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = filled_source(10);
  expect_import("run", cluster, source, {"--rehearse"});
  source.sql(source_server,
             "CREATE VIEW best AS SELECT * FROM movies; CREATE INDEX late ON movies (mpaa_rating)");
  const CommandRun refused = import("run", cluster, source);
  CHECK(refused.exit == 1);
  CHECK_MESSAGE(
      refused.says("since the import began: views-left-behind: views stay behind: view public.best"),
      refused);
  CHECK_MESSAGE(refused.says("since the import began: tables-differ: "), refused);
  CHECK_MESSAGE(refused.says("movies: it has the index USING btree (mpaa_rating)"), refused);
  source.sql(source_server, "UPDATE genres SET description = ''");  // is not fenced
  source.sql(source_server, "DROP INDEX late");
  const CommandRun run = import("run", cluster, source, {"--allow", "views-left-behind"});
  CHECK_MESSAGE(run.exit == 0, run);
}

TEST_CASE("another collation, LC_CTYPE or setting than the source's is an error under its name") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = empty_source();
  source.sql(source_server,
             "CREATE DATABASE sorted TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'");
  source.sql(source_server, "ALTER DATABASE sorted SET TimeZone = 'Asia/Tokyo'");
  const std::string from = source.conninfo(source_server) + " dbname=sorted";
  {
    pqxx::connection connection(from);
    pqxx::nontransaction(connection)
        .exec(
            "CREATE TABLE movies (id bigint PRIMARY KEY, name text); "
            "CREATE TABLE ratings (movie_id bigint, user_id bigint, PRIMARY KEY (movie_id, user_id)); "
            "CREATE TABLE genres (name text PRIMARY KEY)");
  }
  const auto check = check_json(cluster, from, "");
  const auto losses = losses_of(check);
  REQUIRE_MESSAGE(losses.contains("order-changes"), check);
  CHECK_MESSAGE(losses.at("order-changes").front().starts_with("the default collation is ICU en-US"), check);
  REQUIRE_MESSAGE(losses.contains("letters-change"), check);
  CHECK_MESSAGE(losses.at("letters-change").front() == "C on the source and C.UTF-8 on alpha", check);
  REQUIRE_MESSAGE(losses.contains("settings-change"), check);
  CHECK_MESSAGE(losses.at("settings-change").front().starts_with("TimeZone is Asia/Tokyo on the source and "),
                check);
  CHECK(losses.size() == 3);
  CHECK(check_json(cluster, from, "order-changes,letters-change,settings-change").at("ready").as_bool());
  source.sql(source_server, "DROP DATABASE sorted");
}

TEST_CASE("tables that are on a shard already and are not like the source's are an error under its name") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = filled_source(10);
  source.sql(source_server, "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'");
  for (const auto& shard : cluster.shards())
    cluster.sql(shard, "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'");
  std::ifstream schema(movies_schema);
  cluster.sql("beta", std::string(std::istreambuf_iterator<char>(schema), {}) +
                          "; ALTER TABLE ratings DROP CONSTRAINT ratings_score_check");
  const auto losses = losses_of(check_json(cluster, source.conninfo(source_server), ""));
  REQUIRE(losses.size() == 1);  // the function is on all shards
  REQUIRE(losses.contains("tables-differ"));
  REQUIRE(losses.at("tables-differ").size() == 1);
  CHECK(losses.at("tables-differ")
            .front()
            .starts_with("beta: ratings: it lacks the constraint CHECK (((score >= 1) AND (score <= 10))), "
                         "which the source has"));
}

TEST_CASE("names of losses are read as lists, and one that is none is refused with a hint") {
  using operations::LossKind;
  using operations::parse_accepted;
  CHECK(std::get<operations::AcceptedLosses>(
            parse_accepted({"views-left-behind,order-changes", "ids-repeat"})) ==
        operations::AcceptedLosses{LossKind::views, LossKind::order, LossKind::ids_repeat});
  CHECK(std::get<operations::AcceptedLosses>(parse_accepted({})).empty());
  for (const std::string bad : {"", "views-left-behind,", "all", "views-left-behind;order-changes"})
    CHECK_MESSAGE(std::holds_alternative<std::string>(parse_accepted({bad})), bad);
  const CommandRun run =
      run_shardplex({"import", "check", "--map", "none", "--from", "none", "--allow", "view-left-behind"});
  CHECK(run.exit == 2);
  CHECK_MESSAGE(run.says("is called 'view-left-behind' (did you mean views-left-behind?)"), run);
  CHECK(operations::to_text({LossKind::views, {"a", "b"}}) == "views-left-behind: views stay behind: a; b");
  CHECK(
      operations::to_text({LossKind::views, std::vector<std::string>(12, "v")}).ends_with("v; v and 2 more"));
}
