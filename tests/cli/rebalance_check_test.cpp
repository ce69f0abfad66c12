#include "operations/move/obstacles.hpp"

#include <chrono>
#include <cstdlib>
#include <thread>

#include "operations/move/server_checks.hpp"
#include "operations/process/failure.hpp"
#include "operations/replication/copy_session.hpp"
#include "operations/shard/map_file.hpp"
#include "operations/shard/table_structure.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::cli;
using namespace shardplex::test;
using Kind = CheckFinding::Kind;
using Findings = std::vector<CheckFinding>;

namespace {

/// Two shards without data, on which there is nothing to find.
Cluster& ready() {
  Cluster& cluster = initialised(hash_cluster());
  for (const auto& shard : cluster.shards())
    cluster.sql(shard,
                "DO $$ DECLARE name text; BEGIN FOR name IN SELECT pubname FROM pg_publication LOOP "
                "EXECUTE format('DROP PUBLICATION %I', name); END LOOP; END $$");
  return cluster;
}

SlotSet slot_range(std::uint32_t first, std::uint32_t last) {
  SlotSet slots = SlotSet::none(1024);
  for (std::uint32_t slot = first; slot <= last; ++slot) slots.insert(Slot{slot});
  return slots;
}

/// Slots 0 to 15, which alpha owns, to beta.
RebalancePlan plan_to(const std::string& target = "beta") {
  return {"movies", {}, {}, {{"catalog", slot_range(0, 15), "alpha", target}}};
}

Findings found(const Cluster& cluster, const RebalancePlan& plan = plan_to()) {
  return find_obstacles(load_shard_map(cluster.map()), plan);
}

bool has(const Findings& findings, Kind kind, const std::string& shard, const std::string& text) {
  for (const auto& finding : findings)
    if (finding.kind == kind && finding.shard == shard && finding.text.find(text) != std::string::npos)
      return true;
  return false;
}

std::string to_text(const Findings& findings) {
  std::string text;
  for (const auto& finding : findings)
    text +=
        finding.shard + ": " + std::to_string(static_cast<int>(finding.kind)) + ": " + finding.text + "\n";
  return text;
}

CommandRun check(const std::string& map, std::vector<std::string> more = {}) {
  std::vector<std::string> args{"rebalance", "check", "--map", map};
  args.insert(args.end(), more.begin(), more.end());
  return run_shardplex(args);
}

/// Something planted on one server, and what is said of it.
struct Planted {
  const char* server;
  const char* sql;
  Kind kind;
  const char* shard;
  const char* text;
};

/// All of it is found on a cluster that is ready but for it, and nothing else.
void check_all_found(std::initializer_list<Planted> all) {
  const Cluster& cluster = ready();
  for (const auto& planted : all) cluster.sql(planted.server, planted.sql);
  const Findings findings = found(cluster);
  CAPTURE(to_text(findings));
  CHECK(findings.size() == all.size());
  for (const auto& planted : all) {
    CAPTURE(planted.sql);
    CHECK(has(findings, planted.kind, planted.shard, planted.text));
  }
}

/// Runs SQL now, and other SQL when it goes.
class Undone {
 public:
  Undone(const Cluster& cluster, std::string server, const std::string& now, std::string afterwards)
      : cluster_(cluster), server_(std::move(server)), afterwards_(std::move(afterwards)) {
    cluster_.sql(server_, now);
  }
  ~Undone() { cluster_.sql(server_, afterwards_); }
  Undone(const Undone&) = delete;

 private:
  const Cluster& cluster_;
  const std::string server_, afterwards_;
};

/// The findings once one of them is there, or after half a minute.
Findings wait_for_finding(const Cluster& cluster, Kind kind, const std::string& shard,
                          const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (true) {
    const Findings findings = found(cluster);
    if (has(findings, kind, shard, text) || std::chrono::steady_clock::now() > deadline) return findings;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

}  // namespace

TEST_CASE("nothing is found on a cluster that is ready, with a plan or without, and nothing is changed") {
  Cluster& cluster = ready();
  // Of a relation what a statement makes it, without the statistics and the horizon that autovacuum writes at
  // any time.
  const std::string content =
      "SELECT (SELECT count(*) FROM pg_publication) || ' ' || (SELECT count(*) FROM pg_subscription) || ' ' "
      "|| (SELECT count(*) FROM pg_replication_slots) || ' ' "
      "|| (SELECT string_agg(s::text, ' ') FROM shardplex.shard s) || (SELECT count(*) FROM "
      "shardplex.changes) "
      "|| (SELECT count(*) FROM pg_trigger) "
      "|| (SELECT md5(string_agg(concat_ws(' ', oid, relname, relnamespace, relkind, relpersistence, "
      "relowner, "
      "relnatts, relfilenode, relchecks, relreplident, relacl, reloptions), E'\\n' ORDER BY oid)) FROM "
      "pg_class)";
  const std::string before = cluster.sql("alpha", content) + cluster.sql("beta", content);
  CHECK(to_text(found(cluster)) == "");
  CHECK(to_text(find_obstacles(load_shard_map(cluster.map()))) == "");
  CHECK(check_moves(load_shard_map(cluster.map()), plan_to()).empty());
  const TemporaryFile plan(to_yaml(plan_to()));
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {plan.path()}}) {
    const CommandRun run = check(cluster.map(), more);
    CHECK_MESSAGE(run.exit == 0, run);
    CHECK(run.out.empty());
    CHECK(run.says("nothing stands in the way"));
  }
  const auto json = boost::json::parse(check(cluster.map(), {plan.path(), "--json"}).out);
  CHECK(json.at("ready") == true);
  CHECK(json.at("findings").as_array().empty());
  CHECK(cluster.sql("alpha", content) + cluster.sql("beta", content) == before);
}

