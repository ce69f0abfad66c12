// Calls of functions over three shards, compared with what one PostgreSQL that has all rows makes of them.
#include <doctest/doctest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

const Headers as_json{{"Content-Type", "application/json"}};
const Headers one_object{{"Accept", "application/vnd.pgrst.object+json"}};
const Headers as_csv{{"Accept", "text/csv"}};

const std::string create_functions = R"sql(
SET search_path TO public;
CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
CREATE TYPE spot AS (x integer, y text);
CREATE FUNCTION add_them(a integer, b integer DEFAULT 2) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE FUNCTION add_all(VARIADIC v integer[]) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT sum(n) FROM unnest(v) n';
CREATE FUNCTION plus_one(arr integer[]) RETURNS integer[] LANGUAGE sql STABLE
  AS 'SELECT array_agg(n + 1) FROM unnest(arr) n';
CREATE FUNCTION sizes() RETURNS SETOF integer LANGUAGE sql STABLE AS 'VALUES (3), (1), (NULL)';
CREATE FUNCTION lines() RETURNS SETOF integer[] LANGUAGE sql STABLE AS $$VALUES ('{1,2}'::integer[]), ('{3}')$$;
CREATE FUNCTION nothing() RETURNS void LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION null_of(a integer) RETURNS text LANGUAGE sql STABLE AS 'SELECT NULL::text';
CREATE FUNCTION a_spot(x integer) RETURNS spot LANGUAGE sql STABLE AS $$SELECT x, 'here'$$;
CREATE FUNCTION out_spot(x integer, OUT s spot) LANGUAGE sql STABLE AS $$SELECT ROW(x, 'out')::spot$$;
CREATE FUNCTION span(INOUT low integer, OUT high text) LANGUAGE sql STABLE AS $$SELECT low + 1, 'h' || low$$;
CREATE FUNCTION squares(n integer) RETURNS TABLE (i integer, square bigint) LANGUAGE sql STABLE
  AS 'SELECT i, i * i FROM generate_series(n, 1, -1) i';
CREATE FUNCTION loose() RETURNS SETOF record LANGUAGE sql STABLE AS 'SELECT name, number FROM genres WHERE number < 2';
CREATE FUNCTION genre_list() RETURNS SETOF genres LANGUAGE sql STABLE AS 'SELECT * FROM genres ORDER BY number DESC';
CREATE FUNCTION restless_genres() RETURNS SETOF genres LANGUAGE sql AS 'SELECT * FROM genres WHERE number < 5';
CREATE FUNCTION echo(json) RETURNS json LANGUAGE sql STABLE AS 'SELECT $1';
CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT upper($1)';
CREATE FUNCTION weigh(bytea) RETURNS integer LANGUAGE sql STABLE AS 'SELECT length($1)';
CREATE FUNCTION chosen(a integer) RETURNS text LANGUAGE sql STABLE AS $$SELECT 'one'$$;
CREATE FUNCTION chosen(a integer, b integer) RETURNS text LANGUAGE sql STABLE AS $$SELECT 'two'$$;
CREATE FUNCTION unsure(a integer) RETURNS text LANGUAGE sql STABLE AS $$SELECT 'number'$$;
CREATE FUNCTION unsure(a text) RETURNS text LANGUAGE sql STABLE AS $$SELECT 'text'$$;
CREATE FUNCTION note_down(note text) RETURNS SETOF notes LANGUAGE sql
  AS 'INSERT INTO notes (note) SELECT n FROM unnest(string_to_array($1, $$,$$)) n RETURNING *';
CREATE FUNCTION note_much(size integer) RETURNS SETOF notes LANGUAGE sql
  AS 'INSERT INTO notes (note) VALUES (repeat($$x$$, $1)) RETURNING *';
CREATE FUNCTION note_json(note text) RETURNS json LANGUAGE sql
  AS 'INSERT INTO notes (note) VALUES ($1) RETURNING to_json(note)';
