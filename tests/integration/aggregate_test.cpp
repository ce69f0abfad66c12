// Aggregates over shards, compared byte for byte with those of one PostgreSQL that holds all rows.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "tests/integration/oracle.hpp"

namespace shardplex::integration {
namespace {

constexpr std::uint64_t groups_of_each_map = 300;  // tests/oracle/ has more

void compare_groups(const Router& router, std::uint64_t first_seed) {
  const auto count = case_count(groups_of_each_map);
  const auto counts = compare_reads(router, {make_group_read, first_seed, count});
  CHECK((counts.errors + counts.empty) * 3 < count * 2);
}

/// One request, and the rows that it is answered with.
struct Case {
  std::string target, rows_sql;
};

std::string answer_of(const std::string& rows_sql) {
  return Oracle::instance()
      .database.value("SELECT json_agg(answer_row)::text FROM (" + rows_sql + ") answer_row")
      .value();
}

/// Columns of types that somebody has made, on the clusters by hash, while it lives.
struct OwnTypes {
  OwnTypes() {
    each([](const Cluster& cluster) {
      cluster.run_everywhere(
          "SET search_path = public; CREATE EXTENSION citext; CREATE TYPE place AS (row int, seat text); "
          "CREATE DOMAIN amount AS "
          "numeric; CREATE DOMAIN present AS int NOT NULL; CREATE DOMAIN address AS inet; CREATE DOMAIN "
          "words AS text[]; CREATE DOMAIN brief AS varchar(5); CREATE DOMAIN folded AS citext; ALTER TABLE "
          "movies ADD amount amount, ADD present present DEFAULT 1, ADD address address, ADD words words, "
          "ADD brief brief, ADD folded folded, ADD fold citext, ADD place place");
      cluster.run_everywhere(
          "UPDATE movies SET amount = (id % 5) * 1.50, present = id % 3, address = ('10.0.0.' || abs(id % "
          "7))::inet, words = ARRAY['w' || id % 4, 'x'], brief = 'b' || id % 6, folded = CASE id % 2 WHEN 0 "
          "THEN 'Key' ELSE 'kEY' END || id % 5, fold = CASE id % 2 WHEN 0 THEN 'Key' ELSE 'kEY' END || id % "
          "5, place = ROW(id % 5, 'a \"b\", ' || id % 5)::place");
      // What is stored already need not follow it.
      cluster.run_everywhere("ALTER DOMAIN amount ADD CHECK (VALUE < 4) NOT VALID");
      cluster.wait_for_replicas();
    });
    wait_for("/movies?select=place&limit=1", 200);
  }
  ~OwnTypes() {
    each([](const Cluster& cluster) {
      cluster.run_everywhere(
          "DROP DOMAIN amount, present, address, words, brief, folded CASCADE; DROP TYPE place CASCADE; "
          "DROP EXTENSION citext CASCADE");
      cluster.wait_for_replicas();
    });
    wait_for("/movies?select=place&limit=1", 400);
  }
  OwnTypes(const OwnTypes&) = delete;

