// `shardplex load --upsert` and `--replace` on real shards.
#include "tests/cli/gated_load.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

std::string rating(int movie, int user, const std::string& rest) {
  return "{\"movie_id\":" + std::to_string(movie) + ",\"user_id\":" + std::to_string(user) + "," + rest +
         "}\n";
}

std::string genre(const std::string& name, int number) {
  return "{\"name\":\"" + name + "\",\"number\":" + std::to_string(number) + "}\n";
}

/// The genres of a shard: "Comedy 2\nDrama 1".
std::string genres_on(const Cluster& cluster, const std::string& shard) {
  return cluster.sql(shard, "SELECT name || ' ' || number FROM genres ORDER BY name");
}

/// Tables that loads have made for themselves, and prepared transactions.
long left_behind(const Cluster& cluster) {
  return total(cluster,
               "SELECT (SELECT count(*) FROM pg_class WHERE relname LIKE 'load\\_%') + "
               "(SELECT count(*) FROM pg_prepared_xacts)");
}

/// From now on the shard refuses to commit a change of genres.
void refuse_genres(const Cluster& cluster, const std::string& shard) {
  cluster.sql(shard,
              "CREATE FUNCTION no_genres() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
              "'no genres today'; END $$");
  cluster.sql(shard,
              "CREATE CONSTRAINT TRIGGER no_genres AFTER INSERT OR UPDATE ON genres DEFERRABLE INITIALLY "
              "DEFERRED FOR EACH ROW EXECUTE FUNCTION no_genres()");
}

void take_genres(const Cluster& cluster, const std::string& shard) {
  cluster.sql(shard, "DROP TRIGGER no_genres ON genres; DROP FUNCTION no_genres()");
}

}  // namespace

TEST_CASE("an upsert adds rows that are new, and changes of the others what is given") {
  Cluster& cluster = initialised(hash_cluster());
  std::string old_rows, new_rows;
  for (int movie = 1; movie <= 500; ++movie)
    old_rows += rating(movie, 1, R"("score":1,"rated_at":"2001-02-03T04:05:06Z")");
  REQUIRE(load(cluster, "ratings", old_rows).exit == 0);
  for (int movie = 251; movie <= 750; ++movie) new_rows += rating(movie, 1, "\"score\":9");
  for (int again = 0; again < 2; ++again) {  // the same load once more changes nothing
    const CommandRun run = load(cluster, "ratings", new_rows, {"--upsert"});
    REQUIRE_MESSAGE(run.exit == 0, run);
    CHECK(run.says("loaded 500 rows into ratings"));
    CHECK(rows_of(cluster, "ratings") == 750);
    CHECK(total(cluster, "SELECT count(*) FROM ratings WHERE score = 9") == 500);
    CHECK(total(cluster, "SELECT count(*) FROM ratings WHERE rated_at = '2001-02-03T04:05:06Z'") == 500);
    CHECK(left_behind(cluster) == 0);
  }
  CHECK(run_shardplex({"verify", "--map", cluster.map()}).exit == 0);
}

TEST_CASE("rows of an upsert may differ in what they give, and null is given") {
  Cluster& cluster = initialised(hash_cluster());
  REQUIRE(load(cluster, "movies", "{\"id\":1,\"name\":\"a\",\"director\":\"b\"}\n{\"id\":2,\"name\":\"c\"}\n")
              .exit == 0);
  const CommandRun run =
      load(cluster, "movies", "{\"id\":1,\"director\":null}\n{\"id\":2}\n{\"id\":3,\"name\":\"d\"}\n",
           {"--upsert"});
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(total(cluster, "SELECT count(*) FROM movies WHERE id = 1 AND name = 'a' AND director IS NULL") == 1);
  CHECK(total(cluster, "SELECT count(*) FROM movies WHERE id = 2 AND name = 'c'") == 1);
  CHECK(total(cluster, "SELECT count(*) FROM movies WHERE id = 3 AND name = 'd'") == 1);
}