CREATE FUNCTION sly(note text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN count(*) FROM note_down(note); END $$;
CREATE FUNCTION sly_now() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$SELECT sly('now')$$;
CREATE SEQUENCE tries;
CREATE FUNCTION lost_table() RETURNS integer LANGUAGE plpgsql
  AS $$ BEGIN PERFORM nextval('tries'); EXECUTE 'SELECT * FROM nowhere'; RETURN 1; END $$;
CREATE FUNCTION fails() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'PT402'; END $$;
CREATE FUNCTION films_above(lowest numeric) RETURNS SETOF movies LANGUAGE sql STABLE
  AS 'SELECT * FROM movies WHERE imdb_score >= lowest';
CREATE FUNCTION the_film(movie bigint) RETURNS movies LANGUAGE sql STABLE AS 'SELECT * FROM movies WHERE id = movie';
CREATE FUNCTION ratings_of(movie bigint, lowest integer DEFAULT 0) RETURNS SETOF ratings LANGUAGE sql STABLE
  AS 'SELECT * FROM ratings WHERE movie_id = movie AND score >= lowest ORDER BY score DESC, user_id';
CREATE FUNCTION how_many(movie bigint) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM ratings WHERE movie_id = movie';
CREATE FUNCTION rename_film(movie bigint, called text) RETURNS text LANGUAGE sql
  AS 'UPDATE movies SET name = called WHERE id = movie RETURNING name';
CREATE FUNCTION undeclared() RETURNS integer LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION lone_all() RETURNS integer LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION made_up() RETURNS SETOF movies LANGUAGE sql STABLE
  AS 'SELECT (json_populate_record(NULL::movies, $${"id": 1, "name": "made up"}$$)).*';
CREATE FUNCTION restless() RETURNS SETOF movies LANGUAGE sql AS 'SELECT * FROM movies';
CREATE FUNCTION any_films() RETURNS SETOF movies LANGUAGE sql STABLE AS 'SELECT * FROM movies';
CREATE FUNCTION by_text(movie text) RETURNS integer LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION an_instant(t timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT t';
CREATE FUNCTION zone_now() RETURNS text LANGUAGE sql AS $$SELECT current_setting('TimeZone')$$;
CREATE FUNCTION zone_of(movie bigint) RETURNS text LANGUAGE sql AS $$SELECT current_setting('TimeZone')$$;
CREATE FUNCTION asked(setting text) RETURNS text LANGUAGE sql AS $$SELECT current_setting(setting, true)$$;
CREATE FUNCTION asked_stably(setting text, part text) RETURNS text LANGUAGE sql STABLE
  AS $$SELECT current_setting(setting, true)::json ->> part$$;
CREATE FUNCTION asked_of(movie bigint, setting text) RETURNS text LANGUAGE sql AS $$SELECT current_setting(setting, true)$$;
CREATE FUNCTION says(headers text, status text) RETURNS text LANGUAGE sql
  AS $$SELECT set_config('response.headers', headers, false), set_config('response.status', status, true); SELECT 'said'$$;
CREATE FUNCTION says_of(movie bigint, status text) RETURNS void LANGUAGE sql AS $$SELECT set_config('response.status', status, true)$$;
CREATE FUNCTION says_stably(status text) RETURNS text LANGUAGE sql STABLE AS $$SELECT set_config('response.status', status, true)$$;
CREATE FUNCTION raises(message text, detail text) RETURNS void LANGUAGE plpgsql
  AS $$ BEGIN RAISE SQLSTATE 'PGRST' USING MESSAGE = message, DETAIL = detail; END $$;
CREATE VIEW good_films AS SELECT * FROM movies WHERE imdb_score >= 8;
CREATE FUNCTION good() RETURNS SETOF good_films LANGUAGE sql STABLE AS 'SELECT * FROM good_films';
CREATE FUNCTION any_good() RETURNS SETOF good_films LANGUAGE sql STABLE AS 'SELECT * FROM good_films';
CREATE DOMAIN color AS integer;
CREATE FUNCTION json(color) RETURNS json LANGUAGE sql IMMUTABLE AS $$SELECT to_json('#' || $1)$$;
CREATE CAST (color AS json) WITH FUNCTION json(color) AS IMPLICIT;
CREATE FUNCTION a_color() RETURNS color LANGUAGE sql STABLE AS 'SELECT 7::color';
CREATE FUNCTION colors() RETURNS TABLE (c color, n integer) LANGUAGE sql STABLE AS 'SELECT 7::color, 1';
CREATE DOMAIN "text/plain" AS text;
CREATE DOMAIN "text/html" AS text;
CREATE DOMAIN "text/xml" AS pg_catalog.xml;
CREATE DOMAIN "application/json" AS json;
CREATE DOMAIN "image/png" AS bytea;
CREATE DOMAIN "*/*" AS bytea;
CREATE FUNCTION plain(said text) RETURNS "text/plain" LANGUAGE sql STABLE AS 'SELECT said';
CREATE FUNCTION plain_twice() RETURNS SETOF "text/plain" LANGUAGE sql STABLE AS $$VALUES ('a'::"text/plain"), ('b')$$;
CREATE FUNCTION page(text) RETURNS "text/html" LANGUAGE sql STABLE AS $$SELECT '<p>' || $1 || '</p>'$$;
CREATE FUNCTION tree() RETURNS "text/xml" LANGUAGE sql STABLE AS $$SELECT '<a b="c"/>'::xml$$;
CREATE FUNCTION own_json(j json) RETURNS "application/json" LANGUAGE sql STABLE AS 'SELECT j';
CREATE FUNCTION image(hex text) RETURNS "image/png" LANGUAGE sql STABLE AS $$SELECT decode(hex, 'hex')$$;
CREATE FUNCTION escaped_image() RETURNS "image/png" LANGUAGE plpgsql
  AS $$ BEGIN PERFORM set_config('bytea_output', 'escape', true); RETURN '\x89504e470d0a1a0a005c'::bytea; END $$;
CREATE FUNCTION whatever() RETURNS "*/*" LANGUAGE sql STABLE AS $$SELECT 'any'::bytea$$;
CREATE FUNCTION noted(note text) RETURNS "text/plain" LANGUAGE sql
  AS 'INSERT INTO notes (note) VALUES ($1) RETURNING note';
CREATE FUNCTION note_of(movie bigint) RETURNS "text/plain" LANGUAGE sql STABLE
  AS 'SELECT name FROM movies WHERE id = movie';
CREATE FUNCTION all_plain() RETURNS "text/plain" LANGUAGE sql STABLE AS $$SELECT 'x'$$;
CREATE FUNCTION differs(a integer) RETURNS integer LANGUAGE sql STABLE AS 'SELECT 1';
)sql";

const std::string functions = R"(relations:
  ratings_movie: { table: ratings, columns: [movie_id], foreign_table: movies, foreign_columns: [id] }
  movies_genre: { table: movies, columns: [primary_genre], foreign_table: genres, foreign_columns: [name] }
views:
  good_films: { group: catalog, key: id }
functions:
  an_instant: any
  zone_now: any
  zone_of: { by: movie, group: catalog }
  says: any
  says_of: { by: movie, group: catalog }
  says_stably: any
  raises: any
  asked: any
  asked_stably: any
  asked_of: { by: movie, group: catalog }
  good: all
  any_good: any
  a_color: any
  colors: any
  add_them: any
  add_all: any
  plus_one: any
  sizes: any
  lines: any
  nothing: any
  null_of: any
  a_spot: any
  out_spot: any
  span: any
  squares: any
  loose: any
  genre_list: any
  restless_genres: any
  echo: any
  shout: any
  weigh: any
  chosen: any
  unsure: any
  note_down: any
  note_much: any
  note_json: any
  sly: any
  sly_now: any
  fails: any
  lost_table: any
  films_above: all
  the_film: { by: movie, group: catalog }
  ratings_of: { by: movie, group: catalog }
  how_many: { by: movie, group: catalog }
  rename_film: { by: movie, group: catalog }
  lone_all: all
  restless: all
  made_up: all
  any_films: any
  by_text: { by: movie, group: catalog }
  plain: any
  plain_twice: any
  page: any
  tree: any
  own_json: any
  image: any
  escaped_image: any
  whatever: any
  noted: any
  note_of: { by: movie, group: catalog }
  all_plain: all
  differs: any
  is_nowhere: any
)";

constexpr int films = 300;

/// Three shards, and one plain PostgreSQL with all of their rows, which nobody routes to.
struct Site {
  Site() : cluster({.shards = 3, .replicas = 1}), plain({.shards = 1, .replicas = 0}) {
    std::ofstream(cluster.map_file(), std::ios::app) << '\n' << functions;
    for (const auto* each : {&cluster, &plain}) {
      each->initialise();
      each->load("movies", make_movies({"--count", std::to_string(films)}));
      each->load("genres", make_movies({"--genres"}));
      each->load("ratings", make_movies({"--count", std::to_string(films), "--ratings", "2000"}));
      each->run_everywhere(create_functions);
    }
    Database(cluster.conninfo("beta")).run("DROP FUNCTION differs(integer)");
    // Ratings have the time of their loading.
    for (const auto* each : {&cluster, &plain})
      each->run_everywhere("UPDATE ratings SET rated_at = '2024-05-01 10:00+00'");
    cluster.wait_for_replicas();
    router.emplace(cluster.map_file());
  }

