// Relations of views, as clients of a schema of views see them: over two shards, whose tables are in another
// schema. (What embeds of views answer is compared with one PostgreSQL by random reads: related_tables.cpp.)
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <fstream>
#include <optional>
#include <string>

#include "tests/integration/cluster.hpp"
#include "tests/integration/http_client.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

const std::string create_views = R"sql(
CREATE SCHEMA api;
CREATE VIEW api.films AS SELECT id, name, primary_genre AS kind, shardplex_slot FROM public.movies
  WHERE id > 0;
CREATE VIEW api.scores AS SELECT movie_id AS film, user_id, score, shardplex_slot FROM public.ratings;
CREATE VIEW api.kinds AS SELECT name AS kind, number FROM public.genres;
CREATE VIEW api.twice AS SELECT id, id AS again, shardplex_slot FROM public.movies;
CREATE VIEW api.scored AS SELECT m.id, m.name, r.score, m.shardplex_slot FROM public.movies m
  JOIN public.ratings r ON r.movie_id = m.id;
CREATE VIEW api.totals AS SELECT m.id, count(r.score) AS votes, m.shardplex_slot FROM public.movies m
  LEFT JOIN public.ratings r ON r.movie_id = m.id GROUP BY m.id;
CREATE MATERIALIZED VIEW api.kept AS SELECT movie_id AS film, score, shardplex_slot FROM public.ratings;
)sql";

const std::string in_map = R"(
relations:
  rating_film: { table: ratings, columns: [movie_id], foreign_table: movies, foreign_columns: [id] }
  film_genre: { table: movies, columns: [primary_genre], foreign_table: genres, foreign_columns: [name] }
views:
  api.films: { group: catalog, key: id }
  api.scores: { group: catalog, key: film }
  api.kinds: { reference: true }
  api.twice: { group: catalog, key: id }
  api.scored: { group: catalog, key: id }
  api.totals: { group: catalog, key: id }
  api.kept: { group: catalog, key: film }
)";

const std::string films = R"({"id":1,"name":"One","primary_genre":"Drama"}
{"id":2,"name":"Two","primary_genre":"Opera"}
{"id":3,"name":"Three","primary_genre":"Drama"}
{"id":5,"name":"Five","primary_genre":null}
)";

const std::string ratings = R"({"movie_id":1,"user_id":7,"score":9,"rated_at":"2024-05-01T10:00:00Z"}
{"movie_id":1,"user_id":8,"score":3,"rated_at":"2024-05-01T10:00:00Z"}
{"movie_id":2,"user_id":7,"score":5,"rated_at":"2024-05-01T10:00:00Z"}
)";

struct Site {
  Site() : cluster({.shards = 2, .replicas = 0, .map = "hash"}) {
    std::ofstream(cluster.map_file(), std::ios::app) << in_map;
    cluster.initialise();
    cluster.load("genres", "{\"name\":\"Drama\",\"number\":1}\n{\"name\":\"Opera\",\"number\":2}\n");
    cluster.load("movies", films);
    cluster.load("ratings", ratings);
    cluster.run_everywhere(create_views);
    router.emplace(cluster.map_file(),
                   Router::Options{.arguments = {"--schemas", "api,public"}, .environment = {}});
  }

  HttpResponse get(const std::string& target, const Headers& headers = {}) const {
    return HttpClient(router->port()).get(target, headers);
  }

  Cluster cluster;
  std::optional<Router> router;
};

Site& site() {
  static Site only;
  return only;
}

void check_rows(const std::string& target, const std::string& rows, const Headers& headers = {}) {
  const auto answer = site().get(target, headers);
  INFO(target, ": ", answer.body);
  REQUIRE(answer.status == 200);
  CHECK(json::parse(answer.body) == json::parse(rows));
}

HttpResponse check_refused(const std::string& target, unsigned status, const std::string& code) {
  auto answer = site().get(target);
  INFO(target, ": ", answer.body);
  CHECK(answer.status == status);
  CHECK(answer.error_code() == code);
  return answer;
}

}  // namespace

TEST_CASE("views of a schema embed each other by the keys of their tables, which are in another") {
  check_rows("/films?select=name,scores(score)&scores.order=score&order=id",
             R"([{"name":"One","scores":[{"score":3},{"score":9}]},{"name":"Two","scores":[{"score":5}]},
                 {"name":"Three","scores":[]},{"name":"Five","scores":[]}])");
  check_rows("/scores?select=score,films(name)&order=score",
             R"([{"score":3,"films":{"name":"One"}},{"score":5,"films":{"name":"Two"}},
                 {"score":9,"films":{"name":"One"}}])");
  check_rows("/films?select=name,kinds(number)&order=id",
             R"([{"name":"One","kinds":{"number":1}},{"name":"Two","kinds":{"number":2}},
                 {"name":"Three","kinds":{"number":1}},{"name":"Five","kinds":null}])");
  check_rows("/kinds?select=kind,films(name)&films.order=name&order=number",
             R"([{"kind":"Drama","films":[{"name":"One"},{"name":"Three"}]},
                 {"kind":"Opera","films":[{"name":"Two"}]}])");
  check_rows("/films?select=name,scores()&scores=is.null&order=id", R"([{"name":"Three"},{"name":"Five"}])");
  check_rows("/scores?select=score,totals(votes)&order=score",
             R"([{"score":3,"totals":{"votes":2}},{"score":5,"totals":{"votes":1}},
                 {"score":9,"totals":{"votes":2}}])");
  check_rows("/films?select=id,kept(score)&kept.order=score&id=lt.3&order=id",
             R"([{"id":1,"kept":[{"score":3},{"score":9}]},{"id":2,"kept":[{"score":5}]}])");
  check_rows("/films?select=name,scores!rating_film(score)&id=eq.2",
             R"([{"name":"Two","scores":[{"score":5}]}])");
  check_rows("/films?select=name,scores!film(score)&id=eq.2", R"([{"name":"Two","scores":[{"score":5}]}])");
  // Tables see each other as ever, and no view of another schema.
  check_rows("/ratings?select=score,movies(name)&order=score&limit=1",
             R"([{"score":3,"movies":{"name":"One"}}])", {{"Accept-Profile", "public"}});
}

TEST_CASE("constraints and columns do not name views, and several ways to one are told apart") {
  check_refused("/scores?select=score,film(name)", 400, "PGRST200");
  check_refused("/scores?select=score,rating_film(name)", 400, "PGRST200");
  const auto several = check_refused("/twice?select=id,scores(score)", 300, "PGRST201");
  CHECK(several.body.find("rating_film using twice(again) and scores(film)") != std::string::npos);
  check_rows("/twice?select=id,scores!again(score)&id=eq.2", R"([{"id":2,"scores":[{"score":5}]}])");
}

TEST_CASE("a relation to one row does not lead to a view that shows it several times") {
  const auto answer = check_refused("/scores?select=score,scored(name)", 400, "SHARD400");
  CHECK(answer.body.find("'scored' is a view of, and the view may have several rows") != std::string::npos);
  // The other way they are as many as there are.
  check_rows("/scored?select=name,scores(user_id)&scores.order=user_id&id=eq.1&score=eq.9",
             R"([{"name":"One","scores":[{"user_id":7},{"user_id":8}]}])");
}

TEST_CASE("the documents tell keys of views") {
  const auto document = json::parse(site().get("/").body);
  const auto film = document.at_pointer("/definitions/scores/properties/film/description").as_string();
  CHECK(std::string(film).find("<pk/>") != std::string::npos);
  CHECK(std::string(film).find("<fk table='") != std::string::npos);
}

}  // namespace shardplex::integration