TEST_CASE("all problems are told at once, by shard, and the command fails") {
  Cluster& cluster = ready();
  cluster.sql("alpha", "CREATE PUBLICATION shardplex_mgone_f");
  cluster.sql("beta", "DROP INDEX movies_best; ALTER TABLE ratings SET UNLOGGED");
  const CommandRun run = check(cluster.map());
  CHECK(run.exit == 1);
  CHECK(run.out ==
        "SHARD\tKIND\tFINDING\n"
        "alpha\tproblem\tpublication shardplex_mgone_f is left over from a move that is over or unknown; "
        "shardplex cluster doctor --fix removes it\n"
        "beta\tproblem\ttable ratings is unlogged; its changes are not replicated\n"
        "beta\tproblem\ttable movies: it lacks the index USING btree (imdb_score DESC NULLS LAST, id), which "
        "alpha "
        "has\n");
  const auto json = boost::json::parse(check(cluster.map(), {"--json"}).out);
  CHECK(json.at("cluster") == "movies");
  CHECK(json.at("ready") == false);
  REQUIRE(json.at("findings").as_array().size() == 3);
  CHECK(json.at("findings").at(1).at("shard") == "beta");
  CHECK(json.at("findings").at(1).at("kind") == "problem");
  CHECK(check_moves(load_shard_map(cluster.map()), plan_to()).size() == 3);
}

TEST_CASE("a target whose tables are made otherwise is found, whatever it is that differs") {
  check_all_found({
      {"beta", "DROP INDEX movies_by_director", Kind::problem, "beta",
       "table movies: it lacks the index USING btree (director), which alpha has"},
      {"beta", "CREATE UNIQUE INDEX ON movies (name) WHERE name > 'x'", Kind::problem, "beta",
       "it has the index UNIQUE USING btree (name) WHERE (name > 'x'::text), which alpha lacks"},
      {"beta", "ALTER TABLE movies ADD note text", Kind::problem, "beta",
       "it has the column note, which alpha lacks"},
      {"beta", "ALTER TABLE ratings ALTER score TYPE integer", Kind::problem, "beta",
       "table ratings: the column score is integer NOT NULL, and on alpha it is smallint NOT NULL"},
      {"beta", "ALTER TABLE movies ALTER name TYPE text COLLATE \"POSIX\"", Kind::problem, "beta",
       "the column name is text COLLATE POSIX, and on alpha it is text COLLATE C.UTF-8"},
      {"beta", "ALTER TABLE movies ALTER director SET NOT NULL", Kind::problem, "beta",
       "the column director is text COLLATE C.UTF-8 NOT NULL"},
      {"beta", "ALTER TABLE movies ALTER imdb_votes SET DEFAULT 7", Kind::problem, "beta",
       "the column imdb_votes is integer DEFAULT 7, and on alpha it is integer"},
      {"beta", "ALTER TABLE movies ADD x text GENERATED ALWAYS AS (name) STORED", Kind::problem, "beta",
       "it has the column x, which alpha lacks"},
      {"beta", "ALTER TABLE movies ALTER id ADD GENERATED BY DEFAULT AS IDENTITY", Kind::problem, "beta",
       "the column id is bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY"},
      {"beta", "ALTER TABLE movies ADD CHECK (length(name) < 500)", Kind::problem, "beta",
       "it has the constraint CHECK ((length(name) < 500)), which alpha lacks"},
      {"beta", "ALTER TABLE ratings ADD FOREIGN KEY (movie_id) REFERENCES movies", Kind::problem, "beta",
       "it has the constraint FOREIGN KEY (movie_id) REFERENCES movies(id)"},
      {"beta",
       "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; "
       "CREATE TRIGGER t BEFORE INSERT ON movies FOR EACH ROW EXECUTE FUNCTION f()",
       Kind::problem, "beta", "it has the trigger t, which alpha lacks"},
      {"beta", "SELECT", Kind::problem, "beta",
       "table movies: nothing looks at what triggers and foreign keys write to it"},
      {"beta", "SELECT", Kind::problem, "beta",
       "table ratings: nothing looks at what triggers and foreign keys write to it"},
      {"beta", "CREATE RULE r AS ON DELETE TO movies DO INSTEAD NOTHING", Kind::problem, "beta",
       "it has the rule r, which alpha lacks"},
      {"beta", "ALTER TABLE movies ENABLE ROW LEVEL SECURITY", Kind::problem, "beta",
       "the setting row-level security is on, and on alpha it is off"},
      {"beta", "CREATE POLICY p ON movies USING (id > 0)", Kind::problem, "beta", "it has the policy p"},
      {"alpha", "GRANT SELECT ON movies TO PUBLIC", Kind::problem, "beta",
       "it lacks SELECT on TABLE public.movies for PUBLIC, which alpha has"},
      {"alpha", "GRANT UPDATE (name) ON movies TO PUBLIC", Kind::problem, "beta",
       "it lacks UPDATE (name) on TABLE public.movies for PUBLIC, which alpha has"},
  });
}

