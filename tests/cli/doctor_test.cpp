#include "operations/shard/server.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

CommandRun doctor(const Cluster& cluster, std::vector<std::string> more = {}) {
  std::vector<std::string> args{"cluster", "doctor", "--map", cluster.map()};
  args.insert(args.end(), more.begin(), more.end());
  return run_shardplex(args);
}

/// A cluster with 300 films.
class Ward {
 public:
  Ward() : cluster_(initialised(hash_cluster())) {
    std::string movies;
    for (int id = 1; id <= 300; ++id) movies += "{\"id\":" + std::to_string(id) + "}\n";
    REQUIRE(load(cluster_, "movies", movies).exit == 0);
  }
  const Cluster* operator->() const { return &cluster_; }
  const Cluster& operator*() const { return cluster_; }

  /// All that a move of slots 0 to 2 from alpha to beta makes, but for its row on the source.
  void plant(const std::string& id) const {
    const std::string name = "shardplex_" + id + "_f";
    cluster_.sql("alpha", "ALTER TABLE movies REPLICA IDENTITY FULL; CREATE PUBLICATION " + name +
                              " FOR TABLE movies; "
                              "INSERT INTO shardplex.markers VALUES ('" +
                              name + "', 1)");
    cluster_.sql("alpha", "SELECT pg_create_logical_replication_slot('" + name + "', 'pgoutput')");
    cluster_.sql("beta", "CREATE SUBSCRIPTION " + name + " CONNECTION '" + cluster_.conninfo("alpha") +
                             "' PUBLICATION " + name + " WITH (create_slot = false, copy_data = false)");
    cluster_.sql(
        "beta", "INSERT INTO shardplex.moves (id, number, grp, slots, source, target, phase) VALUES ('" + id +
                    "', 1, 'catalog', '{0,1,2}', 'alpha', 'beta', 'moving'); "
                    "SELECT shardplex.receive_slots('catalog', '{0,1,2}'); "
                    "INSERT INTO movies (id, shardplex_slot) VALUES (1001, 0), (1002, 1)");
  }

 private:
  Cluster& cluster_;
};

}  // namespace

TEST_CASE("a healthy cluster has no leftovers") {
  const Ward ward;
  const CommandRun run = doctor(*ward);
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK(run.says("nothing is left over"));
  CHECK(doctor(*ward, {"--fix"}).exit == 0);
  // A table that logs whole rows for somebody else's publication is nobody's leftover.
  ward->sql("alpha", "ALTER TABLE movies REPLICA IDENTITY FULL; CREATE PUBLICATION theirs FOR TABLE movies");
  CHECK(doctor(*ward).exit == 0);
}

TEST_CASE("what is left of a move that nobody knows is found, and removed only when asked to") {
  const Ward ward;
  ward.plant("mdead");
  const std::vector<std::string> told{
      "beta: subscription shardplex_mdead_f belongs to no unfinished move",
      "alpha: publication shardplex_mdead_f",
      "alpha: replication slot shardplex_mdead_f belongs to no unfinished move and keeps ",
      "alpha: marker shardplex_mdead_f",
      "beta: the journal has move mdead, which is over or unknown on its source",
      "alpha: table movies logs whole rows",
      "beta: slots 0-2 of group catalog are incoming"};
  for (int look = 0; look < 2; ++look) {
    const CommandRun run = doctor(*ward);
    CHECK(run.exit == 1);
    for (const auto& text : told) CHECK_MESSAGE(run.says(text), run, " should say ", text);
    CHECK(run.says("--fix"));
  }
  const auto json = boost::json::parse(doctor(*ward, {"--json"}).out);
  CHECK(json.at("leftovers").as_array().size() == told.size());
  const CommandRun verified = run_shardplex({"verify", "--map", ward->map()});
  CHECK(verified.exit == 1);
  for (const auto& text : told) CHECK(verified.says(text));

  const CommandRun fixed = doctor(*ward, {"--fix"});
  CHECK_MESSAGE(fixed.exit == 0, fixed);
  for (const auto& text : told) CHECK(fixed.says(text));
  CHECK(fixed.says(": removed"));
  CHECK(ward->sql("beta", "SELECT count(*) FROM pg_subscription") == "0");
  CHECK(ward->sql("alpha", "SELECT count(*) FROM pg_publication") == "0");
  CHECK(ward->sql("alpha", "SELECT count(*) FROM pg_replication_slots WHERE database IS NOT NULL") == "0");
  CHECK(ward->sql("alpha", "SELECT relreplident FROM pg_class WHERE oid = 'movies'::regclass") == "d");
  CHECK(ward->sql("beta", "SELECT count(*) FROM movies WHERE shardplex_slot < 3") == "0");
  CHECK(doctor(*ward).exit == 0);
  CHECK(run_shardplex({"verify", "--map", ward->map()}).exit == 0);
  CHECK(rows_of(*ward, "movies") == 300);
}