  HttpResponse get(const std::string& target, const Headers& headers = {}) const {
    return HttpClient(router->port()).get(target, headers);
  }
  HttpResponse post(const std::string& target, const std::string& body, Headers headers = {}) const {
    headers.insert(headers.end(), as_json.begin(), as_json.end());
    return HttpClient(router->port()).request("POST", target, headers, body);
  }
  /// One text of the plain PostgreSQL.
  std::string one(const std::string& sql) const {
    return Database(plain.conninfo("alpha")).value(sql).value_or("null");
  }
  /// What one PostgreSQL gives as the array of a SELECT's rows.
  std::string rows(const std::string& sql) const {
    return one("SELECT coalesce(json_agg(r), '[]')::text FROM (" + sql + ") r");
  }
  std::int64_t notes() const {
    std::int64_t all = 0;
    for (const auto& shard : cluster.shards())
      all += Database(cluster.conninfo(shard)).number("SELECT count(*) FROM notes");
    return all;
  }

  Cluster cluster, plain;
  std::optional<Router> router;
};

const Site& site() {
  static const Site site;
  return site;
}

void check_answer(const HttpResponse& answer, unsigned status, const std::string& body) {
  INFO(answer.body);
  CHECK(answer.status == status);
  CHECK(answer.body == body);
}

void check_refused(const HttpResponse& answer, unsigned status, const std::string& code,
                   const std::string& says = "") {
  INFO(answer.body);
  CHECK(answer.status == status);
  CHECK(answer.error_code() == code);
  CHECK(answer.body.find(says) != std::string::npos);
}

/// The columns of films that have one form in JSON, however they are made.
const std::string film_columns = "id,name,imdb_score,genre,release_date";

}  // namespace

TEST_CASE("a function that any shard can answer gives what it gives in one PostgreSQL") {
  const auto& s = site();
  check_answer(s.get("/rpc/add_them?a=1&b=5"), 200, "6");
  check_answer(s.get("/rpc/add_them?a=1"), 200, "3");
  check_answer(s.post("/rpc/add_them", R"({"a":1,"b":"7"})"), 200, "8");
  check_answer(s.post("/rpc/add_them", R"({"a":null})"), 200, "null");
  check_answer(s.post("/rpc/add_them", R"([{"a":40}])"), 200, "42");
  check_answer(s.post("/rpc/add_them?columns=a", R"({"a":40,"c":1})"), 200, "42");
  check_answer(s.post("/rpc/add_them", R"([{"a":40},{"a":7}])"), 200, "42");
  check_answer(s.post("/rpc/add_them?columns=a", "[]"), 200, "null");
  check_answer(s.get("/rpc/add_all?v=1&v=2&v=39"), 200, "42");
  check_answer(s.post("/rpc/add_all", R"({"v":[1,2,3]})"), 200, "6");
  check_answer(s.get("/rpc/plus_one?arr=%7B1,2%7D"), 200, "[2,3]");
  check_answer(s.post("/rpc/plus_one", R"({"arr":[1,2]})"), 200, "[2,3]");
  check_answer(s.get("/rpc/sizes"), 200, "[3, 1, null]");
  check_answer(s.get("/rpc/lines"), 200, s.one("SELECT json_agg(lines)::text FROM lines()"));
  check_answer(s.get("/rpc/null_of?a=1"), 200, "null");
  check_answer(s.get("/rpc/a_spot?x=5"), 200, R"({"x":5,"y":"here"})");
  check_answer(s.get("/rpc/out_spot?x=5"), 200, R"({"x":5,"y":"out"})");
  check_answer(s.get("/rpc/span?low=5"), 200, R"({"low":6,"high":"h5"})");
  check_answer(s.get("/rpc/squares?n=3"), 200, s.rows("SELECT * FROM squares(3)"));
  check_answer(s.get("/rpc/loose"), 200, s.one("SELECT json_agg(l)::text FROM (SELECT loose() AS l) x"));
  check_answer(s.get("/rpc/genre_list"), 200, s.rows("SELECT * FROM genre_list()"));
  const auto form = HttpClient(s.router->port())
                        .request("POST", "/rpc/add_all",
                                 {{"Content-Type", "application/x-www-form-urlencoded"}}, "v=1&v=2");
  check_answer(form, 200, "3");
  const auto nothing = s.post("/rpc/nothing", "");
  check_answer(nothing, 204, "");
  CHECK_FALSE(nothing.header("Content-Type").has_value());
  CHECK(HttpClient(s.router->port()).request("HEAD", "/rpc/sizes").status == 200);
}

TEST_CASE("a body is the only argument of a function whose argument has no name") {
  const auto& s = site();
  check_answer(s.post("/rpc/echo", R"({"a": [1, 2]})"), 200, R"({"a": [1, 2]})");
  const Headers lines{{"Accept", "application/x-ndjson"}};
  check_answer(s.post("/rpc/echo", "{\"a\":\r\n[1,\n2]}", lines), 200, "{\"a\":  [1, 2]}\n");
  const auto raw = [&](const std::string& function, const std::string& type, const std::string& body) {
    return HttpClient(s.router->port()).request("POST", "/rpc/" + function, {{"Content-Type", type}}, body);
  };
  check_answer(raw("shout", "text/plain", "loud"), 200, R"("LOUD")");
  check_answer(raw("weigh", "application/octet-stream", std::string("a\0\xff", 3)), 200, "3");
  check_refused(raw("shout", "text/plain", std::string("a\0b", 3)), 400, "22021");
  check_refused(raw("shout", "application/octet-stream", "x"), 404, "PGRST202", "single unnamed bytea");
  check_refused(raw("shout", "image/png", "x"), 400, "PGRST102", "Content-Type not acceptable: image/png");
  check_refused(s.post("/rpc/echo", "{"), 400, "PGRST102");
}