TEST_CASE("bad rows of an upsert are told with their lines, and nothing is kept, or the good ones") {
  Cluster& cluster = initialised(hash_cluster());
  REQUIRE(load(cluster, "ratings", rating(1, 1, "\"score\":1")).exit == 0);
  const std::string rows = rating(1, 1, "\"score\":2") + rating(1, 2, "\"score\":3") +
                           rating(1, 2, "\"score\":4") + rating(1, 3, "\"score\":11") +
                           rating(1, 4, "\"score\":\"x\"") + "{\"movie_id\":1,\"score\":5}\n" +
                           rating(1, 5, "\"score\":6");
  const CommandRun run = load(cluster, "ratings", rows, {"--upsert"});
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("line 3: the same primary key is on another line: Key (movie_id, user_id)=(1, 2)"),
                run);
  CHECK(run.says("line 4: new row for relation \"ratings\" violates check constraint"));
  CHECK(run.says("line 5: column score: invalid input syntax"));
  CHECK(run.says("line 6: column user_id is of the primary key, by which --upsert tells rows apart"));
  CHECK(run.says("4 bad rows; nothing of the load was kept"));
  CHECK(total(cluster, "SELECT coalesce(sum(score), 0) FROM ratings") == 1);
  const CommandRun kept = load(cluster, "ratings", rows, {"--upsert", "--keep-good"});
  CHECK(kept.exit == 1);
  CHECK(kept.says("4 bad rows left out"));
  CHECK(total(cluster, "SELECT coalesce(sum(score), 0) FROM ratings") == 2 + 3 + 6);
}

TEST_CASE("what cannot be upserted or replaced is refused with what works") {
  Cluster& cluster = initialised(genre_cluster());
  const CommandRun moving = load(cluster, "movies", "{\"id\":1}\n", {"--upsert"});
  CHECK(moving.exit == 1);
  CHECK_MESSAGE(moving.says("the primary key (id) of movies is without primary_genre"), moving);
  const CommandRun spread = load(cluster, "movies", "{\"id\":1}\n", {"--replace"});
  CHECK(spread.exit == 1);
  CHECK_MESSAGE(spread.says("--replace is for reference tables, and the rows of movies are spread"), spread);
  CHECK(rows_of(cluster, "movies") == 0);
}

TEST_CASE("a replacement gives every shard the rows of the input, whatever its copy had") {
  Cluster& cluster = initialised(hash_cluster());
  REQUIRE(load(cluster, "genres", genre("Drama", 1) + genre("Comedy", 2)).exit == 0);
  cluster.sql("beta", "DELETE FROM genres WHERE name = 'Drama'; INSERT INTO genres VALUES ('Noir', 9)");
  // Rows stay to which others refer.
  cluster.sql("alpha",
              "CREATE TABLE refers (genre text REFERENCES genres); INSERT INTO refers VALUES ('Drama')");
  const CommandRun run = load(cluster, "genres", genre("Drama", 7) + genre("Action", 2), {"--replace"});
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(run.says("loaded 2 rows into genres"));
  for (const auto& shard : cluster.shards()) CHECK(genres_on(cluster, shard) == "Action 2\nDrama 7");
  CHECK(left_behind(cluster) == 0);
  const CommandRun gone = load(cluster, "genres", genre("Action", 2), {"--replace"});
  CHECK(gone.exit == 1);
  CHECK_MESSAGE(gone.says("violates foreign key constraint"), gone);
  CHECK(gone.says("(--upsert keeps rows that are not in the input)"));
  CHECK(gone.says("nothing of the load was kept"));
  const CommandRun swapped = load(cluster, "genres", genre("Drama", 2) + genre("Action", 7), {"--replace"});
  CHECK(swapped.exit == 1);
  CHECK_MESSAGE(swapped.says("those that swap such a value need two loads"), swapped);
  for (const auto& shard : cluster.shards()) CHECK(genres_on(cluster, shard) == "Action 2\nDrama 7");
}

