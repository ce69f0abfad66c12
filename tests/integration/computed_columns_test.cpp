// Functions of a row that are named like columns, and those that give rows and are embedded by, over three
// shards: compared with one PostgreSQL that has all rows.
#include <doctest/doctest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/request_text.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

const Headers returns_rows{{"Content-Type", "application/json"}, {"Prefer", "return=representation"}};

// `votes` and `scored` read rows of the film's own key, `number` a reference table; nobody declares
// `undeclared`. Of the functions that give rows the map declares those that read rows of the film's own slot.
const std::string create_functions_of_rows = R"sql(
SET search_path TO public;
CREATE FUNCTION title(movies) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$SELECT coalesce($1.name, '?') || ' by ' || coalesce($1.director, '?')$$;
CREATE FUNCTION decade(movies) RETURNS integer LANGUAGE plpgsql IMMUTABLE
  AS 'BEGIN RETURN extract(year FROM $1.release_date)::integer / 10 * 10; END';
CREATE FUNCTION facts(movies) RETURNS jsonb LANGUAGE sql IMMUTABLE
  AS $$SELECT jsonb_build_object('name', $1.name, 'genres', cardinality($1.genre))$$;
CREATE FUNCTION votes(movies) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM ratings WHERE movie_id = $1.id';
CREATE FUNCTION scored(movies) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT avg(score) FROM ratings WHERE movie_id = $1.id';
CREATE FUNCTION number(movies) RETURNS integer LANGUAGE sql STABLE AS 'SELECT number FROM genres WHERE name = $1.primary_genre';
CREATE FUNCTION undeclared(movies) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM ratings';
CREATE FUNCTION restless(movies) RETURNS text LANGUAGE sql AS 'SELECT $1.name';
CREATE FUNCTION each_genre(movies) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS 'SELECT unnest($1.genre)';
CREATE FUNCTION differs(movies) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.name';
CREATE FUNCTION sequels(movies) RETURNS SETOF movies LANGUAGE sql STABLE AS 'SELECT * FROM movies WHERE id = $1.id + 1';
CREATE FUNCTION genres(movies) RETURNS SETOF genres LANGUAGE sql STABLE AS 'SELECT * FROM genres';
CREATE FUNCTION main_genre(film movies) RETURNS SETOF genres LANGUAGE sql STABLE ROWS 1 AS 'SELECT * FROM genres WHERE name = film.primary_genre';
CREATE FUNCTION one_genre(movies) RETURNS genres LANGUAGE sql STABLE AS 'SELECT * FROM genres WHERE name = $1.primary_genre';
CREATE FUNCTION own_ratings(movies) RETURNS SETOF ratings LANGUAGE sql STABLE AS 'SELECT * FROM ratings WHERE movie_id = $1.id';
CREATE FUNCTION best_rating(movies) RETURNS SETOF ratings LANGUAGE sql STABLE ROWS 1
  AS 'SELECT * FROM ratings WHERE movie_id = $1.id ORDER BY score DESC, user_id LIMIT 1';
CREATE FUNCTION one_rating(movies) RETURNS SETOF ratings LANGUAGE sql STABLE ROWS 1 AS 'SELECT * FROM ratings WHERE movie_id = $1.id';
CREATE FUNCTION all_ratings(movies) RETURNS SETOF ratings LANGUAGE sql STABLE AS 'SELECT * FROM ratings';
CREATE FUNCTION film(ratings) RETURNS SETOF movies LANGUAGE sql STABLE ROWS 1 AS 'SELECT * FROM movies WHERE id = $1.movie_id';
CREATE FUNCTION films(genres) RETURNS SETOF movies LANGUAGE sql STABLE AS 'SELECT * FROM movies WHERE primary_genre = $1.name';
CREATE FUNCTION hasty(movies) RETURNS SETOF genres LANGUAGE sql AS 'SELECT * FROM genres';
CREATE FUNCTION differing(movies) RETURNS SETOF genres LANGUAGE sql STABLE AS 'SELECT * FROM genres';
CREATE FUNCTION weight(ratings) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1.score * 1.50';
CREATE FUNCTION shout(genres) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1.name)';
CREATE FUNCTION good() RETURNS SETOF movies LANGUAGE sql STABLE AS 'SELECT * FROM movies WHERE imdb_score > 5';
CREATE SCHEMA catalog;
CREATE FUNCTION catalog.hidden(movies) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.name';
)sql";