TEST_CASE("a value of a media type is answered as it is, to who asks for that type") {
  const auto& s = site();
  const auto get = [&](const std::string& target, const std::string& accept) {
    return s.get(target, {{"Accept", accept}});
  };
  const auto check_raw = [](const HttpResponse& answer, const std::string& type, const std::string& body) {
    check_answer(answer, 200, body);
    CHECK(answer.header("Content-Type") == type);
  };
  const std::string png("\x89PNG\r\n\x1a\n\0\\", 10), png_hex = "89504e470d0a1a0a005c";
  check_raw(get("/rpc/plain?said=say%20%22x%22,%20%5C%0Ay", "text/plain"), "text/plain; charset=utf-8",
            "say \"x\", \\\ny");
  check_raw(get("/rpc/plain?said=", "text/plain"), "text/plain; charset=utf-8", "");
  check_raw(s.post("/rpc/plain", R"({"said":null})", {{"Accept", "text/plain"}}), "text/plain; charset=utf-8",
            "");
  check_raw(get("/rpc/plain?said=x&pgrst_scalar=eq.y", "text/plain"), "text/plain; charset=utf-8", "");
  check_raw(get("/rpc/tree", "text/xml"), "text/xml; charset=utf-8", "<a b=\"c\"/>");
  check_raw(get("/rpc/image?hex=" + png_hex, "image/png, */*"), "image/png", png);
  check_raw(get("/rpc/image?hex=", "image/png"), "image/png", "");
  check_raw(s.post("/rpc/escaped_image", "{}", {{"Accept", "image/png"}}), "image/png", png);
  for (const auto* accept : {"*/*", "app/bingo", "application/json"})
    check_raw(get("/rpc/whatever", accept), "application/octet-stream", "any");
  check_raw(s.get("/rpc/whatever"), "application/octet-stream", "any");
  check_raw(s.post("/rpc/own_json", R"({"j":{"a" : null}})", {{"Accept", "application/json"}}),
            "application/json; charset=utf-8", R"({"a" : null})");
  check_raw(s.post("/rpc/own_json", R"({"j":null})", {{"Accept", "application/json"}}),
            "application/json; charset=utf-8", "");
  check_raw(
      HttpClient(s.router->port())
          .request("POST", "/rpc/page", {{"Content-Type", "text/plain"}, {"Accept", "text/html"}}, "hi"),
      "text/html", "<p>hi</p>");
  check_raw(get("/rpc/note_of?movie=8", "text/plain"), "text/plain; charset=utf-8",
            s.one("SELECT name FROM movies WHERE id = 8"));
  const auto before = s.notes();
  check_raw(s.post("/rpc/noted", R"({"note":"kept"})", {{"Accept", "text/plain"}}),
            "text/plain; charset=utf-8", "kept");
  CHECK(s.notes() == before + 1);
  const auto head =
      HttpClient(s.router->port()).request("HEAD", "/rpc/plain?said=four", {{"Accept", "text/plain"}});
  CHECK(head.status == 200);
  CHECK(head.header("Content-Type") == "text/plain; charset=utf-8");
  CHECK(head.header("Content-Length") == "4");
}

TEST_CASE("a value is JSON to who asks for no type of its own, and 406 where nothing is acceptable") {
  const auto& s = site();
  const auto get = [&](const std::string& target, const std::string& accept) {
    return s.get(target, {{"Accept", accept}});
  };
  check_answer(s.get("/rpc/plain?said=x"), 200, R"("x")");
  check_answer(get("/rpc/plain?said=x", "*/*"), 200, R"("x")");
  check_answer(get("/rpc/image?hex=00ff", "application/json, image/png;q=0.5"), 200, R"("\\x00ff")");
  check_answer(get("/rpc/plain?said=x", "text/csv"), 200, "pgrst_scalar\nx");
  check_answer(get("/rpc/plain_twice", "application/json"), 200, R"(["a", "b"])");
  check_refused(get("/rpc/plain?said=x", "text/xml"), 406, "PGRST107", "text/plain, application/json");
  check_refused(get("/rpc/plain?said=x&select=pgrst_scalar", "text/plain"), 406, "PGRST107");
  check_refused(get("/rpc/plain_twice", "text/plain"), 406, "PGRST107");
  check_refused(get("/rpc/all_plain", "text/plain"), 400, "SHARD400", "all_plain");
  // Types that are no domains are of no media type, as by PostgREST.
  check_refused(get("/rpc/null_of?a=1", "text/plain"), 406, "PGRST107");
  check_refused(get("/rpc/null_of?a=1", "application/octet-stream"), 406, "PGRST107");
  check_refused(get("/rpc/null_of?a=1", "text/xml"), 406, "PGRST107");
  const auto before = s.notes();
  check_refused(s.post("/rpc/noted", R"({"note":"lost"})", {{"Accept", "image/png"}}), 406, "PGRST107");
  CHECK(s.notes() == before);
}

TEST_CASE("what is asked of a result is done to it") {
  const auto& s = site();
  check_answer(s.get("/rpc/squares?n=9&square=gt.10&order=i&limit=2&offset=1&select=square,n:i"), 200,
               s.rows("SELECT square, i AS n FROM squares(9) WHERE square > 10 ORDER BY i LIMIT 2 OFFSET 1"));
  const auto counted = s.get("/rpc/squares?n=9&limit=2", {{"Prefer", "count=exact"}});
  check_answer(counted, 206, s.rows("SELECT * FROM squares(9) LIMIT 2"));
  CHECK(counted.header("Content-Range") == "0-1/9");
  CHECK(s.get("/rpc/squares?n=9&limit=2", {{"Prefer", "count=estimated"}}).header("Content-Range") ==
        "0-1/9");
  CHECK(s.get("/rpc/squares?n=9&limit=2", {{"Prefer", "count=planned"}}).header("Content-Range") == "0-1/*");
  CHECK(s.get("/rpc/squares?n=9&offset=99", {{"Prefer", "count=exact"}}).status == 416);
  CHECK(s.get("/rpc/squares?n=9", {{"Range", "2-3"}}).header("Content-Range") == "2-3/*");
  check_answer(s.get("/rpc/squares?n=3&select=square.sum(),count()"), 200, R"([{"sum":14,"count":3}])");
  check_answer(s.get("/rpc/squares?n=2", as_csv), 200, "i,square\n2,4\n1,1");
  check_answer(s.get("/rpc/sizes", as_csv), 200, "pgrst_scalar\n3\n1\n");
  check_answer(s.get("/rpc/squares?n=1", one_object), 200, R"({"i":1,"square":1})");
  check_refused(s.get("/rpc/squares?n=2", one_object), 406, "PGRST116");
  check_answer(s.get("/rpc/add_them?a=1", one_object), 200, "3");
  check_answer(s.get("/rpc/a_spot?x=5", as_csv), 200, "x,y\n5,here");
  check_answer(s.get("/rpc/a_spot?x=5&select=y"), 200, R"({"y":"here"})");
  check_refused(s.get("/rpc/squares?n=9&nosuch=eq.1"), 400, "42703", "squares.nosuch");
  check_refused(s.get("/rpc/add_them?a=1&select=x"), 400, "42703");
  check_refused(s.get("/rpc/squares?n=9&select=i,genres(name)"), 400, "PGRST200");
  check_answer(s.get("/rpc/genre_list?select=name&number=lt.2"), 200,
               s.rows("SELECT name FROM genre_list() WHERE number < 2"));
}