TEST_CASE("columns in another order and types that only share their name are found on a target") {
  Cluster& cluster = ready();
  for (const std::string server : {"alpha", "beta"}) {
    const bool first = server == "alpha";
    cluster.sql(server,
                std::string("SET search_path = public; CREATE TYPE mood AS ENUM (") +
                    (first ? "'sad', 'glad'" : "'glad', 'sad'") +
                    "); CREATE DOMAIN small AS int CHECK (VALUE < " + (first ? "10" : "11") +
                    "); CREATE TYPE pair AS (x " + (first ? "int" : "bigint") +
                    ", y mood); CREATE TYPE span AS RANGE (SUBTYPE = " + (first ? "int" : "bigint") +
                    "); ALTER TABLE ratings ADD moods mood[], ADD tiny small, ADD two pair, ADD spans span");
    cluster.sql(server, std::string("ALTER TABLE movies ") +
                            (first ? "ADD a int, ADD b int"
                                   : "ADD b int, ADD gone int, ADD a int; ALTER TABLE movies DROP gone"));
  }
  const Findings findings = found(cluster);
  CAPTURE(to_text(findings));
  CHECK(has(findings, Kind::problem, "beta", "table movies: its columns are in the order id, "));
  CHECK(has(findings, Kind::problem, "beta", "shardplex_slot, b, a, and on alpha in the order id, "));
  CHECK(has(
      findings, Kind::problem, "beta",
      "the type mood is ENUM ('glad', 'sad'), and on alpha it is ENUM ('sad', 'glad'); table ratings uses "
      "it"));
  CHECK(has(findings, Kind::problem, "beta", "the type small is integer CHECK ((VALUE < 11))"));
  CHECK(has(findings, Kind::problem, "beta", "the type pair is (x bigint, y mood)"));
  CHECK(has(findings, Kind::problem, "beta", "the type span is RANGE OF bigint"));
  CHECK(findings.size() == 5);
  CHECK(to_text(find_obstacles(load_shard_map(cluster.map()))) == to_text(findings));
}

TEST_CASE(
    "what tables use is compared too: extensions, functions, collations, and tables that functions name") {
  Cluster& cluster = ready();
  const std::string before = "SET search_path = public; SET client_min_messages = warning;";
  for (const std::string server : {"alpha", "beta"}) {
    const bool first = server == "alpha";
    cluster.sql(
        server,
        before + "CREATE EXTENSION pg_trgm VERSION '" + (first ? "1.5" : "1.3") +
            "'; CREATE EXTENSION citext; CREATE COLLATION german (provider = icu, locale = '" +
            (first ? "de" : "de-AT") + "'); CREATE TABLE audit (what text); CREATE TABLE letters (a text" +
            (first ? "" : ", b text") +
            "); CREATE FUNCTION clean(t text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower(t)'" +
            "; CREATE FUNCTION short(t text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT left(t, " +
            (first ? "10" : "11") +
            ")'; CREATE FUNCTION small(i bigint) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT i < " +
            (first ? "7" : "8") + "'; CREATE FUNCTION not_used() RETURNS int LANGUAGE sql AS 'SELECT " +
            (first ? "1" : "2") +
            "'; CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES "
            "(short(new.name)); INSERT INTO letters (a) VALUES (clean(new.name)); RETURN new; END'"
            "; CREATE TRIGGER noted AFTER INSERT ON movies FOR EACH ROW EXECUTE FUNCTION noted()"
            "; CREATE INDEX ON movies USING gin (name gin_trgm_ops)"
            "; ALTER TABLE ratings ADD place text COLLATE german, ADD CHECK (small(movie_id)), ADD loose "
            "citext");
  }
  cluster.sql("beta", "DROP FUNCTION clean");
  const Findings findings = found(cluster);
  CAPTURE(to_text(findings));
  CHECK(has(
      findings, Kind::problem, "beta",
      "the extension pg_trgm is 1.3, and on alpha it is 1.5; table movies uses it; ALTER EXTENSION pg_trgm "
      "UPDATE TO '1.5'"));
  CHECK(has(findings, Kind::problem, "beta",
            "the collation german is icu 'de-AT', and on alpha it is icu 'de'; table ratings uses it"));
  CHECK(
      has(findings, Kind::problem, "beta",
          "the function short(text) is not as on alpha; table movies uses it; make it as pg_get_functiondef "
          "shows it there"));
  CHECK(has(findings, Kind::problem, "beta",
            "it lacks the function clean(text), which alpha has; table movies uses it"));
  CHECK(has(findings, Kind::problem, "beta",
            "the function small(bigint) is not as on alpha; table ratings uses it"));
  CHECK(has(findings, Kind::problem, "beta",
            "the table letters is (a text, b text), and on alpha it is (a text)"));
  CHECK(has(findings, Kind::warning, "alpha",
            "table audit is not in the map, and a function that table movies uses"));
  CHECK(has(findings, Kind::warning, "alpha", "table letters is not in the map"));
  CHECK(findings.size() == 8 + 4);  // inserts are not looked at, in two tables of two shards
  for (const std::string server : {"alpha", "beta"})
    cluster.sql(server, "DROP EXTENSION pg_trgm, citext CASCADE");
}

TEST_CASE("names that PostgreSQL may have chosen make no difference between tables") {
  Cluster& cluster = ready();
  cluster.sql("beta",
              "ALTER INDEX movies_best RENAME TO \"other \"\"name\"; ALTER TABLE ratings RENAME CONSTRAINT "
              "ratings_pkey TO key; ALTER TABLE movies ADD gone int; ALTER TABLE movies DROP gone");
  CHECK(to_text(found(cluster)) == "");
}

TEST_CASE("tables that cannot be moved as they are, and what would fire or listen, are found") {
  check_all_found({
      {"alpha", "UPDATE pg_class SET relreplident = 'i' WHERE oid = 'ratings'::regclass", Kind::problem,
       "alpha", "the index that was the replica identity of table ratings is gone"},
      {"alpha", "CREATE TABLE child () INHERITS (ratings)", Kind::problem, "alpha",
       "table ratings inherits from another or is inherited from"},
  });
}

