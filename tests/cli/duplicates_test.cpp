#include <set>
#include <sstream>
#include <utility>

#include "operations/move/duplicates.hpp"
#include "operations/shard/map_file.hpp"
#include "operations/shard/sequence_strides.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::cli;
using namespace shardplex::operations;
using namespace shardplex::test;

namespace {

/// Ratings whose id is a bigserial, though movies decide where they are.
const std::string numbered_ratings =
    "CREATE TABLE ratings (id bigserial PRIMARY KEY, movie_id bigint NOT NULL, score smallint);\n";

/// A cluster whose sequences were never set apart, as an earlier version left it, with rows of the same
/// numbers.
Cluster& with_duplicates() {
  Cluster& cluster = initialised(hash_cluster());
  for (const std::string server : {"alpha", "beta"}) {
    const std::string slot = server == "alpha" ? "7" : "700";
    cluster.sql(server,
                "SET search_path = public; DROP TABLE ratings; CREATE TABLE ratings (id bigserial PRIMARY "
                "KEY, movie_id bigint NOT "
                "NULL, score smallint, label text, shardplex_slot integer NOT NULL);"
                "CREATE UNIQUE INDEX labels ON ratings (lower(label)) WHERE score > 3;"
                "CREATE INDEX ON ratings (shardplex_slot);"
                "INSERT INTO ratings (movie_id, score, label, shardplex_slot) SELECT i, 5, '" +
                    server + "' || i, " + slot + " FROM generate_series(1, 12) i");
  }
  // Not within the condition of the index; not owned here; and one that doubles a label of alpha.
  cluster.sql("beta",
              "INSERT INTO ratings VALUES (101, 1, 1, 'ALPHA1', 700), (102, 1, 5, 'alpha2', 7), "
              "(103, 1, 5, 'ALPHA3', 700)");
  return cluster;
}

CommandRun duplicates(const Cluster& cluster, std::vector<std::string> more = {}) {
  std::vector<std::string> args{"cluster", "duplicates", "--map", cluster.map()};
  args.insert(args.end(), more.begin(), more.end());
  return run_shardplex(args);
}

CommandRun check(const Cluster& cluster) {
  return run_shardplex({"rebalance", "check", "--map", cluster.map()});
}

}  // namespace

TEST_CASE("two sequences meet unless their steps keep them apart") {
  const auto meet = [](SequenceState one, SequenceState other) {
    CHECK(may_meet(one, other) == may_meet(other, one));
    return may_meet(one, other);
  };
  constexpr std::int64_t far = 1'000'000;
  CHECK(meet({"s", 1, 1, far}, {"s", 1, 500, far}));
  CHECK(meet({"s", 32, 1, far}, {"s", 1, 500, far}));
  CHECK_FALSE(meet({"s", 32, 1, far}, {"s", 32, 2, far}));
  CHECK_FALSE(meet({"s", 32, 1, far}, {"s", 64, 34, far}));
  CHECK(meet({"s", 32, 1, far}, {"s", 64, 33, far}));
  CHECK_FALSE(meet({"s", 1, 1, 499}, {"s", 1, 500, far}));
  CHECK(meet({"s", 32, 1, far, true}, {"s", 32, 2, far}));
  CHECK(meet({"s", -1, 1, far}, {"s", 32, 2, far}));
}