const std::string beside_tables_in_map = R"(
relations:
  ratings_movie: { table: ratings, columns: [movie_id], foreign_table: movies, foreign_columns: [id] }
  movies_genre: { table: movies, columns: [primary_genre], foreign_table: genres, foreign_columns: [name] }
functions:
  good: all
  own_ratings: any
  best_rating: any
  one_rating: any
  all_ratings: any
  film: any
  films: any
)";

std::string text_of_file(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// Three shards, and one PostgreSQL with all of their rows, which nobody routes to.
struct Site {
  Site() : cluster({.shards = 3, .replicas = 0}), plain({.shards = 1, .replicas = 0}) {
    const auto tables = replaced(text_of_file(cluster.map_file()), "movies:  { group: catalog, key: id }",
                                 "movies:  { group: catalog, key: id, computed: [votes, scored, number] }");
    REQUIRE(tables.find("computed") != std::string::npos);
    std::ofstream(cluster.map_file()) << tables << beside_tables_in_map;
    for (const auto* each : {&cluster, &plain}) {
      each->initialise();
      each->load("movies", make_movies({"--count", "300"}));
      each->load("genres", make_movies({"--genres"}));
      each->load("ratings", make_movies({"--count", "300", "--ratings", "2000"}));
      each->run_everywhere(create_functions_of_rows);
    }
    on("beta",
       "CREATE OR REPLACE FUNCTION public.differs(public.movies) RETURNS text LANGUAGE sql IMMUTABLE AS "
       "'SELECT upper($1.name)'");
    on("beta",
       "CREATE OR REPLACE FUNCTION public.differing(public.movies) RETURNS SETOF public.genres LANGUAGE sql "
       "STABLE AS 'SELECT * FROM public.genres WHERE number > 1'");
    router.emplace(cluster.map_file());
  }

  HttpResponse get(const std::string& target, const Headers& headers = {}) const {
    return HttpClient(router->port()).get(target, headers);
  }
  HttpResponse send(const std::string& method, const std::string& target, const std::string& body) const {
    return HttpClient(router->port()).request(method, target, returns_rows, body);
  }
  /// What one PostgreSQL gives as the array of a SELECT's rows.
  std::string rows(const std::string& sql) const {
    return Database(plain.conninfo("alpha"))
        .value("SELECT coalesce(json_agg(r), '[]')::text FROM (" + sql + ") r")
        .value();
  }
  void on(const std::string& shard, const std::string& sql) const {
    Database(cluster.conninfo(shard)).run(sql);
  }

  Cluster cluster, plain;
  std::optional<Router> router;
};

Site& site() {
  static Site site;
  return site;
}

void check_rows(const std::string& target, const std::string& sql, const Router& router = *site().router) {
  INFO("GET ", target);
  const auto answer = HttpClient(router.port()).get(target, {});
  CHECK(answer.status == 200);
  CHECK(answer.body == site().rows(sql));
}

void check_refused(const HttpResponse& answer, unsigned status, const std::string& code,
                   const std::string& says = "") {
  INFO(answer.body);
  CHECK(answer.status == status);
  CHECK(answer.error_code() == code);
  CHECK(answer.body.find(says) != std::string::npos);
}

}  // namespace