TEST_CASE("bad or no rows replace nothing") {
  Cluster& cluster = initialised(hash_cluster());
  REQUIRE(load(cluster, "genres", genre("Drama", 1)).exit == 0);
  const CommandRun bad =
      load(cluster, "genres", genre("Comedy", 2) + genre("Comedy", 3) + "{\"number\":4}\n" + genre("X", 2),
           {"--replace"});
  CHECK(bad.exit == 1);
  CHECK_MESSAGE(bad.says("line 2: the same primary key is on another line: Key (name)=(Comedy)"), bad);
  CHECK(bad.says("line 3: column name is of the primary key, by which --replace tells rows apart"));
  CHECK(bad.says("line 4: duplicate key value violates unique constraint \"genres_number_key\""));
  const CommandRun none = load(cluster, "genres", "", {"--replace"});
  CHECK(none.exit == 1);
  CHECK_MESSAGE(none.says("the input has no rows, so --replace would leave genres empty"), none);
  for (const auto& shard : cluster.shards()) CHECK(genres_on(cluster, shard) == "Drama 1");
}

TEST_CASE("a shard that refuses to commit keeps upserts and replacements from all") {
  Cluster& cluster = initialised(hash_cluster());
  REQUIRE(load(cluster, "genres", genre("Drama", 1)).exit == 0);
  for (const std::string shard : {"alpha", "beta"})
    for (const std::string flag : {"--upsert", "--replace"}) {
      CAPTURE(shard);
      CAPTURE(flag);
      refuse_genres(cluster, shard);
      const CommandRun run = load(cluster, "genres", genre("Comedy", 2), {flag});
      take_genres(cluster, shard);
      CHECK(run.exit == 1);
      CHECK_MESSAGE(run.says(shard + ": no genres today"), run);
      for (const auto& each : cluster.shards()) CHECK(genres_on(cluster, each) == "Drama 1");
      CHECK(left_behind(cluster) == 0);
    }
}

TEST_CASE("a shard that dies during an upsert keeps it from all, and the same load goes on") {
  Cluster& cluster = initialised(hash_cluster());
  std::string rows;
  for (int movie = 1; movie <= 100; ++movie) rows += rating(movie, 1, "\"score\":1");
  REQUIRE(load(cluster, "ratings", rows).exit == 0);
  GatedLoad loading(cluster, "ratings", rows + rating(101, 1, "\"score\":2"), {"--upsert"});
  loading.wait_until_begun("beta");
  cluster.control("kill", "beta");
  const CommandRun run = loading.finish();
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("error: beta: "), run);
  cluster.control("start-server", "beta");
  CHECK(rows_of(cluster, "ratings") == 100);
  CHECK(left_behind(cluster) == 0);
  CHECK(load(cluster, "ratings", rows + rating(101, 1, "\"score\":2"), {"--upsert"}).exit == 0);
  CHECK(rows_of(cluster, "ratings") == 101);
}

TEST_CASE("two upserts of one table take turns, and a fence waits for them") {
  Cluster& cluster = initialised(hash_cluster());
  GatedLoad first(cluster, "ratings", rating(1, 1, "\"score\":1"), {"--upsert"});
  first.wait_until_begun("beta");
  const CommandRun second = load(cluster, "ratings", rating(1, 1, "\"score\":2"), {"--upsert"});
  CHECK(second.exit == 1);
  CHECK_MESSAGE(second.says("another load into ratings is under way"), second);
  const std::string fence = "SELECT shardplex.fence_slots('catalog', '{600}')";
  CHECK_THROWS(cluster.sql("beta", "SET lock_timeout = '100ms'; " + fence));
  CHECK(first.finish().exit == 0);
  CHECK_NOTHROW(cluster.sql("beta", fence));
}

TEST_CASE("without prepared transactions a failure tells which shards have the load, and how to go on") {
  Cluster cluster("--shards 2 --replicas 0 --map hash --setting max_prepared_transactions=0");
  REQUIRE(init(cluster.map()).exit <= 1);
  REQUIRE(load(cluster, "genres", genre("Drama", 1)).exit == 0);
  refuse_genres(cluster, "beta");
  const CommandRun run = load(cluster, "genres", genre("Comedy", 2), {"--upsert"});
  take_genres(cluster, "beta");
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("the load was kept on alpha, and not on beta; run the same load again"), run);
  CHECK(genres_on(cluster, "alpha") == "Comedy 2\nDrama 1");
  CHECK(genres_on(cluster, "beta") == "Drama 1");
  CHECK(load(cluster, "genres", genre("Comedy", 2), {"--replace"}).exit == 0);
  for (const auto& shard : cluster.shards()) CHECK(genres_on(cluster, shard) == "Comedy 2");
}