TEST_CASE("every shard answers for the rows that it owns") {
  const auto& s = site();
  const auto expected = [&](const std::string& rest) {
    return s.rows("SELECT " + film_columns + " FROM films_above(7) " + rest);
  };
  const std::string select = "&select=" + film_columns;
  check_answer(s.get("/rpc/films_above?lowest=7" + select), 200, expected("ORDER BY id"));
  check_answer(s.post("/rpc/films_above?" + select.substr(1), R"({"lowest":7})"), 200,
               expected("ORDER BY id"));
  check_answer(s.get("/rpc/films_above?lowest=7&order=imdb_score.desc,name&limit=7&offset=2" + select), 200,
               expected("ORDER BY imdb_score DESC, name, id LIMIT 7 OFFSET 2"));
  check_answer(s.get("/rpc/films_above?lowest=7&id=eq.5" + select), 200, expected("WHERE id = 5"));
  const auto counted = s.get("/rpc/films_above?lowest=7&limit=1" + select, {{"Prefer", "count=exact"}});
  check_answer(counted, 206, expected("ORDER BY id LIMIT 1"));
  CHECK(counted.header("Content-Range") == "0-0/" + s.one("SELECT count(*) FROM films_above(7)"));
  CHECK(counted.header("Shardplex-Shards")->find(',') != std::string::npos);
  check_answer(
      s.get("/rpc/films_above?lowest=8&select=id,ratings(user_id)&ratings.order=user_id"), 200,
      s.rows(
          "SELECT id, (SELECT coalesce(json_agg(e), '[]') FROM (SELECT user_id FROM ratings WHERE movie_id "
          "= f.id ORDER BY user_id) e) AS ratings FROM films_above(8) f ORDER BY id"));
  // All columns, none of them the slot.
  const auto all = json::parse(s.get("/rpc/films_above?lowest=7&limit=1").body).as_array();
  REQUIRE(all.size() == 1);
  CHECK(all[0].as_object().if_contains("imdb_votes") != nullptr);
  CHECK(all[0].as_object().if_contains("shardplex_slot") == nullptr);
  check_refused(s.get("/rpc/films_above?lowest=7&select=imdb_score,count()"), 400, "SHARD400", "aggregates");
  check_refused(s.get("/rpc/films_above?lowest=x"), 400, "22P02");
  check_refused(s.get("/rpc/lone_all"), 400, "SHARD400", "declared all");
  check_refused(s.get("/rpc/restless"), 400, "SHARD400", "volatile");
  check_refused(s.get("/rpc/made_up"), 400, "SHARD400", "the function made_up has a row without a slot");
  check_refused(s.get("/rpc/any_films"), 400, "SHARD400", "declared any");
}

TEST_CASE("rows of other shards are looked up in those of a volatile function that is called by GET") {
  const auto& s = site();
  const std::string films =
      "(SELECT coalesce(json_agg(e), '[]') FROM (SELECT id FROM movies WHERE primary_genre = f.name ORDER BY "
      "id "
      "LIMIT 3) e) AS movies";
  const std::string some = "/rpc/restless_genres?select=name,movies(id)&movies.order=id&movies.limit=3";
  check_answer(s.get(some + "&order=number.desc"), 200,
               s.rows("SELECT name, " + films + " FROM restless_genres() f ORDER BY number DESC"));
  const std::string having =
      "SELECT name FROM restless_genres() f WHERE EXISTS (SELECT FROM movies WHERE primary_genre = f.name "
      "AND "
      "imdb_score > 8)";
  const auto counted =
      s.get("/rpc/restless_genres?select=name,movies!inner()&movies.imdb_score=gt.8&order=name&limit=1",
            {{"Prefer", "count=exact"}});
  CHECK(counted.body == s.rows(having + " ORDER BY name LIMIT 1"));
  CHECK(counted.header("Content-Range")->ends_with('/' + s.one("SELECT count(*) FROM (" + having + ") h")));
  check_refused(s.post("/rpc/restless_genres?select=name,movies(id)", ""), 400, "SHARD400", "may write");
}

TEST_CASE("whatever is asked of the rows of all shards is done to them") {
  const auto& s = site();
  std::mt19937 random(20261127);
  const auto below = [&](unsigned end) { return static_cast<unsigned>(random() % end); };
  const std::vector<std::string> columns{"id", "name", "imdb_score", "release_date", "imdb_votes"};
  for (int i = 0; i < 150; ++i) {
    const std::string lowest = std::to_string(below(10)), column = columns[below(5)];
    const bool descends = below(2) == 0, nulls_last = below(2) == 0;
    std::string target = "/rpc/films_above?lowest=" + lowest + "&select=" + film_columns;
    std::string where, order, page;
    if (below(2) == 0) {
      const auto id = std::to_string(below(films));
      target += "&id=gt." + id;
      where = " WHERE id > " + id;
    }
    if (below(4) > 0) {
      target +=
          "&order=" + column + (descends ? ".desc" : ".asc") + (nulls_last ? ".nullslast" : ".nullsfirst");
      order = column + (descends ? " DESC" : " ASC") + (nulls_last ? " NULLS LAST, " : " NULLS FIRST, ");
    }
    if (below(3) > 0) {
      const auto limit = std::to_string(below(20)), offset = std::to_string(below(10));
      target += "&limit=" + limit + "&offset=" + offset;
      page = " LIMIT " + limit + " OFFSET " + offset;
    }
    INFO(target);
    check_answer(s.get(target), 200,
                 s.rows("SELECT " + film_columns + " FROM films_above(" + lowest + ")" + where +
                        " ORDER BY " + order + "id" + page));
  }
}