TEST_CASE("unique values that two shards have are found by check, listed, and given new numbers") {
  Cluster& cluster = with_duplicates();
  const CommandRun found = check(cluster);
  CHECK(found.exit == 1);
  CHECK(found.says(
      "beta\tproblem\tunique constraint ratings_pkey (id) of table ratings: 12 values are also on alpha "
      "(1, 2, 3, 4, 5, …)"));
  CHECK(found.says(
      "beta\tproblem\tunique constraint labels (lower(label)) of table ratings: 1 value is also on alpha "
      "(alpha3)"));
  CHECK(found.says("gets values from sequence ratings_id_seq, which come on alpha too"));

  // Rows meet on a shard that has none yet, and those that stay do not.
  const auto to_gamma = [&](std::uint32_t of_beta) {
    RebalancePlan plan{"movies", {{"gamma", "port=1", {}}}, {}, {}};
    for (const auto& [shard, slot] : {std::pair("alpha", 7U), std::pair("beta", of_beta)}) {
      SlotSet slots = SlotSet::none(1024);
      slots.insert(Slot{slot});
      plan.moves.push_back({"catalog", slots, shard, "gamma"});
    }
    std::istringstream in;
    std::ostringstream out;
    std::string told;
    for (const auto& finding : find_duplicates(load_shard_map(cluster.map()), &plan, Terminal{in, out, out}))
      told += finding.shard + ": " + finding.text + "\n";
    return told;
  };
  CHECK(to_gamma(700).find(
            "beta: unique constraint ratings_pkey (id) of table ratings: 12 values are also on alpha") !=
        std::string::npos);
  CHECK(to_gamma(701).find("ratings_pkey (id) of table ratings: ") == std::string::npos);

  const CommandRun listed = duplicates(cluster);
  CHECK(listed.exit == 1);
  CHECK(listed.says("12 values are on two shards or more"));
  CHECK(listed.says("  12 on alpha, beta"));
  CHECK(listed.says("--renumber ratings_pkey gives each of these rows but one the next number"));
  CHECK(listed.says("they cannot be renumbered here, as it is not on one column of numbers"));
  const auto json = boost::json::parse(duplicates(cluster, {"--json"}).out);
  CHECK(json.at("constraints").as_array().size() == 2);
  CHECK(json.at("constraints").at(1).at("duplicates").as_array().size() == 12);
  CHECK(json.at("constraints").at(1).at("duplicates").at(2).at("value").at(0) == "3");
  CHECK(json.at("constraints").at(1).at("duplicates").at(2).at("shards").at(1) == "beta");
  CHECK(json.at("sequences_at_risk").at(0).at("sequence") == "ratings_id_seq");
  CHECK(duplicates(cluster, {"--table", "movies"}).exit == 0);

  CHECK(duplicates(cluster, {"--renumber", "nothing"}).says("nothing is no unique constraint"));
  CHECK(duplicates(cluster, {"--renumber", "labels"}).says("cannot be renumbered: it is not on one column"));
  for (const std::string shard : {"alpha", "beta"}) {  // on either alone
    cluster.sql(shard, "CREATE TABLE public.notes (rating bigint REFERENCES ratings (id))");
    CHECK(duplicates(cluster, {"--renumber", "ratings_pkey"})
              .says("cannot be renumbered: a foreign key leads to it"));
    CHECK(duplicates(cluster).says("they cannot be renumbered here, as a foreign key leads to it"));
    cluster.sql(shard, "DROP TABLE public.notes");
  }
  cluster.sql("beta", "ALTER SEQUENCE ratings_id_seq INCREMENT BY -1");
  CHECK(duplicates(cluster, {"--renumber", "ratings_pkey"})
            .says("cannot be renumbered: the sequence counts down"));
  cluster.sql("beta", "ALTER SEQUENCE ratings_id_seq INCREMENT BY 1");

  const CommandRun renumbered = duplicates(cluster, {"--renumber", "ratings_pkey"});
  CHECK(renumbered.says("sequence ratings_id_seq: set apart on all shards"));
  CHECK(renumbered.says("12 rows have got new numbers"));
  CHECK_FALSE(renumbered.says("ratings_id_seq gives"));
  CHECK(cluster.sql("alpha", "SELECT count(*) FROM ratings WHERE id <= 12") == "12");
  CHECK(cluster.sql("beta",
                    "SELECT count(*) FROM ratings WHERE id > 103 AND id % 32 = (SELECT last_value % 32 FROM "
                    "ratings_id_seq)") == "12");
  cluster.sql("beta", "DELETE FROM ratings WHERE id IN (102, 103)");
  const CommandRun clean = duplicates(cluster);
  CHECK_MESSAGE(clean.exit == 0, clean);
  CHECK_MESSAGE(check(cluster).exit == 0, check(cluster));
}

TEST_CASE("a number that helps to place its row under a list is not replaced") {
  Cluster& cluster = initialised(genre_cluster());
  for (const auto& shard : cluster.shards())
    cluster.sql(
        shard,
        "SET search_path = public; CREATE SEQUENCE keys OWNED BY movies.id; ALTER TABLE movies ALTER id "
        "SET DEFAULT nextval('keys'); INSERT INTO movies (id, name, primary_genre, shardplex_slot) SELECT "
        "1, 'x', 'Drama', min(slot) FROM shardplex.slots WHERE state = 'owned'");
  const CommandRun listed = duplicates(cluster);
  CHECK_MESSAGE(listed.says("they cannot be renumbered here, as the column decides where a row is stored"),
                listed);
  const CommandRun refused = duplicates(cluster, {"--renumber", "movies_pkey"});
  CHECK_MESSAGE(refused.says("cannot be renumbered: the column decides where a row is stored"), refused);
  CHECK(total(cluster, "SELECT count(*) FROM movies WHERE id = 1") == 3);
}

TEST_CASE("shards are made with sequences that never give one number twice") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  std::ifstream movies(movies_schema);
  const std::string tables(std::istreambuf_iterator<char>(movies), {});
  const TemporaryFile schema(numbered_ratings + tables);
  const CommandRun run = init(cluster.map(), {"--schema", schema.path()});
  REQUIRE_MESSAGE(run.exit == 0, run);
  std::set<std::string> numbers;
  for (const std::string server : {"alpha", "beta"})
    for (int i = 0; i < 100; ++i)
      CHECK(numbers.insert(cluster.sql(server, "SELECT nextval('ratings_id_seq')")).second);
  CHECK(numbers.contains("1"));
  CHECK(numbers.contains("2"));
  CHECK(duplicates(cluster).exit == 0);
}