TEST_CASE("computed columns are selected, filtered and ordered by as in one PostgreSQL") {
  const std::string films = " FROM movies m ";
  check_rows("/movies?select=id,title&order=title,id", "SELECT id, m.title" + films + "ORDER BY m.title, id");
  check_rows("/movies?select=id,t:title,d:decade::text&order=decade.desc.nullslast,id&limit=40&offset=5",
             "SELECT id, m.title AS t, m.decade::text AS d" + films +
                 "ORDER BY m.decade DESC NULLS LAST, id LIMIT 40 OFFSET 5");
  check_rows(
      "/movies?select=id,votes,scored,number&order=scored.desc.nullslast,votes,id",
      "SELECT id, m.votes, m.scored, m.number" + films + "ORDER BY m.scored DESC NULLS LAST, m.votes, id");
  check_rows("/movies?select=id,facts-%3Egenres,n:facts-%3E%3Ename&order=id&facts-%3E%3Ename=like.*a*",
             "SELECT id, m.facts->'genres' AS genres, m.facts->>'name' AS n" + films +
                 "WHERE m.facts->>'name' LIKE '%a%' ORDER BY id");
  check_rows("/movies?select=id&votes=gte.8&or=(decade.eq.1990,number.lt.4)&order=id",
             "SELECT id" + films + "WHERE m.votes >= 8 AND (m.decade = 1990 OR m.number < 4) ORDER BY id");
  check_rows("/movies?select=id&title=fts(simple).by&votes=in.(5,6)&order=id",
             "SELECT id" + films +
                 "WHERE to_tsvector('simple', m.title) @@ to_tsquery('simple', 'by') AND m.votes IN (5, 6) "
                 "ORDER BY id");
  check_rows("/movies?select=title,votes&id=eq.7", "SELECT m.title, m.votes" + films + "WHERE id = 7");
  check_rows("/genres?select=name,shout&shout=gt.C&order=shout.desc",
             "SELECT name, g.shout FROM genres g WHERE g.shout > 'C' ORDER BY g.shout DESC");
  const auto counted = site().get("/movies?select=id&votes=gt.6&limit=1", {{"Prefer", "count=exact"}});
  const auto total = Database(site().plain.conninfo("alpha"))
                         .value("SELECT count(*) FROM movies m WHERE m.votes > 6")
                         .value();
  CHECK(counted.header("Content-Range") == "0-0/" + total);
  const auto csv = site().get("/movies?select=title,votes&id=eq.7", {{"Accept", "text/csv"}});
  CHECK(csv.body.starts_with("title,votes\n"));
  const auto one = site().rows("SELECT m.title FROM movies m WHERE id = 7");
  CHECK(site().get("/movies/7?select=title").body == one.substr(1, one.size() - 2));
}

TEST_CASE("rows are paged by cursor in the order of a computed column") {
  std::string ids, target = "/movies?select=id&order=decade.desc,title&limit=70&after=";
  for (int pages = 0; !target.empty(); ++pages) {
    REQUIRE(pages < 10);
    CAPTURE(target);
    const auto page = site().get(target);
    REQUIRE(page.status == 200);
    const auto rows = json::parse(page.body);
    for (const auto& row : rows.as_array())
      ids += (ids.empty() ? "" : ",") + std::to_string(row.at("id").to_number<std::int64_t>());
    const auto link = page.header("Link").value_or("");
    const auto end = link.find(">; rel=\"next\"");
    const auto begin = end == std::string::npos ? end : link.rfind('<', end);
    target = begin == std::string::npos ? "" : link.substr(begin + 1, end - begin - 1);
  }
  CHECK(ids ==
        Database(site().plain.conninfo("alpha"))
            .value("SELECT string_agg(m.id::text, ',' ORDER BY m.decade DESC, m.title, m.id) FROM movies m")
            .value());
}

TEST_CASE("computed columns are grouped by and aggregated as in one PostgreSQL") {
  check_rows(
      "/movies?select=decade,count(),votes.sum(),number.max()&order=decade",
      "SELECT m.decade, count(*), sum(m.votes), max(m.number) FROM movies m GROUP BY m.decade ORDER BY "
      "m.decade");
  check_rows("/movies?select=votes.sum(),number.avg(),title.min()",
             "SELECT sum(m.votes), avg(m.number), min(m.title) FROM movies m");
  check_rows("/movies?select=id,title,votes.sum()&order=id",
             "SELECT id, m.title, sum(m.votes) FROM movies m GROUP BY id, m.title ORDER BY id");
}