TEST_CASE("an index that could not be built is no index, and a publication of all tables is warned of") {
  Cluster& cluster = ready();
  cluster.sql("alpha", "CREATE PUBLICATION everything FOR ALL TABLES");
  cluster.sql("beta",
              "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'movies_by_director'::regclass");
  const Findings findings = found(cluster);
  CAPTURE(to_text(findings));
  for (const std::string table : {"movies", "ratings"})
    CHECK(has(findings, Kind::warning, "alpha",
              "publication everything has table " + table +
                  ": its subscribers see rows that move as deleted here"));
  CHECK(has(findings, Kind::problem, "beta", "it lacks the index USING btree (director), which alpha has"));
  CHECK(has(findings, Kind::problem, "beta",
            "it has the index USING btree (director) (invalid), which alpha lacks"));
  CHECK(findings.size() == 4);
}

TEST_CASE("tables that are no plain tables with a key and a slot are found on either side") {
  Cluster& cluster = ready();
  cluster.sql("beta",
              "ALTER TABLE ratings DROP CONSTRAINT ratings_pkey, DROP shardplex_slot; DROP TABLE movies; "
              "CREATE TABLE public.movies (id bigint, shardplex_slot int NOT NULL) PARTITION BY HASH (id)");
  cluster.sql("alpha", "ALTER TABLE movies SET UNLOGGED; DROP TABLE ratings");
  const Findings findings = found(cluster);
  CAPTURE(to_text(findings));
  CHECK(has(findings, Kind::problem, "beta", "table ratings has no primary key"));
  CHECK(has(findings, Kind::problem, "beta",
            "table ratings has no column shardplex_slot of type integer that is never null"));
  CHECK(
      has(findings, Kind::problem, "beta", "movies is a partitioned table; only plain tables can be moved"));
  CHECK(has(findings, Kind::problem, "alpha", "table movies is unlogged; its changes are not replicated"));
  CHECK(has(findings, Kind::problem, "alpha", "table ratings does not exist"));
}

TEST_CASE("what the router would not serve is found, though every shard has it alike") {
  Cluster& cluster = ready();
  for (const std::string server : {"alpha", "beta"})
    cluster.sql(server, "ALTER TABLE ratings ALTER movie_id TYPE double precision");
  const Findings findings = found(cluster);
  CAPTURE(to_text(findings));
  CHECK(
      has(findings, Kind::problem, "alpha",
          "will not be served: ratings: the shard key movie_id is double precision, which cannot be one: it "
          "rounds what it is given"));
  CHECK(findings.size() == 1);
}

TEST_CASE("what is wrong with a table does not hide what is wrong with one that it mentions") {
  Cluster& cluster = ready();
  for (const std::string server : {"alpha", "beta"})
    cluster.sql(server, "ALTER TABLE movies ALTER id TYPE double precision");
  cluster.sql("beta", "ALTER TABLE ratings ADD movies integer");
  const Findings findings = found(cluster);
  CAPTURE(to_text(findings));
  CHECK(has(findings, Kind::problem, "beta", "table ratings: it has the column movies, which alpha lacks"));
  CHECK(has(findings, Kind::problem, "alpha",
            "will not be served: movies: the shard key id is double precision"));
  CHECK(findings.size() == 2);
}

TEST_CASE("a reference table that differs between shards is found") {
  Cluster& cluster = ready();
  cluster.sql("beta", "ALTER TABLE genres ADD extra integer");
  const Findings findings = found(cluster);
  CAPTURE(to_text(findings));
  CHECK(
      has(findings, Kind::problem, "alpha", "will not be served: genres: column extra is missing on alpha"));
  CHECK(findings.size() == 1);
}

TEST_CASE("triggers that fire for replicated rows and subscriptions that write to a table are warned of") {
  Cluster& cluster = ready();
  for (const std::string server : {"alpha", "beta"})
    cluster.sql(server,
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; "
                "CREATE TRIGGER t BEFORE INSERT ON movies FOR EACH ROW EXECUTE FUNCTION f(); "
                "ALTER TABLE movies ENABLE ALWAYS TRIGGER t");
  cluster.sql("alpha", "CREATE PUBLICATION other FOR TABLE ratings");
  cluster.sql("beta", "CREATE SUBSCRIPTION other CONNECTION '" + cluster.conninfo("alpha") +
                          "' PUBLICATION other WITH (create_slot = false, slot_name = NONE, enabled = false, "
                          "copy_data = false)");
  const Findings findings = found(cluster);
  cluster.sql("beta", "DROP SUBSCRIPTION other");
  CAPTURE(to_text(findings));
  for (const std::string server : {"alpha", "beta"})
    CHECK(has(findings, Kind::warning, server,
              "trigger t of table movies fires for replicated rows too (ENABLE ALWAYS)"));
  CHECK(has(findings, Kind::warning, "beta", "subscription other writes to table ratings"));
  CHECK(has(findings, Kind::warning, "alpha", "publication other has table ratings"));
  for (const std::string server : {"alpha", "beta"})
    for (const std::string table : {"movies", "ratings"})
      CHECK(has(findings, Kind::problem, server, "table " + table + ": nothing looks at what triggers and"));
  CHECK(findings.size() == 8);
}