TEST_CASE("the shard of an argument answers") {
  const auto& s = site();
  for (const std::string movie : {"1", "2", "3", "17", "299"}) {
    CAPTURE(movie);
    check_answer(s.get("/rpc/how_many?movie=" + movie), 200, s.one("SELECT how_many(" + movie + ")"));
    check_answer(s.get("/rpc/ratings_of?movie=" + movie + "&select=user_id,score"), 200,
                 s.rows("SELECT user_id, score FROM ratings_of(" + movie + ")"));
    check_answer(s.post("/rpc/ratings_of?select=user_id&limit=2", "{\"movie\":" + movie + ",\"lowest\":5}"),
                 200, s.rows("SELECT user_id FROM ratings_of(" + movie + ", 5) LIMIT 2"));
    const auto film = s.get("/rpc/the_film?movie=" + movie + "&select=" + film_columns);
    check_answer(film, 200,
                 s.one("SELECT row_to_json(r)::text FROM (SELECT " + film_columns + " FROM the_film(" +
                       movie + ")) r"));
    CHECK(film.header("Shardplex-Shards")->starts_with(s.cluster.shard_of("movies", std::stoll(movie))));
    const auto ratings =
        "(SELECT coalesce(json_agg(e), '[]') FROM (SELECT user_id FROM ratings WHERE movie_id = f.id"
        " ORDER BY user_id) e) AS ratings";
    check_answer(s.get("/rpc/the_film?movie=" + movie + "&select=id,ratings(user_id)&ratings.order=user_id"),
                 200,
                 s.one(std::string("SELECT row_to_json(r)::text FROM (SELECT id, ") + ratings +
                       " FROM the_film(" + movie + ") f) r"));
  }
  check_refused(s.get("/rpc/how_many?movie=x"), 400, "22P02");
  check_refused(s.post("/rpc/how_many", R"({"movie":null})"), 400, "SHARD400", "no value");
  check_refused(s.post("/rpc/how_many", R"({"movie":[1]})"), 400, "SHARD400", "no value");
  check_refused(s.get("/rpc/how_many"), 404, "PGRST202");
  check_refused(s.get("/rpc/by_text?movie=1"), 400, "SHARD400", "keys of group catalog are integer");
}

TEST_CASE("rows of a view are those of the shards that own them") {
  const auto& s = site();
  const auto expected = [&](const std::string& rest) {
    return s.rows("SELECT " + film_columns + " FROM good_films " + rest);
  };
  const std::string select = "select=" + film_columns;
  check_answer(s.get("/rpc/good?order=id&" + select), 200, expected("ORDER BY id"));
  check_answer(s.get("/rpc/good?order=name.desc,id&limit=3&offset=1&" + select), 200,
               expected("ORDER BY name DESC, id LIMIT 3 OFFSET 1"));
  const auto id = s.one("SELECT min(id)::text FROM good_films");
  check_answer(s.get("/rpc/good?id=eq." + id + "&" + select), 200, expected("WHERE id = " + id));
  const auto all = json::parse(s.get("/rpc/good?limit=1").body).as_array();
  REQUIRE(all.size() == 1);
  CHECK(all[0].as_object().if_contains("shardplex_slot") == nullptr);
  check_refused(s.get("/rpc/any_good"), 400, "SHARD400", "declared any");
  check_answer(
      s.get("/rpc/good?select=id,ratings(user_id)&ratings.order=user_id&order=id"), 200,
      s.rows(
          "SELECT id, (SELECT coalesce(json_agg(e), '[]') FROM (SELECT user_id FROM ratings WHERE movie_id "
          "= f.id ORDER BY user_id) e) AS ratings FROM good_films f ORDER BY id"));
}

TEST_CASE("a call is made in the time zone that is asked for") {
  const auto& s = site();
  const Headers in_kathmandu{{"Prefer", "timezone=Asia/Kathmandu"}};
  check_answer(s.get("/rpc/an_instant?t=2024-05-01T10:00Z", in_kathmandu), 200,
               R"("2024-05-01T15:45:00+05:45")");
  check_answer(s.get("/rpc/an_instant?t=2024-05-01T10:00", in_kathmandu), 200,
               R"("2024-05-01T10:00:00+05:45")");
  const std::string asked = R"("Asia/Kathmandu")", own = s.get("/rpc/zone_now").body;
  CHECK(own != asked);
  for (const std::string target : {"/rpc/zone_now", "/rpc/zone_of?movie=5"}) {
    CAPTURE(target);
    check_answer(s.get(target, in_kathmandu), 200, asked);
    check_answer(s.get(target), 200, own);
  }
  check_answer(s.post("/rpc/zone_now", "", in_kathmandu), 200, asked);
  check_answer(s.post("/rpc/zone_of", R"({"movie":5})", in_kathmandu), 200, asked);
  check_answer(s.post("/rpc/zone_of", R"({"movie":5})"), 200, own);
}

TEST_CASE("a function can ask for its request") {
  const auto& s = site();
  check_answer(s.get("/rpc/asked?setting=request.method"), 200, R"("GET")");
  check_answer(s.post("/rpc/asked?columns=setting", R"({"setting":"request.method"})"), 200, R"("POST")");
  check_answer(s.get("/rpc/asked?setting=request.path"), 200, R"("/rpc/asked")");
  check_answer(s.get("/rpc/asked_of?movie=5&setting=request.path"), 200, R"("/rpc/asked_of")");
  check_answer(s.post("/rpc/asked_of", R"({"movie":5,"setting":"request.method"})"), 200, R"("POST")");
  // Calls that would be one are not, where they are told something else.
  for (const std::string value : {"one", "it's", "two"}) {
    check_answer(s.get("/rpc/asked_stably?setting=request.headers&part=x-note", {{"X-Note", value}}), 200,
                 '"' + value + '"');
    check_answer(s.get("/rpc/asked_stably?setting=request.cookies&part=b", {{"Cookie", "a=1; b=" + value}}),
                 200, '"' + value + '"');
  }
  check_answer(s.get("/rpc/asked_stably?setting=request.headers&part=x-note"), 200, "null");
  // Headers are text to the function, whatever their bytes are.
  check_answer(s.get("/rpc/asked_stably?setting=request.headers&part=x-note", {{"X-Note", "a\xFF"}}), 200,
               "\"a\xEF\xBF\xBD\"");
}