TEST_CASE("rows that are embedded, on whatever shard they are, have their computed columns") {
  check_rows(
      "/movies?select=id,ratings(user_id,weight)&ratings.order=weight.desc,user_id&order=id&limit=30",
      "SELECT id, (SELECT coalesce(json_agg(e), '[]') FROM (SELECT r.user_id, r.weight FROM ratings r "
      "WHERE r.movie_id = m.id ORDER BY r.weight DESC, r.user_id) e) AS ratings FROM movies m ORDER BY "
      "id LIMIT 30");
  check_rows(
      "/ratings?select=user_id,movies(title)&movie_id=eq.7&order=user_id",
      "SELECT user_id, (SELECT row_to_json(e) FROM (SELECT m.title FROM movies m WHERE m.id = movie_id) "
      "e) AS movies FROM ratings WHERE movie_id = 7 ORDER BY user_id");
  // Films of a genre are looked up.
  check_rows(
      "/genres?select=name,movies(id,title)&movies.order=title,id&movies.votes=gt.6&order=name",
      "SELECT name, (SELECT coalesce(json_agg(e), '[]') FROM (SELECT m.id, m.title FROM movies m WHERE "
      "m.primary_genre = g.name AND m.votes > 6 ORDER BY m.title, m.id) e) AS movies FROM genres g "
      "ORDER BY name");
  check_rows("/genres?select=name,movies(votes.sum(),count())&order=name",
             "SELECT name, (SELECT json_agg(e) FROM (SELECT sum(m.votes), count(*) FROM movies m WHERE "
             "m.primary_genre = g.name) e) AS movies FROM genres g ORDER BY name");
}

TEST_CASE("select=* and documents have no computed columns") {
  const auto all = json::parse(site().get("/movies?limit=1").body);
  CHECK_FALSE(all.as_array().at(0).as_object().contains("title"));
  for (const std::string target : {"/", "/openapi.json"}) {
    const auto document = site().get(target, {{"Accept", "application/openapi+json"}});
    CHECK(document.status == 200);
    CHECK(document.body.find("\"decade\"") == std::string::npos);
  }
}

TEST_CASE("what is computed of rows on other shards, or cannot be relied on, is refused alone") {
  const auto& s = site();
  check_refused(s.get("/movies?select=undeclared"), 404, "SHARD404",
                "Write computed: [undeclared] at movies");
  check_refused(s.get("/movies?undeclared=gt.1"), 404, "SHARD404", "is STABLE");
  check_refused(s.get("/movies?select=id&order=undeclared"), 404, "SHARD404");
  check_refused(s.get("/movies?select=restless"), 404, "SHARD404", "is VOLATILE");
  check_refused(s.get("/movies?select=each_genre"), 404, "SHARD404", "returns a set");
  check_refused(s.get("/movies?select=differs"), 503, "SHARD503",
                "function public.differs(movies) is defined otherwise on beta than on alpha");
  check_refused(s.get("/movies?select=hidden"), 400, "42703");
  check_refused(s.get("/ratings?select=title"), 400, "42703");
  check_refused(s.get("/movies?select=id&order=votes&limit=5&after="), 400, "SHARD400",
                "computed column votes");
  check_refused(s.get("/rpc/good?select=title"), 404, "SHARD404", "Rows that a function returns");
  CHECK(s.get("/rpc/good?select=id&limit=1").status == 200);
  check_refused(s.get("/movies?select=facts&order=facts"), 400, "SHARD400", "facts");
  CHECK(s.get("/movies?select=id&order=facts&id=eq.7").status == 200);
  CHECK(s.get("/movies?select=id&order=name&title=like.*a*&limit=5&after=").status == 200);
  const auto init = run_shardplex({"cluster", "init", "--map", s.cluster.map_file()});
  CAPTURE(init.errors);
  CHECK(init.errors.find("movies: computed column undeclared is not served") != std::string::npos);
  CHECK(init.errors.find("computed column title") == std::string::npos);
  CHECK(init.errors.find("movies: computed relationship sequels is not served") != std::string::npos);
  CHECK(init.errors.find("computed relationship own_ratings") == std::string::npos);
}