TEST_CASE("a replica identity goes back to what the journal says it was") {
  const Ward ward;
  ward->sql("alpha",
            "ALTER TABLE movies REPLICA IDENTITY FULL; INSERT INTO shardplex.moves (id, number, grp, slots, "
            "source, "
            "target, phase, identities) VALUES ('mold', 1, 'catalog', '{0}', 'alpha', 'beta', 'aborted', "
            "'{\"movies\": \"imovies_pkey\"}')");
  CHECK(doctor(*ward, {"--fix"}).exit == 0);
  CHECK(ward->sql("alpha", "SELECT relreplident FROM pg_class WHERE oid = 'movies'::regclass") == "i");
}

TEST_CASE("nothing of an unfinished move is a leftover") {
  const Ward ward;
  ward.plant("mlive");
  ward->sql("alpha",
            "INSERT INTO shardplex.moves (id, number, grp, slots, source, target, phase) VALUES ('mlive', 1, "
            "'catalog', "
            "'{0,1,2}', 'alpha', 'beta', 'moving')");
  for (const std::string more : {"--json", "--fix"}) {
    const CommandRun run = doctor(*ward, {more});
    CHECK_MESSAGE(run.exit == 0, run);
    CHECK(run.says("mlive"));
  }
  CHECK(ward->sql("beta", "SELECT count(*) FROM pg_subscription") == "1");
  CHECK(ward->sql("alpha", "SELECT count(*) FROM shardplex.markers") == "1");
  CHECK(ward->sql("beta", "SELECT count(*) FROM movies WHERE id > 1000") == "2");
  // The same objects are leftovers once it is over.
  ward->sql("alpha", "UPDATE shardplex.moves SET phase = 'reversed'");
  CHECK(doctor(*ward).exit == 1);
  CHECK(doctor(*ward, {"--fix"}).exit == 0);
  CHECK(doctor(*ward).exit == 0);
}

TEST_CASE("while a mover is at work nothing is removed, and its holder is told") {
  const Ward ward;
  ward.plant("mdead");
  pqxx::connection mover(ward->conninfo("beta"));
  pqxx::nontransaction(mover).exec(
      "SELECT pg_advisory_lock(1936223345, 0); UPDATE shardplex.mover SET holder = 'db7, process 4711'");
  const CommandRun refused = doctor(*ward, {"--fix"});
  CHECK(refused.exit == 1);
  CHECK(refused.says("beta: db7, process 4711 has been moving slots since 2"));
  CHECK(ward->sql("beta", "SELECT count(*) FROM pg_subscription") == "1");
  CHECK(doctor(*ward).says("db7, process 4711 has been moving slots since"));
  mover.disconnect();
  CHECK(doctor(*ward, {"--fix"}).exit == 0);
}