TEST_CASE("a table that the shard does not watch stops a move where somebody writes to it, else it is told") {
  Cluster& cluster = ready();
  cluster.sql("beta", "ALTER TABLE ratings DISABLE TRIGGER shardplex_place");
  const std::string text =
      "table ratings: nothing looks at what triggers and foreign keys write to it; run shardplex cluster "
      "init";
  Findings findings = found(cluster);
  CAPTURE(to_text(findings));
  CHECK(has(findings, Kind::warning, "beta", text));
  CHECK(findings.size() == 1);
  cluster.sql("beta", "ALTER TABLE ratings ENABLE REPLICA TRIGGER shardplex_place");  // not for clients
  CHECK(has(found(cluster), Kind::warning, "beta", text));
  const CommandRun doctor = run_shardplex({"cluster", "doctor", "--json", "--map", cluster.map()});
  CHECK_MESSAGE(doctor.says("\"unguarded_tables\":[\"beta: " + text), doctor);
  for (const std::string server : {"alpha", "beta"})
    cluster.sql(server, "ALTER TABLE ratings ADD FOREIGN KEY (movie_id) REFERENCES movies ON UPDATE CASCADE");
  findings = found(cluster);
  CAPTURE(to_text(findings));
  CHECK(has(findings, Kind::problem, "beta", text));
  CHECK_FALSE(has(findings, Kind::problem, "alpha", text));
  REQUIRE(init(cluster.map()).exit == 0);
  CHECK_FALSE(has(found(cluster), Kind::problem, "beta", text));
}

TEST_CASE("a schema of an older version, and a definition that differs, are found") {
  check_all_found({
      {"alpha", "DROP TABLE shardplex.markers, shardplex.mover", Kind::problem, "alpha",
       "its schema shardplex has no markers, mover; run shardplex cluster init again"},
      {"beta",
       "UPDATE shardplex.definitions SET definition = definition || ' x' WHERE subject = 'group catalog'",
       Kind::problem, "beta", "group catalog was made with slots=1024 hash x; the map has slots=1024 hash"},
      {"alpha", "SELECT 'movies'", Kind::problem, "alpha",
       "will not be served: movies: group catalog was made with slots=1024 hash x; the map has slots=1024 "
       "hash "
       "(on beta)"},
      {"alpha", "SELECT 'ratings'", Kind::problem, "alpha",
       "will not be served: ratings: group catalog was made"},
  });
}

TEST_CASE("what other moves have left, and slots that are not where the plan takes them from, are found") {
  const char* move =
      "INSERT INTO shardplex.moves (id, number, grp, slots, source, target, phase) VALUES ('mother', 1, "
      "'catalog', "
      "'{15,16}', 'alpha', 'beta', '";
  const std::string reversible = std::string(move) + "reversible')",
                    finished = std::string(move) + "finished')";
  check_all_found({
      {"beta", "INSERT INTO shardplex.markers VALUES ('shardplex_mgone_r', 1)", Kind::problem, "beta",
       "marker shardplex_mgone_r is left over"},
      {"alpha", reversible.c_str(), Kind::problem, "alpha",
       "move mother from alpha to beta has slots of catalog that are planned to move; resume, finish or "
       "abort it"},
      {"alpha", "SELECT shardplex.fence_slots('catalog', '{3,4,9,100}')", Kind::problem, "alpha",
       "slots 3-4, 9 of catalog: a hand-over is under way"},
      {"alpha", "DELETE FROM shardplex.slots WHERE slot = 5", Kind::problem, "alpha",
       "it does not own slot 5 of catalog"},
      {"beta", "SELECT shardplex.receive_slots('catalog', '{6,7}')", Kind::problem, "beta",
       "it has slots 6-7 of catalog already"},
      {"beta",
       "SELECT shardplex.receive_slots('catalog', '{3}'); SELECT shardplex.forget_slots('catalog', '{3}'); "
       "INSERT INTO ratings VALUES (1, 1, 5, now(), 3)",
       Kind::problem, "beta", "table ratings has rows left over in slots 0-15 of catalog"},
  });
  Cluster& cluster = ready();
  cluster.sql("alpha", finished);
  cluster.sql("alpha", "CREATE PUBLICATION shardplex_mother_f; CREATE PUBLICATION shardplex_other");
  CHECK(to_text(found(cluster)) ==
        "alpha: 0: publication shardplex_mother_f is left over from a move that is over or unknown; "
        "shardplex cluster "
        "doctor --fix removes it\n");
  cluster.sql("alpha", "UPDATE shardplex.moves SET phase = 'moving', slots = '{200}'");
  CHECK(to_text(found(cluster)) == "");
}

TEST_CASE("replication slots and subscriptions of unknown moves are found") {
  Cluster& cluster = ready();
  cluster.sql("alpha", "SELECT pg_create_logical_replication_slot('shardplex_mgone_r', 'pgoutput')");
  cluster.sql("beta",
              "CREATE SUBSCRIPTION shardplex_mgone_f CONNECTION '' PUBLICATION x WITH (connect = false, "
              "slot_name = NONE, enabled = false, create_slot = false)");
  const Findings findings = found(cluster);
  cluster.sql("alpha", "SELECT pg_drop_replication_slot('shardplex_mgone_r')");
  cluster.sql("beta", "DROP SUBSCRIPTION shardplex_mgone_f");
  CHECK(has(findings, Kind::problem, "alpha", "replication slot shardplex_mgone_r is left over"));
  CHECK(has(findings, Kind::problem, "beta", "subscription shardplex_mgone_f is left over"));
  CHECK(findings.size() == 2);
}