namespace {

/// An array of what `rows` gives for a film m.
std::string rows_of_film(const std::string& rows) {
  return "(SELECT coalesce(json_agg(e), '[]') FROM (" + rows + ") e)";
}

std::string row_of_film(const std::string& row) {
  return "(SELECT row_to_json(e) FROM (" + row + ") e)";
}

const std::string genre_of_film = " FROM genres g WHERE g.name = m.primary_genre";
const std::string ratings_of_film = " FROM ratings r WHERE r.movie_id = m.id ";
const std::string best_of_film =
    row_of_film("SELECT r.score" + ratings_of_film + "ORDER BY r.score DESC, r.user_id LIMIT 1");

}  // namespace

TEST_CASE("rows that functions of a row give are embedded as in one PostgreSQL") {
  check_rows("/movies?select=id,g:main_genre(number,shout)&order=id",
             "SELECT id, " + row_of_film("SELECT g.number, g.shout" + genre_of_film) +
                 " AS g FROM movies m ORDER BY id");
  check_rows(
      "/movies?select=id,own_ratings(user_id,score,weight)&own_ratings.score=gt.3&"
      "own_ratings.order=score.desc,user_id&own_ratings.limit=3&own_ratings.offset=1&order=id",
      "SELECT id, " +
          rows_of_film("SELECT r.user_id, r.score, r.weight" + ratings_of_film +
                       "AND r.score > 3 ORDER BY r.score DESC, r.user_id LIMIT 3 OFFSET 1") +
          " AS own_ratings FROM movies m ORDER BY id");
  check_rows("/movies?select=id,...main_genre(number),best_rating(score)&order=id.desc&limit=50",
             "SELECT id, (SELECT g.number" + genre_of_film + ") AS number, " + best_of_film +
                 " AS best_rating FROM movies m ORDER BY id DESC LIMIT 50");
  check_rows("/movies?select=id,own_ratings(count(),score.max())&order=id",
             "SELECT id, " + rows_of_film("SELECT count(*), max(r.score)" + ratings_of_film) +
                 " AS own_ratings FROM movies m ORDER BY id");
  check_rows("/movies?select=id,one_genre(number)&number=not.is.null&order=id",
             "SELECT id, " + row_of_film("SELECT g.number" + genre_of_film) +
                 " AS one_genre FROM movies m WHERE m.number IS NOT NULL ORDER BY id");
  // It says ROWS 1 and gives several.
  check_rows("/movies?select=id,one_rating(score)&one_rating.order=score.desc&order=id",
             "SELECT id, " + best_of_film + " AS one_rating FROM movies m ORDER BY id");
  check_rows("/movies?select=id,...one_rating(score)&order=id",
             "SELECT id, (SELECT r.score" + ratings_of_film +
                 "ORDER BY r.user_id LIMIT 1) AS score FROM movies m ORDER BY id");
  // In the place of the relation to a table of the name.
  check_rows("/movies?select=id,genres(number)&id=lt.20&genres.order=number&order=id",
             "SELECT id, " + rows_of_film("SELECT g.number FROM genres g ORDER BY g.number") +
                 " AS genres FROM movies m WHERE id < 20 ORDER BY id");
}

TEST_CASE("rows are chosen and ordered by what functions of them give") {
  check_rows("/movies?select=id,main_genre!inner(number)&main_genre.number=lt.4&order=id",
             "SELECT id, " + row_of_film("SELECT g.number" + genre_of_film) +
                 " AS main_genre FROM movies m " + "WHERE EXISTS (SELECT" + genre_of_film +
                 " AND g.number < 4) ORDER BY id");
  check_rows("/movies?select=id,own_ratings()&own_ratings=is.null&order=id",
             "SELECT id FROM movies m WHERE NOT EXISTS (SELECT" + ratings_of_film + ") ORDER BY id");
  check_rows("/movies?select=id,main_genre(name)&order=main_genre(number).desc.nullslast,id&limit=60",
             "SELECT id, " + row_of_film("SELECT g.name" + genre_of_film) +
                 " AS main_genre FROM movies m ORDER BY (SELECT g.number" + genre_of_film +
                 ") DESC NULLS LAST, id LIMIT 60");
  const auto counted =
      site().get("/movies?select=id,own_ratings!inner()&limit=1", {{"Prefer", "count=exact"}});
  const auto total = Database(site().plain.conninfo("alpha"))
                         .value("SELECT count(*) FROM movies m WHERE EXISTS (SELECT" + ratings_of_film + ')');
  CHECK(counted.header("Content-Range") == "0-0/" + total.value());
}