TEST_CASE("a volatile function sets headers and the status of the answer") {
  const auto& s = site();
  const auto say = [&](const std::string& headers, const std::string& status) {
    return s.post("/rpc/says", json::serialize(json::object{{"headers", headers}, {"status", status}}));
  };
  const auto said = say(R"([{"X-Test":"a; b"},{"Content-Type":"text/plain"},{"Set-Cookie":"c=1"}])", "418");
  check_answer(said, 418, R"("said")");
  CHECK(said.header("X-Test") == "a; b");
  CHECK(said.header("Content-Type") == "text/plain");
  CHECK(said.header("Set-Cookie") == "c=1");
  // What has been set is of that call alone, though the function sets it for its session.
  for (int i = 0; i < 20; ++i) {
    const auto next = say("", "");
    check_answer(next, 200, R"("said")");
    CHECK_FALSE(next.header("X-Test").has_value());
    CHECK_FALSE(s.get("/rpc/zone_now").header("X-Test").has_value());
  }
  // Of any server, and of an argument's.
  const auto read = s.get("/rpc/says?headers=%5B%7B%22X-Test%22%3A%22r%22%7D%5D&status=202");
  check_answer(read, 202, R"("said")");
  CHECK(read.header("X-Test") == "r");
  for (const std::string method : {"GET", "POST"}) {
    const auto answer = method == "GET" ? s.get("/rpc/says_of?movie=5&status=403")
                                        : s.post("/rpc/says_of", R"({"movie":5,"status":"403"})");
    check_answer(answer, 403, "");
  }
  check_answer(s.get("/rpc/says_of?movie=5&status="), 204, "");
  for (const std::string bad : {"{}", "bad", R"([{"Content-Length":"1"}])", R"([{"X":"a\r\nY: b"}])"})
    check_refused(say(bad, ""), 500, "PGRST111", "response.headers guc must be a JSON array");
  for (const std::string bad : {"bad", "100", "600"})
    check_refused(say("", bad), 500, "PGRST112", "response.status guc must be a valid status code");
  // A stable one is not asked what it has set.
  check_answer(s.get("/rpc/says_stably?status=418"), 200, R"("418")");
}

TEST_CASE("an error raised as PGRST is the whole answer") {
  const auto& s = site();
  const auto raise = [&](const std::string& message, const std::string& detail) {
    return s.post("/rpc/raises", json::serialize(json::object{{"message", message}, {"detail", detail}}));
  };
  const std::string message = R"({"code":"123","message":"ABC","hint":"XYZ"})";
  const auto answer =
      raise(message, R"({"status":419,"status_text":"Page Expired","headers":{"X-Test":"a"}})");
  check_answer(answer, 419, R"({"code":"123","details":null,"hint":"XYZ","message":"ABC"})");
  CHECK(answer.header("X-Test") == "a");
  check_refused(raise("bad", "{}"), 500, "PGRST121", "Invalid JSON value for MESSAGE: 'bad'");
  check_refused(raise(message, "{}"), 500, "PGRST121", "Invalid JSON value for DETAIL: '{}'");
  check_refused(raise(message, R"({"status":400,"headers":{"Connection":"close"}})"), 500, "PGRST121",
                "the router's own");
}

TEST_CASE("what has domain representations is not shown in another form") {
  const auto& s = site();
  check_refused(s.get("/rpc/a_color"), 400, "SHARD400", "domain representations");
  check_refused(s.get("/rpc/colors"), 400, "SHARD400", "domain representations");
  check_refused(s.get("/rpc/colors?c=eq.7&select=n"), 400, "SHARD400", "domain representations");
  check_answer(s.get("/rpc/colors?select=n"), 200, R"([{"n":1}])");
}

TEST_CASE("a function may write where it is volatile and called by POST, and nowhere else") {
  const auto& s = site();
  const auto before = s.notes();
  check_answer(s.post("/rpc/note_down?select=note", R"({"note":"a,b"})"), 200,
               R"([{"note":"a"}, )"
               "\n"
               R"( {"note":"b"}])");
  CHECK(s.notes() == before + 2);
  check_refused(s.get("/rpc/note_down?note=a"), 405, "25006");
  check_refused(s.get("/rpc/sly?note=a"), 405, "25006");
  check_refused(s.post("/rpc/sly", R"({"note":"a"})"), 405, "25006");
  for (int i = 0; i < 8;
       ++i) {  // on primaries and on replicas; by a plan that is made anew and by one that is kept
    check_refused(s.get("/rpc/sly_now"), 405, "25006");
    check_refused(s.get("/rpc/sly_now", {{"Shardplex-Consistency", "strong"}}), 405, "25006");
  }
  // Nothing is kept of a call that gives other rows than there may be.
  check_refused(s.post("/rpc/note_down", R"({"note":"a,b"})", one_object), 406, "PGRST116");
  check_refused(
      s.post("/rpc/note_down", R"({"note":"a,b"})", {{"Prefer", "handling=strict, max-affected=1"}}), 400,
      "PGRST124");
  check_refused(s.post("/rpc/add_them", R"({"a":1})", {{"Prefer", "handling=strict, max-affected=1"}}), 400,
                "PGRST128");
  check_refused(s.post("/rpc/fails", ""), 402, "PT402");
  // It is not called again, as a statement would be whose own table may have been changed.
  check_refused(s.post("/rpc/lost_table", ""), 404, "42P01", "nowhere");
  CHECK(Database(s.cluster.conninfo("alpha")).number("SELECT last_value FROM public.tries") == 1);
  CHECK(s.notes() == before + 2);
  const Headers stripped{{"Accept", "application/vnd.pgrst.array+json;nulls=stripped"}};
  check_refused(s.post("/rpc/note_json", R"({"note":"a"})", stripped), 400, "SHARD400", "stripped");
  CHECK(s.notes() == before + 2);
  check_answer(s.post("/rpc/note_down?select=note", R"({"note":"c"})", one_object), 200, R"({"note":"c"})");
  CHECK(s.notes() == before + 3);
  const auto counted =
      s.post("/rpc/note_down?select=note&limit=1", R"({"note":"d,e"})", {{"Prefer", "count=exact"}});
  CHECK(counted.header("Content-Range") == "0-0/2");
  CHECK(s.notes() == before + 5);  // it was called once
  // Any page could have sent it.
  const Headers of_page{{"Origin", "http://example.com"},
                        {"Content-Type", "application/x-www-form-urlencoded"}};
  check_refused(HttpClient(s.router->port()).request("POST", "/rpc/note_down", of_page, "note=f"), 415,
                "PGRST102");
  CHECK(HttpClient(s.router->port()).request("POST", "/rpc/add_them", of_page, "a=1").body == "3");
  CHECK(s.notes() == before + 5);
  // Where its rows are.
  const auto old = s.one("SELECT name FROM movies WHERE id = 8");
  check_answer(s.post("/rpc/rename_film", R"({"movie":8,"called":"Renamed"})"), 200, R"("Renamed")");
  CHECK(s.get("/movies/8?select=name", {{"Shardplex-Consistency", "strong"}}).body ==
        R"({"name":"Renamed"})");
  check_refused(s.get("/rpc/rename_film?movie=8&called=x"), 405, "25006");
  CHECK(s.post("/rpc/rename_film", "{\"movie\":8,\"called\":" + json::serialize(json::value(old)) + "}")
            .status == 200);
}