TEST_CASE("another mover and its unfinished moves keep the command from promising anything") {
  Cluster& cluster = ready();
  CopySession mover(cluster.conninfo("alpha"));
  mover.execute("SELECT pg_advisory_lock(1936223345, 0)");
  mover.execute("UPDATE shardplex.mover SET holder = 'db7, process 4711', since = '2024-05-06 07:08:09+00'");
  cluster.sql(
      "beta",
      "INSERT INTO shardplex.moves (id, number, grp, slots, source, target, phase) VALUES ('mbusy', 1, "
      "'catalog', '{600}', 'beta', 'alpha', 'moving')");
  const CommandRun run = check(cluster.map());
  CHECK(run.exit == 1);
  CHECK(
      run.says("alpha\tproblem\tanother mover is at work: db7, process 4711, since 2024-05-06 07:08:09+00"));
  CHECK(
      run.says("beta\tproblem\tmove mbusy to alpha is moving; shardplex rebalance resume or abort it first"));
  CHECK(check_moves(load_shard_map(cluster.map()), plan_to()).empty());  // the mover itself asks this
}

TEST_CASE("a shard that cannot be reached is a problem, and the others are still checked") {
  Cluster& cluster = ready();
  cluster.sql("alpha", "ALTER TABLE movies SET UNLOGGED");
  const std::string beta = cluster.conninfo("beta");
  const std::string port = beta.substr(beta.find("port="));
  TemporaryFile map = altered_map(cluster.map(), port, "port=1");
  const CommandRun run = check(map.path(), {"--json"});
  CHECK(run.exit == 1);
  const auto findings = boost::json::parse(run.out).at("findings");
  CHECK(findings.at(0).at("text") == "table movies is unlogged; its changes are not replicated");
  CHECK(findings.at(1).at("shard") == "beta");
  CHECK(std::string(findings.at(1).at("text").as_string()).starts_with("no primary was found: "));
  CHECK(findings.as_array().size() == 2);
}

TEST_CASE("a server that the mover reaches and the other server does not is a problem") {
  Cluster& cluster = ready();
  const std::string beta = cluster.conninfo("beta");
  const TemporaryFile services("[shardplex_test]\nhost=127.0.0.1\n" + beta.substr(beta.find("port=")) + "\n");
  setenv("PGSERVICEFILE", services.path().c_str(), 1);  // which the servers do not have
  RebalancePlan plan = plan_to();
  const ShardMap map = load_shard_map(cluster.map());
  std::vector<Shard> shards = map.shards();
  shards[1].primary = "service=shardplex_test dbname=movies user=shardplex";
  const Findings findings = find_obstacles(ShardMap(map.cluster(), shards, map.groups(), map.tables(),
                                                    map.relations(), map.views(), map.functions()),
                                           plan);
  unsetenv("PGSERVICEFILE");
  CAPTURE(to_text(findings));
  CHECK(has(findings, Kind::problem, "alpha", "the server itself cannot connect to beta"));
  CHECK(
      has(findings, Kind::problem, "alpha", "which a subscription does: could not connect to the publisher"));
  CHECK(
      has(findings, Kind::warning, "beta", "is on another machine, it cannot be reached under that address"));
  CHECK(has(findings, Kind::note, "beta", "whether its disk has room cannot be seen from here"));
  CHECK(findings.size() == 3);
  CHECK(cluster.sql("alpha", "SELECT count(*) FROM pg_subscription") == "0");
}

TEST_CASE("servers whose settings leave no room for replication are told what to raise") {
  Cluster poor(
      "--shards 2 --replicas 0 --setting wal_level=replica --setting max_replication_slots=1 --setting "
      "max_wal_senders=2 --setting max_logical_replication_workers=0 --setting max_worker_processes=2 "
      "--setting "
      "max_slot_wal_keep_size=64MB --setting statement_timeout=1h");
  REQUIRE(init(poor.map()).exit == 0);
  const Findings findings = find_obstacles(load_shard_map(poor.map()));
  CAPTURE(to_text(findings));
  for (const std::string shard : {"alpha", "beta"}) {
    CHECK(has(findings, Kind::problem, shard,
              "wal_level is replica; it has to be logical, which takes a restart"));
    CHECK(has(findings, Kind::problem, shard,
              "2 replication slots are needed, and 1 of 1 are free; raise max_replication_slots"));
    CHECK(has(findings, Kind::problem, shard,
              "3 walsenders are needed, and 2 of 2 are free; raise max_wal_senders"));
    CHECK(has(findings, Kind::problem, shard,
              "2 workers of logical replication are needed, and 0 of 0 are free"));
    CHECK(has(findings, Kind::problem, shard, "2 replication origins are needed, and 1 of 1 are free"));
    CHECK(has(findings, Kind::warning, shard, "max_slot_wal_keep_size is 64MB"));
    CHECK(has(findings, Kind::warning, shard, "statement_timeout is 1h by default (configuration file)"));
  }
  CHECK(findings.size() == 14);
}

TEST_CASE("each move of a plan needs its own reverse slot on the target, and subscription on the source") {
  Cluster& cluster = ready();
  RebalancePlan plan{"movies", {}, {}, {}};
  for (std::uint32_t i = 0; i < 30; ++i) plan.moves.push_back({"catalog", slot_range(i, i), "alpha", "beta"});
  const Findings findings = found(cluster, plan);
  CAPTURE(to_text(findings));
  // A slot and a walsender of each server serve its replica.
  CHECK(has(findings, Kind::problem, "beta", "30 replication slots are needed, and 19 of 20 are free"));
  CHECK(has(findings, Kind::problem, "beta", "30 walsenders are needed, and 19 of 20 are free"));
  CHECK(has(findings, Kind::problem, "alpha",
            "30 workers of logical replication are needed, and 12 of 12 are free"));
  CHECK(has(findings, Kind::problem, "alpha", "30 background workers are needed, and 23 of 24 are free"));
  CHECK(has(findings, Kind::problem, "alpha", "30 replication origins are needed, and 20 of 20 are free"));
  CHECK(findings.size() == 5);
}