TEST_CASE("functions give rows at any depth, of rows on whatever shard") {
  check_rows("/ratings?select=user_id,film(id,best_rating(score))&movie_id=eq.7&order=user_id",
             "SELECT user_id, " +
                 row_of_film("SELECT m.id, " + best_of_film +
                             " AS best_rating FROM movies m WHERE m.id = movie_id") +
                 " AS film FROM ratings WHERE movie_id = 7 ORDER BY user_id");
  check_rows("/movies?select=id,own_ratings(movies(name))&id=eq.7",
             "SELECT id, " +
                 rows_of_film("SELECT " + row_of_film("SELECT m.name") + " AS movies" + ratings_of_film +
                              "ORDER BY r.user_id") +
                 " AS own_ratings FROM movies m WHERE id = 7");
  check_rows("/rpc/good?select=id,best_rating(score),...main_genre(number)&order=id",
             "SELECT id, " + best_of_film + " AS best_rating, (SELECT g.number" + genre_of_film +
                 ") AS number FROM movies m WHERE imdb_score > 5 ORDER BY id");
  // Films of a genre are looked up.
  check_rows("/genres?select=name,movies(id,best_rating(score))&movies.order=id&order=name",
             "SELECT name, " +
                 rows_of_film("SELECT m.id, " + best_of_film +
                              " AS best_rating FROM movies m WHERE m.primary_genre = n.name ORDER BY m.id") +
                 " AS movies FROM genres n ORDER BY name");
}

TEST_CASE("what a function reads of other slots, such as leftovers of moves, is not shown") {
  const auto& s = site();
  const auto check_all = [] {
    check_rows("/movies?select=id,all_ratings(movie_id,user_id,score)&order=id",
               "SELECT id, " +
                   rows_of_film("SELECT r.movie_id, r.user_id, r.score FROM ratings r WHERE "
                                "r.shardplex_slot = m.shardplex_slot ORDER BY r.movie_id, r.user_id") +
                   " AS all_ratings FROM movies m ORDER BY id");
  };
  std::int64_t elsewhere = 1;
  while (s.cluster.shard_of("movies", elsewhere) == "beta") ++elsewhere;
  const auto film = std::to_string(elsewhere);
  const auto slot = Database(s.plain.conninfo("alpha"))
                        .value("SELECT shardplex_slot FROM movies WHERE id = " + film)
                        .value();
  s.on("beta", "INSERT INTO ratings (movie_id, user_id, score, shardplex_slot) VALUES (" + film +
                   ", 900001, 1, " + slot + ")");
  check_all();
  s.on("beta", "DELETE FROM ratings WHERE user_id = 900001");
  check_all();
}

TEST_CASE("functions whose rows can be on other shards, or cannot be relied on, are refused alone") {
  const auto& s = site();
  check_refused(s.get("/movies?select=id,sequels(id)"), 404, "SHARD404",
                "Write sequels: any under functions: in the map");
  check_refused(s.get("/movies?select=id,s:sequels!inner(id)"), 404, "SHARD404");
  check_refused(s.get("/genres?select=name,films(id)"), 404, "SHARD404", "make movies a reference table");
  check_refused(s.get("/movies?select=id,hasty(number)"), 404, "SHARD404", "is VOLATILE");
  check_refused(s.get("/movies?select=id,differing(number)"), 503, "SHARD503",
                "function public.differing(movies) is defined otherwise on beta than on alpha");
  check_refused(s.get("/genres?select=name,own_ratings(score)"), 400, "PGRST200");
  check_refused(s.get("/movies?select=id,own_ratings(score)&order=own_ratings(score)"), 400, "PGRST118");
  check_refused(s.get("/movies?select=id,main_genre(name,movies(id))"), 400, "SHARD400",
                "by the function public.main_genre(movies)");
}