 private:
  static void each(void (*change)(const Cluster&)) {
    change(Oracle::instance().hash);
    change(Oracle::instance().single);
  }
  static void wait_for(const std::string& target, unsigned status) {
    for (const Router* router : {&Oracle::instance().hash_router, &Oracle::instance().single_router})
      wait_until(target + " is " + std::to_string(status),
                 [&] { return HttpClient(router->port()).get(target).status == status; });
  }
};

/// Of equal values of citext any may be shown.
std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

TEST_CASE("aggregates over shards by hash are those of one PostgreSQL with all rows") {
  compare_groups(Oracle::instance().hash_router, 1);
}

TEST_CASE("aggregates over shards by genre are those of one PostgreSQL with all rows") {
  compare_groups(Oracle::instance().genre_router, 1'000'000);
}

TEST_CASE("aggregates in embeds and of spreads are those of one PostgreSQL with all rows") {
  const std::string films_and_ratings =
      "SELECT m.id, coalesce((SELECT json_agg(r.*) FROM (SELECT @ FROM ratings WHERE movie_id = m.id &) r), "
      "'[]') AS ratings FROM movies m ORDER BY id";
  const auto of_films = [&](const std::string& columns, const std::string& rest) {
    std::string sql = films_and_ratings;
    sql.replace(sql.find('@'), 1, columns);
    return sql.replace(sql.find('&'), 1, rest);
  };
  const Case cases[] = {
      {"/movies?select=id,ratings(count(),score.avg())&order=id", of_films("count(*), avg(score)", "")},
      {"/movies?select=id,ratings(count)&order=id", of_films("count(*)", "")},
      {"/movies?select=id,ratings(score,n:count())&ratings.order=score.desc&ratings.score=gt.1&order=id",
       of_films("score, count(*) AS n", "AND score > 1 GROUP BY score ORDER BY score DESC")},
      {"/ratings?select=count(),...movies(primary_genre)&order=movies(primary_genre).desc",
       "SELECT count(*), primary_genre FROM ratings JOIN movies ON id = movie_id GROUP BY primary_genre "
       "ORDER "
       "BY primary_genre DESC"},
      {"/ratings?select=score,...movies(imdb_votes.sum(),n:count(),price.avg())&order=score",
       "SELECT score, sum(imdb_votes), count(movies.id) AS n, avg(price) FROM ratings JOIN movies ON id = "
       "movie_id GROUP BY score ORDER BY score"},
      {"/ratings?select=n:count(),movies(director)&score=eq.5",
       "SELECT count(*) AS n, movies FROM (SELECT (SELECT row_to_json(r.*) FROM (SELECT director FROM movies "
       "WHERE id = movie_id) r)::jsonb AS movies FROM ratings WHERE score = 5) q GROUP BY movies ORDER BY "
       "movies"},
  };
  auto& oracle = Oracle::instance();
  for (const Router* router : {&oracle.hash_router, &oracle.single_router}) {
    HttpClient client(router->port());
    for (const auto& [target, rows_sql] : cases) {
      INFO(target);
      const auto answer = client.get(target);
      CHECK(answer.status == 200);
      CHECK(answer.body == answer_of(rows_sql));
    }
  }
}

TEST_CASE("types that a database has made for itself are grouped by and aggregated as by one PostgreSQL") {
  const OwnTypes types;
  const std::string group = " GROUP BY 1 ORDER BY 1";
  const Case cases[] = {
      {"/movies?select=amount,count()", "SELECT amount, count(*) FROM movies" + group},
      {"/movies?select=amount,count()&order=amount.desc&limit=2",
       "SELECT amount, count(*) FROM movies GROUP BY 1 ORDER BY 1 DESC LIMIT 2"},
      {"/movies?select=amount.min(),high:amount.max(),amount.sum(),amount.avg()",
       "SELECT min(amount), max(amount) AS high, sum(amount), avg(amount) FROM movies"},
      {"/movies?select=present,count(),amount.max()",
       "SELECT present, count(*), max(amount) FROM movies" + group},
      {"/movies?select=address.min(),high:address.max()",
       "SELECT min(address), max(address) AS high FROM movies"},
      {"/movies?select=words,count()", "SELECT words, count(*) FROM movies" + group},
      {"/movies?select=words.max()", "SELECT max(words) FROM movies"},
      {"/movies?select=brief,brief.min()", "SELECT brief, min(brief) FROM movies" + group},
      {"/movies?select=brief.max()", "SELECT max(brief) FROM movies"},
      {"/movies?select=fold.min(),folded.max()", "SELECT min(fold), max(folded) FROM movies"},
      {"/movies?select=amount,fold,count()",
       "SELECT amount, fold, count(*) FROM movies GROUP BY 1, 2 ORDER BY 1, 2"},
      {"/movies?select=amount,folded,count()",
       "SELECT amount, folded, count(*) FROM movies GROUP BY 1, 2 ORDER BY 1, 2"},
      {"/movies?select=amount,place,count()&order=amount.desc",
       "SELECT amount, place, count(*) FROM movies GROUP BY 1, 2 ORDER BY 1 DESC, 2"},
      // A film that is not found has none, against the rules of the domain.
      {"/ratings?select=count(),...movies(present)&movies.present=gt.0&order=movies(present)",
       "SELECT count(*), present FROM ratings LEFT JOIN movies ON id = movie_id AND present > 0 GROUP BY "
       "present ORDER BY present"},
      {"/ratings?select=count(),...movies(amount.max())&movies.amount=lt.3",
       "SELECT count(*), max(amount) FROM ratings LEFT JOIN movies ON id = movie_id AND amount < 3"},
  };
  auto& oracle = Oracle::instance();
  for (const Router* router : {&oracle.hash_router, &oracle.single_router}) {
    HttpClient client(router->port());
    for (const auto& [target, rows_sql] : cases) {
      INFO(target);
      const auto answer = client.get(target);
      CHECK(answer.status == 200);
      CHECK(lower(answer.body) == lower(answer_of(rows_sql)));
    }
  }
}

TEST_CASE("aggregates of types that nobody knows are refused over shards, and served by one") {
  const OwnTypes types;
  auto& oracle = Oracle::instance();
  HttpClient sharded(oracle.hash_router.port()), single(oracle.single_router.port());
  for (const std::string target : {"/movies?select=name::citext.min()", "/movies?select=name::brief.max()",
                                   "/ratings?select=count(),...movies(name::citext)"}) {
    INFO(target);
    const auto refused = sharded.get(target);
    CHECK(refused.status == 400);
    CHECK(refused.error_code() == "SHARD400");
    CHECK(single.get(target).status == 200);
  }
  CHECK(sharded.get("/movies?select=fold.sum()").error_code() == "SHARD400");
  CHECK(single.get("/movies?select=fold.sum()").error_code() == "42883");
}

}  // namespace shardplex::integration