TEST_CASE(
    "a slot in a state that this version does not know is refused with its shard, and nothing is removed") {
  const Ward ward;
  ward.plant("mdead");
  ward->sql("beta",
            "ALTER TABLE shardplex.slots DROP CONSTRAINT slots_state_check; "
            "UPDATE shardplex.slots SET state = 'frozen' WHERE grp = 'catalog' AND slot = 1");
  const CommandRun run = doctor(*ward, {"--fix"});
  CHECK(run.exit == 1);
  CHECK_MESSAGE(
      run.says("beta: it has slot 1 of group catalog in the state \"frozen\", which this version does "
               "not know"),
      run);
  CHECK(ward->sql("alpha", "SELECT count(*) FROM shardplex.markers") == "1");
  CHECK(doctor(*ward).says("beta: it has slot 1 of group catalog"));
  ward->sql("beta", "UPDATE shardplex.slots SET state = 'incoming' WHERE grp = 'catalog' AND slot = 1");
  CHECK(doctor(*ward, {"--fix"}).exit == 0);
}

TEST_CASE("rows that may be the only ones are left where they are") {
  const Ward ward;
  // Nobody owns slot 0: the rows on beta are all there is of it.
  ward->sql("alpha",
            "DELETE FROM movies WHERE shardplex_slot = 0; DELETE FROM shardplex.slots WHERE slot = 0");
  ward->sql("beta",
            "SELECT shardplex.receive_slots('catalog', '{0}'); INSERT INTO movies (id, shardplex_slot) "
            "VALUES (1001, 0)");
  CommandRun run = doctor(*ward, {"--fix"});
  CHECK(run.exit == 1);
  CHECK(run.says("nobody owns slot 0, so the rows here may be the only ones"));
  CHECK(ward->sql("beta", "SELECT count(*) FROM movies WHERE id = 1001") == "1");

  ward->sql("beta", "UPDATE shardplex.slots SET state = 'owned' WHERE slot = 0");
  // In a slot that is not here: one film that its owner has, and one that it has not.
  const std::string id = ward->sql("beta", "SELECT id FROM movies WHERE shardplex_slot > 511 LIMIT 1");
  const std::string slot = ward->sql("beta", "SELECT shardplex_slot FROM movies WHERE id = " + id);
  ward->sql("alpha", "INSERT INTO movies (id, shardplex_slot) VALUES (" + id + ", " + slot + "), (2000, " +
                         slot + ")");
  run = doctor(*ward);
  CHECK(run.exit == 1);
  CHECK(run.says("alpha: 2 rows of movies are in slots that are not here: " + slot));
  run = doctor(*ward, {"--fix"});
  CHECK(run.exit == 1);
  CHECK(run.says("the owners of their slots do not have 1 of them"));
  CHECK(ward->sql("alpha", "SELECT count(*) FROM movies WHERE id = " + id) == "0");
  CHECK(ward->sql("alpha", "SELECT count(*) FROM movies WHERE id = 2000") == "1");
  CHECK(ward->sql("beta", "SELECT count(*) FROM movies WHERE id = " + id) == "1");
}

TEST_CASE("the transaction of an interrupted load is a leftover, one under way is not") {
  const Ward ward;
  pqxx::connection first(ward->conninfo("alpha"));
  auto deciding = std::make_unique<pqxx::work>(first);
  const auto id = deciding->exec1("SELECT pg_current_xact_id()::text")[0].as<std::string>();
  const std::string gid = "shardplex_load_0123.1:" + id + ":alpha";
  ward->sql(
      "beta",
      "BEGIN; INSERT INTO movies (id, shardplex_slot) VALUES (3000, 600); PREPARE TRANSACTION '" + gid + "'");
  CHECK(doctor(*ward).exit == 0);
  deciding->abort();
  deciding.reset();
  const CommandRun found = doctor(*ward);
  CHECK(found.exit == 1);
  CHECK(found.says("beta: the interrupted load " + gid + " is prepared and holds its locks"));
  CHECK(doctor(*ward, {"--fix"}).exit == 0);
  CHECK(ward->sql("beta", "SELECT count(*) FROM pg_prepared_xacts") == "0");
  CHECK(ward->sql("beta", "SELECT count(*) FROM movies WHERE id = 3000") == "0");
}