TEST_CASE("written rows show what functions of them give") {
  const auto& s = site();
  const std::string film = R"({"id":7001,"name":"New","director":"Ada"})";
  CHECK(s.send("POST", "/movies?select=id,main_genre(number),own_ratings(score)", film).body ==
        R"([{"id":7001,"main_genre":null,"own_ratings":[]}])");
  CHECK(s.send("DELETE", "/movies?id=eq.7001&select=id,own_ratings(score)", "").body ==
        R"([{"id":7001,"own_ratings":[]}])");
}

TEST_CASE("the one shard of a map answers alone for all rows that a function gives") {
  const Router one(site().plain.map_file());
  check_rows("/movies?select=id,sequels(id)&order=id",
             "SELECT id, " + rows_of_film("SELECT n.id FROM movies n WHERE n.id = m.id + 1") +
                 " AS sequels FROM movies m ORDER BY id",
             one);
  check_rows("/genres?select=name,films(id)&films.order=id&order=name",
             "SELECT name, " +
                 rows_of_film("SELECT m.id FROM movies m WHERE m.primary_genre = g.name ORDER BY m.id") +
                 " AS films FROM genres g ORDER BY name",
             one);
}

TEST_CASE("written rows show computed columns and are chosen by them, and none is written") {
  const auto& s = site();
  const std::string film = R"({"id":7000,"name":"New","director":"Ada"})";
  check_refused(s.send("POST", "/movies", R"({"id":7000,"title":"x"})"), 400, "PGRST204", "title");
  CHECK(s.send("POST", "/movies?select=id,title,votes", film).body ==
        R"([{"id":7000,"title":"New by Ada","votes":0}])");
  CHECK(s.send("PATCH", "/movies?id=eq.7000&title=eq.nothing&select=id", R"({"name":"Old"})").body == "[]");
  CHECK(
      s.send("PATCH", "/movies?id=eq.7000&title=eq.New%20by%20Ada&select=title", R"({"name":"Old"})").body ==
      R"([{"title":"Old by Ada"}])");
  CHECK(s.send("DELETE", "/movies?id=eq.7000&votes=eq.0&select=title", "").body ==
        R"([{"title":"Old by Ada"}])");
}

TEST_CASE("functions of rows that are made, changed and dropped are noticed") {
  const auto& s = site();
  const auto status_is = [&](const std::string& target, unsigned status) {
    wait_until(target + " is " + std::to_string(status), [&] { return s.get(target).status == status; });
  };
  const std::string fresh = "/movies?select=fresh&id=eq.7";
  const std::string create =
      "CREATE FUNCTION public.fresh(public.movies) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1'";
  check_refused(s.get(fresh), 400, "42703");
  s.on("alpha", create);
  status_is(fresh, 503);
  s.on("beta", create);
  s.on("gamma", create);
  status_is(fresh, 200);
  CHECK(s.get(fresh).body == R"([{"fresh":1}])");
  s.cluster.run_everywhere("ALTER FUNCTION public.fresh(public.movies) STABLE");
  status_is(fresh, 404);
  s.cluster.run_everywhere("DROP FUNCTION public.fresh(public.movies)");
  status_is(fresh, 400);
  const std::string embeds = "/movies?select=kinds(number)&kinds.limit=1&id=eq.7";
  const std::string create_kinds =
      "CREATE FUNCTION public.kinds(public.movies) RETURNS SETOF public.genres LANGUAGE sql STABLE AS "
      "'SELECT * FROM public.genres'";
  check_refused(s.get(embeds), 400, "PGRST200");
  s.on("alpha", create_kinds);
  status_is(embeds, 503);
  s.on("beta", create_kinds);
  s.on("gamma", create_kinds);
  status_is(embeds, 200);
  s.cluster.run_everywhere("DROP FUNCTION public.kinds(public.movies)");
  status_is(embeds, 400);
}

TEST_CASE("the command line explains reads of computed columns") {
  const auto& s = site();
  const auto told =
      run_shardplex({"explain", "--router", "http://127.0.0.1:" + std::to_string(s.router->admin_port()),
                     "/movies?select=title&order=votes"});
  CAPTURE(told.errors);
  CHECK(told.status == 0);
  CHECK(told.output.find(R"("public"."title"("movies".*))") != std::string::npos);
}

}  // namespace shardplex::integration