TEST_CASE("a function that cannot be called is named, with what would help") {
  const auto& s = site();
  check_refused(s.get("/rpc/undeclared"), 400, "SHARD400", "functions: { undeclared: any }");
  check_refused(s.get("/rpc/is_nowhere"), 404, "PGRST202",
                "Could not find the function public.is_nowhere without parameters in the schema cache");
  check_refused(s.get("/rpc/add_thm?a=1"), 404, "PGRST202",
                "Perhaps you meant to call the function public.add_them");
  check_refused(s.get("/rpc/add_them?a=1&c=2"), 404, "PGRST202", "public.add_them(a, c)");
  check_refused(s.post("/rpc/add_them", R"({"b":1})"), 404, "PGRST202",
                "or with a single unnamed json/jsonb parameter");
  check_refused(s.get("/rpc/differs?a=1"), 503, "SHARD503", "on alpha and not on beta");
  check_answer(s.get("/rpc/chosen?a=1"), 200, R"("one")");
  check_answer(s.get("/rpc/chosen?a=1&b=2"), 200, R"("two")");
  check_refused(s.get("/rpc/unsure?a=1"), 300, "PGRST203",
                "between: public.unsure(a => integer), public.unsure(a => text)");
  for (const std::string method : {"PUT", "PATCH", "DELETE"})
    check_refused(HttpClient(s.router->port()).request(method, "/rpc/add_them", as_json, "{}"), 405,
                  "PGRST101", "Cannot use the " + method + " method on RPC");
  CHECK(HttpClient(s.router->port()).request("OPTIONS", "/rpc/add_them").header("Allow") ==
        "OPTIONS,GET,HEAD,POST");
  check_refused(s.get("/rpc/add_them?a=1", {{"Accept-Profile", "other"}}), 406, "PGRST106");
}

TEST_CASE("a router bounds the rows of a call as those of a table") {
  const auto& s = site();
  const Router strict(s.cluster.map_file(), {.arguments = {"--max-rows", "5"}, .environment = {}});
  HttpClient client(strict.port());
  CHECK(client.get("/rpc/squares?n=5").status == 200);
  check_refused(client.get("/rpc/squares?n=6"), 400, "SHARD400", "too many rows");
  CHECK(client.get("/rpc/squares?n=6&limit=5").status == 200);
  const auto before = s.notes();
  check_refused(client.request("POST", "/rpc/note_down", as_json, R"({"note":"1,2,3,4,5,6"})"), 400,
                "SHARD400", "too many rows");
  CHECK(s.notes() == before);
}

TEST_CASE("a call that has written is told so, however short memory is") {
  const auto& s = site();
  const Router small(s.cluster.map_file(),
                     {.arguments = {"--memory-budget-bytes", "8388608"}, .environment = {}});
  HttpClient client(small.port());
  int written = 0;
  for (int size = 500'000; size <= 6'000'000; size += 500'000) {
    CAPTURE(size);
    const auto before = s.notes();
    const auto answer = client.request("POST", "/rpc/note_much?select=note", as_json,
                                       "{\"size\":" + std::to_string(size) + '}');
    const int kept = answer.status == 200 ? 1 : 0;
    if (kept == 0) check_refused(answer, 503, "SHARD503");
    CHECK(s.notes() == before + kept);
    written += kept;
  }
  CHECK(written > 0);
}

TEST_CASE("functions that are made, dropped and changed under a running router are served as they are") {
  const auto& s = site();
  s.cluster.run_everywhere(
      "CREATE FUNCTION public.is_nowhere() RETURNS integer LANGUAGE sql STABLE AS 'SELECT 1'");
  wait_until("the function is served", [&] { return s.get("/rpc/is_nowhere").body == "1"; });
  s.cluster.run_everywhere("DROP FUNCTION public.is_nowhere()");
  wait_until("the function is gone", [&] { return s.get("/rpc/is_nowhere").error_code() == "PGRST202"; });
}

// The last one: rows move.
TEST_CASE("rows that a move has left behind are nobody's, whatever functions read") {
  const auto& s = site();
  const auto ask = [&](const std::string& target) {
    return s.get(target, {{"Shardplex-Consistency", "strong"}});
  };
  Database alpha(s.cluster.conninfo("alpha")), beta(s.cluster.conninfo("beta"));
  const std::string mine =
      "(SELECT array_agg(slot) FROM shardplex.slots WHERE grp = 'catalog' AND state = 'owned')";
  const auto slots = "'" + alpha.value("SELECT " + mine + "::text").value() + "'::integer[]";
  const auto change = [&](Database& shard, const std::string& step) {
    shard.run("SELECT shardplex." + step + "('catalog', " + slots + ")");
  };
  const std::string select = "&select=" + film_columns;
  const auto expected = s.rows("SELECT " + film_columns + " FROM films_above(0) ORDER BY id");
  check_answer(ask("/rpc/films_above?lowest=0" + select), 200, expected);
  change(beta, "receive_slots");
  for (const std::string table : {"movies", "ratings"}) {
    const auto rows = alpha.value("SELECT json_agg(t)::text FROM " + table +
                                  " t WHERE shardplex_slot = ANY (" + slots + ")");
    beta.run("INSERT INTO " + table + " SELECT * FROM json_populate_recordset(NULL::" + table + ", " +
             beta.quote(rows.value()) + "::json)");
  }
  // Copies that are not beta's yet.
  check_answer(ask("/rpc/films_above?lowest=0" + select), 200, expected);
  for (int nobody = 900'001; nobody <= 900'012; ++nobody)
    check_answer(ask("/rpc/the_film?movie=" + std::to_string(nobody) + "&select=id,name"), 200,
                 R"({"id":null,"name":null})");
  change(alpha, "fence_slots");
  change(alpha, "hand_over_slots");
  change(beta, "own_slots");
  // What alpha has left is old from now on.
  const auto moved = alpha.number("SELECT min(id) FROM movies");
  const auto movie = std::to_string(moved);
  check_answer(ask("/rpc/films_above?lowest=0" + select), 200, expected);
  check_answer(s.post("/rpc/rename_film", "{\"movie\":" + movie + ",\"called\":\"Moved\"}"), 200,
               R"("Moved")");
  CHECK(ask("/rpc/the_film?movie=" + movie + "&select=name").body == R"({"name":"Moved"})");
  CHECK(ask("/rpc/films_above?lowest=0&select=name&id=eq." + movie).body == R"([{"name":"Moved"}])");
  const auto counted = s.get("/rpc/films_above?lowest=0&limit=1", {{"Prefer", "count=exact"}});
  CHECK(counted.header("Content-Range") == "0-0/" + s.one("SELECT count(*) FROM films_above(0)"));
  CHECK(alpha.value("SELECT name FROM movies WHERE id = " + movie) != "Moved");
}

}  // namespace shardplex::integration
