// `shardplex load` under the list strategy: rows go by genre, and ids are kept unique over the lists.
#include <pqxx/pqxx>

#include "tests/cli/gated_load.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

std::string movie(int id, const std::string& genre) {
  return "{\"id\":" + std::to_string(id) +
         ",\"primary_genre\":" + (genre.empty() ? "null" : "\"" + genre + "\"") + "}\n";
}

/// How many rows hold slots within a range.
long in_slots(const Cluster& cluster, const std::string& genre_condition, int first, int last) {
  return total(cluster, "SELECT count(*) FROM movies WHERE primary_genre " + genre_condition +
                            " AND shardplex_slot BETWEEN " + std::to_string(first) + " AND " +
                            std::to_string(last));
}

}  // namespace

TEST_CASE("a row goes to a slot of its genre's list, and to otherwise where its genre is on none") {
  Cluster& cluster = initialised(genre_cluster());
  std::string rows;
  for (int id = 1; id <= 300; ++id) rows += movie(id, id % 3 == 0 ? "Drama" : id % 3 == 1 ? "Anime" : "");
  const CommandRun run = load(cluster, "movies", rows);
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(in_slots(cluster, "= 'Drama'", 0, 255) == 100);
  CHECK(in_slots(cluster, "= 'Anime'", 936, 1023) == 100);
  CHECK(in_slots(cluster, "IS NULL", 936, 1023) == 100);
  CHECK(cluster.sql("alpha", "SELECT count(*) FROM movies WHERE primary_genre = 'Drama'") == "100");
  CHECK(load(cluster, "movies", "{\"id\":1001}\n").exit == 0);
  CHECK(in_slots(cluster, "IS NULL", 936, 1023) == 101);
}

TEST_CASE("an id given twice in the input is refused though its rows are on different shards") {
  Cluster& cluster = initialised(genre_cluster());
  std::string rows;
  for (int id = 1; id <= 100; ++id) rows += movie(id, "Drama");
  rows += movie(42, "Western") + movie(101, "Western");
  const CommandRun run = load(cluster, "movies", rows);
  CHECK(run.exit == 1);
  CHECK(run.says("line 101: id 42 is also on line 42"));
  CHECK(rows_of(cluster, "movies") == 0);
  const CommandRun kept = load(cluster, "movies", rows, {"--keep-good"});
  CHECK(kept.exit == 1);
  CHECK(rows_of(cluster, "movies") == 101);
  CHECK(total(cluster, "SELECT count(*) FROM movies WHERE id = 42 AND primary_genre = 'Drama'") == 1);
}

TEST_CASE("an id that exists on any shard is refused") {
  Cluster& cluster = initialised(genre_cluster());
  REQUIRE(load(cluster, "movies", movie(1, "Drama") + movie(2, "Western")).exit == 0);
  const std::string rows =
      movie(3, "Drama") + movie(2, "Drama") + movie(1, "Western") + movie(4, "Western") + movie(1, "Action");
  const CommandRun run = load(cluster, "movies", rows);
  CHECK(run.exit == 1);
  CHECK(run.says("line 2: id 2 exists already on gamma"));
  CHECK(run.says("line 3: id 1 exists already on alpha"));
  CHECK(run.says("line 5: id 1 exists already on alpha"));
  CHECK(rows_of(cluster, "movies") == 2);
  CHECK(load(cluster, "movies", rows, {"--keep-good"}).says("3 bad rows left out"));
  CHECK(rows_of(cluster, "movies") == 4);
}

TEST_CASE("the key of a table that may repeat it is not held unique") {
  Cluster& cluster = initialised(genre_cluster());
  const CommandRun run =
      load(cluster, "ratings",
           "{\"movie_id\":1,\"user_id\":1,\"score\":5}\n{\"movie_id\":1,\"user_id\":2,\"score\":5}\n");
  CHECK_MESSAGE(run.exit == 0, run);
  CHECK(rows_of(cluster, "ratings") == 2);
}

TEST_CASE("two loads of one table take turns, so that each sees the other's ids") {
  Cluster& cluster = initialised(genre_cluster());
  GatedLoad first(cluster, "movies", movie(1, "Drama"));
  first.wait_until_begun("gamma");
  const CommandRun second = load(cluster, "movies", movie(1, "Western"));
  CHECK(second.exit == 1);
  CHECK_MESSAGE(second.says("another load into movies is under way"), second);
  CHECK(first.finish().exit == 0);
  CHECK(load(cluster, "movies", movie(1, "Western")).says("line 1: id 1 exists already on alpha"));
}