TEST_CASE("defaults of the role or the database that get in the way are found") {
  Cluster& cluster = ready();
  {
    const Undone limits(cluster, "alpha", "ALTER ROLE shardplex SET lock_timeout = '2s'",
                        "ALTER ROLE shardplex RESET lock_timeout");
    const Undone read_only(cluster, "beta", "ALTER DATABASE movies SET default_transaction_read_only = on",
                           "SET TRANSACTION READ WRITE; ALTER DATABASE movies RESET "
                           "default_transaction_read_only");
    const Findings findings = found(cluster);
    CAPTURE(to_text(findings));
    CHECK(has(findings, Kind::warning, "alpha", "lock_timeout is 2s by default (user)"));
    CHECK(has(findings, Kind::problem, "beta", "default_transaction_read_only is on for role shardplex"));
    CHECK(findings.size() == 2);
  }
  CHECK(to_text(found(cluster)) == "");
}

TEST_CASE("a server that waits for a synchronous standby that is not there is found") {
  Cluster& cluster = ready();
  pqxx::connection connection(cluster.conninfo("beta"));
  pqxx::nontransaction server(connection);
  server.exec("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  server.exec("SELECT pg_reload_conf()");
  const Findings findings = wait_for_finding(cluster, Kind::problem, "beta",
                                             "synchronous_standby_names is nobody, and no such standby");
  server.exec("ALTER SYSTEM RESET synchronous_standby_names");
  server.exec("SELECT pg_reload_conf()");
  CAPTURE(to_text(findings));
  CHECK(has(findings, Kind::problem, "beta", "no commit would return"));
}

TEST_CASE("a role that may not make subscriptions is a problem, told once") {
  Cluster& cluster = ready();
  for (const std::string server : {"alpha", "beta"})
    cluster.sql(
        server,
        "DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN END $$; "
        "GRANT USAGE ON SCHEMA shardplex TO plain; GRANT SELECT ON ALL TABLES IN SCHEMA shardplex TO plain");
  const ShardMap map = load_shard_map(cluster.map());
  std::vector<Shard> shards = map.shards();
  for (auto& shard : shards) shard = {shard.name, cluster.conninfo(shard.name) + " user=plain", {}};
  const Findings findings = find_obstacles(ShardMap(map.cluster(), shards, map.groups(), map.tables(),
                                                    map.relations(), map.views(), map.functions()),
                                           plan_to());
  for (const std::string server : {"alpha", "beta"})
    cluster.sql(server, "DROP OWNED BY plain; DROP ROLE plain");
  CAPTURE(to_text(findings));
  for (const std::string server : {"alpha", "beta"})
    CHECK(has(findings, Kind::problem, server, "role plain is not a superuser"));
  CHECK(findings.size() == 2);
}

TEST_CASE("transactions that stay open or prepared are warned of, with who they are") {
  Cluster& cluster = ready();
  CopySession open(cluster.conninfo("alpha"));
  open.execute("BEGIN");
  open.execute("UPDATE shardplex.mover SET holder = ''");
  const auto pid = open.execute("SELECT pg_backend_pid()").value();
  cluster.sql("beta", "BEGIN; UPDATE shardplex.mover SET holder = ''; PREPARE TRANSACTION 'somebody''s'");
  const std::string process =
      "process " + pid + " of role shardplex (shardplex) has had a transaction open for ";
  CHECK(has(wait_for_finding(cluster, Kind::warning, "alpha", process), Kind::warning, "alpha", process));
  const std::string prepared = "transaction 'somebody''s' has been prepared for ";
  const Findings findings = wait_for_finding(cluster, Kind::warning, "beta", prepared);
  CHECK(has(findings, Kind::warning, "beta", prepared));
  open.execute("ROLLBACK");
  cluster.sql("beta", "ROLLBACK PREPARED 'somebody''s'");
  CHECK(findings.size() == 2);
  CHECK(to_text(found(cluster)) == "");
}

TEST_CASE(
    "a new shard has no tables or empty ones like the others', without slots, in a database of the same "
    "encoding") {
  Cluster& cluster = ready();
  const auto fresh = [&](const std::string& options) {
    cluster.sql("beta", "DROP DATABASE IF EXISTS fresh WITH (FORCE)");
    cluster.sql("beta", "CREATE DATABASE fresh " + options);
    const std::string beta = cluster.conninfo("beta");
    return "host=127.0.0.1 dbname=fresh user=shardplex " + beta.substr(beta.find("port="));
  };
  const auto look = [&](const std::string& conninfo) {
    RebalancePlan plan = plan_to("gamma");
    plan.added.push_back({"gamma", conninfo, {}});
    return found(cluster, plan);
  };
  const std::string conninfo = fresh("");
  Findings findings = look(conninfo);
  CAPTURE(to_text(findings));
  CHECK(has(findings, Kind::note, "gamma", "table movies will be made, as it is on the first shard"));
  CHECK(has(findings, Kind::note, "gamma", "table ratings will be made, as it is on the first shard"));
  CHECK(findings.size() == 2);

  // Without the shard that slots come from, nothing is told of tables that are made as there.
  const std::string alpha = cluster.conninfo("alpha");
  const TemporaryFile without_alpha = altered_map(cluster.map(), alpha.substr(alpha.find("port=")), "port=1");
  RebalancePlan plan = plan_to("gamma");
  plan.added.push_back({"gamma", conninfo, {}});
  findings = find_obstacles(load_shard_map(without_alpha.path()), plan);
  CHECK(has(findings, Kind::problem, "alpha", "no primary was found: "));
  for (const auto& finding : findings) CHECK(finding.text.find("missing") == std::string::npos);

  // Adding a shard refuses what differs on a shard that no move concerns, too.
  cluster.sql("beta", "ALTER TABLE genres ADD extra integer");
  findings = look(conninfo);
  CHECK(
      has(findings, Kind::problem, "alpha", "will not be served: genres: column extra is missing on alpha"));
  cluster.sql("beta", "ALTER TABLE genres DROP extra");

  std::ifstream schema(movies_schema);
  const std::string tables(std::istreambuf_iterator<char>(schema), {});
  pqxx::connection connection(conninfo);
  pqxx::nontransaction(connection).exec("SET client_min_messages = warning;" + tables);
  CHECK(to_text(look(conninfo)) == "");
  pqxx::nontransaction(connection).exec("INSERT INTO ratings VALUES (1, 1, 1)");
  CHECK(has(look(conninfo), Kind::problem, "gamma",
            "table ratings has rows; a new shard begins with empty tables"));

  // What is made with the tables may lack; what is there has to be as it is elsewhere.
  const std::string german = fresh("TEMPLATE template0 LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'de'");
  cluster.sql("alpha",
              "CREATE TYPE public.mood AS ENUM ('sad'); ALTER TABLE ratings ADD moods public.mood[]");
  cluster.sql("beta", "CREATE TYPE public.mood AS ENUM ('sad'); ALTER TABLE ratings ADD moods public.mood[]");
  {
    pqxx::connection other(german);
    pqxx::nontransaction(other).exec("CREATE TYPE public.mood AS ENUM ('glad')");
  }
  findings = look(german);
  CHECK(has(
      findings, Kind::problem, "gamma",
      "its collation provider is icu, and that of alpha is libc; neither can be changed in a database, so "
      "make it anew: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8'"));
  CHECK(has(findings, Kind::problem, "gamma", "its collation is de, and that of alpha is C.UTF-8"));
  CHECK(has(findings, Kind::problem, "gamma", "the type mood is ENUM ('glad'), and on alpha"));
  for (const std::string server : {"alpha", "beta"}) cluster.sql(server, "DROP TYPE public.mood CASCADE");

  const std::string latin = fresh("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  pqxx::connection other(latin);
  pqxx::nontransaction(other).exec("SET client_encoding = 'UTF8'; SET client_min_messages = warning;" +
                                   tables);
  findings = look(latin);
  CHECK(has(findings, Kind::problem, "gamma", "its encoding is LATIN1, and that of alpha is UTF8"));
  CHECK(has(findings, Kind::problem, "gamma",
            "column name is text COLLATE C, and on alpha it is text COLLATE C.UTF-8"));
  cluster.sql("beta", "DROP DATABASE fresh WITH (FORCE)");
}

TEST_CASE("a plan that is no plan, or names a shard that nobody knows, is refused") {
  Cluster& cluster = ready();
  CHECK(check(cluster.map(), {"/nowhere/plan.yaml"}).says("/nowhere/plan.yaml: cannot be read"));
  const TemporaryFile nonsense("moves: 7\n");
  const CommandRun run = check(cluster.map(), {nonsense.path()});
  CHECK(run.exit == 1);
  CHECK(run.says("error: " + nonsense.path() + ": "));
  CHECK(run_shardplex({"rebalance", "check"}).exit == 2);
  CHECK_THROWS_WITH_AS(found(cluster, plan_to("omega")),
                       "the plan moves slots of shard omega, which it does not add and the map has not",
                       CommandFailed);
}

TEST_CASE("room on the target's disk is judged where it can be seen, and where not that is said") {
  constexpr std::uint64_t gib = std::uint64_t{1} << 30;
  CHECK(!check_space("beta", 0, std::nullopt));
  CHECK(!check_space("beta", gib, 2 * gib));
  CHECK(check_space("beta", gib, 2 * gib - 2)->kind == Kind::warning);
  CHECK(check_space("beta", 2 * gib, gib) ==
        CheckFinding{Kind::problem, "beta",
                     "about 2.0 GiB of rows and indexes will come, and only 1.0 GiB of its disk are free"});
  CHECK(check_space("beta", gib, std::nullopt) ==
        CheckFinding{
            Kind::note, "beta",
            "about 1.0 GiB of rows and indexes will come, and as much WAL; whether its disk has room cannot "
            "be seen from here"});
}

TEST_CASE("two structures differ in what one has and the other has not, or has otherwise") {
  const TableStructure one{{"a", "b"},
                           {{{"column", "a"}, "int"}, {{"column", "b"}, "text"}, {{"privilege", "x"}, ""}}};
  TableStructure other = one;
  CHECK(structure_differences(one, other, "alpha").empty());
  other.columns = {"b", "a"};
  CHECK(structure_differences(one, other, "alpha") ==
        std::vector<StructureDifference>{
            {"its columns are in the order a, b, and on alpha in the order b, a", false}});
  other.forget_column("a");
  CHECK(structure_differences(one, other, "alpha") ==
        std::vector<StructureDifference>{{"it has the column a, which alpha lacks", false}});
  CHECK(structure_differences(other, one, "beta") ==
        std::vector<StructureDifference>{{"it lacks the column a int, which beta has", false}});
}
