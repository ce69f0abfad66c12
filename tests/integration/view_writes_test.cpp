// Writes through views, and what they leave in the shards.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <cstdint>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/http_client.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

const std::string create_views = R"sql(
SET search_path TO public;
CREATE VIEW dramas AS SELECT id, name AS title, primary_genre, upper(name) AS loud, imdb_votes, shardplex_slot
  FROM movies WHERE primary_genre = 'Drama' WITH CHECK OPTION;
CREATE VIEW short_dramas AS SELECT id AS film, title, primary_genre, shardplex_slot FROM dramas
  WHERE length(title) < 20;
CREATE VIEW noted AS SELECT id, name, primary_genre, shardplex_slot FROM movies;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER note_it INSTEAD OF INSERT ON noted FOR EACH ROW EXECUTE FUNCTION note();
CREATE VIEW above_noted AS SELECT * FROM noted;
CREATE VIEW ruled AS SELECT id, name, primary_genre, shardplex_slot FROM movies;
CREATE RULE quiet AS ON DELETE TO ruled DO INSTEAD NOTHING;
CREATE VIEW joined AS SELECT m.id, m.name, m.primary_genre, g.number, m.shardplex_slot FROM movies m
  LEFT JOIN genres g ON g.name = m.primary_genre;
CREATE VIEW doubled AS SELECT id, id AS again, primary_genre, shardplex_slot FROM movies;
CREATE MATERIALIZED VIEW kept AS SELECT id, name, primary_genre, shardplex_slot FROM movies;
CREATE VIEW kinds AS SELECT name, number FROM genres;
CREATE FUNCTION shouted(dramas) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1.loud || $1.loud';
)sql";

/// Under lists the key has its table's name.
std::string views_in_map(const std::string& map) {
  std::string text = "\n";
  if (map != "genre")
    text +=
        "relations:\n"
        "  rated: { table: ratings, columns: [movie_id], foreign_table: movies, foreign_columns: [id] }\n";
  text += "views:\n  kinds: { reference: true }\n";
  const std::string group = map == "genre" ? "by_genre" : "catalog";
  for (const std::string name : {"dramas", "noted", "above_noted", "ruled", "joined", "doubled", "kept"})
    text += "  " + name + ": { group: " + group + ", key: id }\n";
  if (map != "genre") text += "  short_dramas: { group: catalog, key: film }\n";
  return text;
}

struct Site {
  explicit Site(const std::string& map, int shards = 2)
      : cluster({.shards = shards, .replicas = 0, .map = map}) {
    std::ofstream(cluster.map_file(), std::ios::app) << views_in_map(map);
    cluster.initialise();
    cluster.load("movies", make_movies({"--count", "60"}));
    cluster.run_everywhere(create_views);
    router.emplace(cluster.map_file());
  }

  HttpResponse send(const std::string& method, const std::string& target, const std::string& body = "",
                    Headers headers = {}) const {
    headers.emplace_back("Content-Type", "application/json");
    return HttpClient(router->port()).request(method, target, headers, body);
  }
  /// Over all shards.
  std::int64_t count(const std::string& where) const {
    std::int64_t rows = 0;
    for (const auto& shard : cluster.shards())
      rows += Database(cluster.conninfo(shard)).number("SELECT count(*) FROM movies WHERE " + where);
    return rows;
  }

  Cluster cluster;
  std::optional<Router> router;
};

Site& hash_site() {
  static Site site("hash");
  return site;
}
Site& genre_site() {
  static Site site("genre");
  return site;
}

const Headers representation{{"Prefer", "return=representation"}};

void check_status(const HttpResponse& answer, unsigned status, const std::string& code = "") {
  INFO(answer.body);
  CHECK(answer.status == status);
  if (!code.empty()) CHECK(answer.error_code() == code);
}

json::value rows_of(const HttpResponse& answer) {
  INFO(answer.body);
  REQUIRE(answer.status < 300);
  return json::parse(answer.body);
}

/// A write of one row by its key, as a client asks for it, and as SQL.
struct RandomWrite {
  std::string method, target, body, sql;
};

constexpr int first_random_id = 910000;

RandomWrite random_write(std::mt19937& random, Database& database) {
  const bool is_short = random() % 2 == 0;
  const std::string view = is_short ? "short_dramas" : "dramas", key = is_short ? "film" : "id";
  const std::vector<std::string> titles{"One", "O'Two", "a title of more than twenty letters"};
  const auto id = std::to_string(first_random_id + static_cast<int>(random() % 6));
  const auto& title = titles[random() % titles.size()];
  const std::string genre = random() % 4 == 0 ? "Comedy" : "Drama";
  const std::string columns = key + ",title,primary_genre", named = "/" + view + "?select=" + columns;
  const std::string one = named + '&' + key + "=eq." + id, of_row = " WHERE " + key + " = " + id;
  const std::string returning = " RETURNING " + columns;
  switch (random() % 4) {
    case 0:
      return {"DELETE", one, "", "DELETE FROM public." + view + of_row + returning};
    case 1:
      return {"PATCH", one, R"({"title":")" + title + "\"}",
              "UPDATE public." + view + " SET title = " + database.quote(title) + of_row + returning};
    case 2:
      return {"PATCH", one, R"({"primary_genre":")" + genre + "\"}",
              "UPDATE public." + view + " SET primary_genre = " + database.quote(genre) + of_row + returning};
    default:
      return {"POST", named,
              "{\"" + key + "\":" + id + R"(,"title":")" + title + R"(","primary_genre":")" + genre + "\"}",
              "INSERT INTO public." + view + " (" + columns + ", shardplex_slot) VALUES (" + id + ", " +
                  database.quote(title) + ", " + database.quote(genre) + ", 0)" + returning};
  }
}

/// What the statement returns as JSON, or the SQLSTATE that it fails with.
std::pair<std::string, std::string> outcome_of(const std::string& sql, Database& database) {
  try {
    return {database.value("WITH w AS (" + sql + ") SELECT coalesce(json_agg(w), '[]')::text FROM w").value(),
            ""};
  } catch (const pqxx::sql_error& error) {
    return {"", error.sqlstate()};
  }
}

}  // namespace

TEST_CASE("rows are inserted, changed and removed through a view, where their key says") {
  const auto& site = hash_site();
  for (const auto& [view, key] :
       {std::pair<std::string, std::string>{"dramas", "id"}, {"short_dramas", "film"}}) {
    CAPTURE(view);
    const auto row = [named = key](const std::string& id, const std::string& rest) {
      return "{\"" + named + "\":" + id + rest + '}';
    };
    const std::string one = '/' + view + '?' + key + "=eq.900001&select=" + key + ",title";
    const std::string made = row("900001", R"(,"title":"Made","primary_genre":"Drama")");
    const auto answer = site.send("POST", '/' + view + "?select=" + key + ",title", made, representation);
    check_status(answer, 201);
    CHECK(rows_of(answer) == json::parse('[' + row("900001", R"(,"title":"Made")") + ']'));
    Database shard(site.cluster.conninfo(site.cluster.shard_of("movies", 900001)));
    CHECK(shard.number("SELECT count(*) FROM movies WHERE id = 900001") == 1);
    CHECK(site.count("id = 900001") == 1);
    const auto stored = site.send("GET", "/movies?id=eq.900001&select=name");
    CHECK(rows_of(stored) == json::parse(R"([{"name":"Made"}])"));
    check_status(site.send("POST", '/' + view, made), 409, "23505");
    const auto changed = site.send("PATCH", one, R"({"title":"Changed"})", representation);
    CHECK(rows_of(changed) == json::parse('[' + row("900001", R"(,"title":"Changed")") + ']'));
    CHECK(site.send("PATCH", one, R"({"title":"Changed again"})").header("Content-Range") == "0-0/*");
    check_status(site.send("PATCH", one, row("900002", "")), 400, "SHARD400");
    check_status(site.send("DELETE", one), 204);
    CHECK(site.count("id = 900001") == 0);
  }
}

TEST_CASE("several rows, and a row without its key, go through a view too") {
  const auto& site = hash_site();
  const std::string row = R"({"id":900002,"title":"There","primary_genre":"Drama"})";
  const auto located = site.send("POST", "/dramas", row, {{"Prefer", "return=headers-only"}});
  check_status(located, 201);
  CHECK(located.header("Location") == "/dramas?id=eq.900002");
  check_status(site.send("DELETE", "/dramas?id=eq.900002"), 204);
  const auto given = rows_of(site.send("POST", "/dramas?select=id,title",
                                       R"({"title":"Keyless","primary_genre":"Drama"})", representation));
  const auto film = given.at(0).at("id").to_number<std::int64_t>();
  CHECK(film > 0);
  const auto filter = "?id=eq." + std::to_string(film);
  const auto shard = site.cluster.shard_of("movies", film);
  CHECK(Database(site.cluster.conninfo(shard))
            .number("SELECT count(*) FROM movies WHERE id = " + std::to_string(film)) == 1);
  check_status(site.send("PATCH", "/dramas" + filter, "{}"), 204);
  check_status(site.send("PATCH", "/dramas", R"({"imdb_votes":1})"), 400, "SHARD400");
  // A row that the view does not show is none of its rows.
  const auto other = site.send("GET", "/movies?select=id&primary_genre=neq.Drama&limit=1");
  const auto id = std::to_string(rows_of(other).at(0).at("id").to_number<std::int64_t>());
  CHECK(site.send("DELETE", "/dramas?id=eq." + id, "", representation).body == "[]");
  CHECK(site.count("id = " + id) == 1);
  check_status(site.send("DELETE", "/dramas" + filter), 204);
}

TEST_CASE(
    "rows that are written through a view come with its computed columns and what is embedded in them") {
  const auto& site = hash_site();
  const std::string row = R"({"id":900050,"title":"Rated","primary_genre":"Drama"})";
  CHECK(rows_of(site.send("POST", "/dramas?select=title,shouted,ratings(score)", row, representation)) ==
        json::parse(R"([{"title":"Rated","shouted":"RATEDRATED","ratings":[]}])"));
  check_status(site.send("POST", "/ratings", R"({"movie_id":900050,"user_id":1,"score":7})"), 201);
  CHECK(rows_of(site.send("PATCH", "/short_dramas?film=eq.900050&select=film,ratings(score)",
                          R"({"title":"Again"})", representation)) ==
        json::parse(R"([{"film":900050,"ratings":[{"score":7}]}])"));
  CHECK(rows_of(site.send("PATCH", "/dramas?id=eq.900050&select=id,ratings!inner(score)&ratings.score=eq.8",
                          R"({"title":"Once more"})", representation)) == json::parse("[]"));
  CHECK(rows_of(site.send("PATCH", "/ratings?movie_id=eq.900050&user_id=eq.1&select=score,dramas(title)",
                          R"({"score":8})", representation)) ==
        json::parse(R"([{"score":8,"dramas":{"title":"Once more"}}])"));
  // What a shard embeds by itself is of before the write.
  CHECK(rows_of(site.send("PATCH", "/dramas?id=eq.900050&select=title,ratings(short_dramas(title))",
                          R"({"title":"Last"})", representation)) ==
        json::parse(R"([{"title":"Last","ratings":[{"short_dramas":{"title":"Once more"}}]}])"));
  CHECK(rows_of(site.send("DELETE", "/dramas?id=eq.900050&select=title,ratings(score)", "",
                          representation)) == json::parse(R"([{"title":"Last","ratings":[{"score":8}]}])"));
  CHECK(site.count("id = 900050") == 0);
  check_status(site.send("DELETE", "/ratings?movie_id=eq.900050"), 204);
}

TEST_CASE("random writes through views do and answer what they do in one PostgreSQL") {
  const auto& site = hash_site();
  static Site plain("hash", 1);  // nobody routes to it here
  Database database(plain.cluster.conninfo("alpha"));
  std::mt19937 random(20261127);
  int errors = 0;
  for (int i = 0; i < 200; ++i) {
    const auto write = random_write(random, database);
    INFO(i, ": ", write.method, ' ', write.target, ' ', write.body);
    const auto [rows, code] = outcome_of(write.sql, database);
    const auto answer = site.send(write.method, write.target, write.body, representation);
    INFO(answer.body);
    CHECK(answer.error_code() == code);
    if (code.empty()) CHECK(json::parse(answer.body) == json::parse(rows));
    errors += !code.empty();
  }
  CHECK(errors > 0);
  const std::string stored =
      "SELECT coalesce(json_agg(json_build_array(id, name, primary_genre) ORDER BY id), '[]')::text "
      "FROM movies WHERE id BETWEEN 910000 AND 910005";
  json::array all;
  for (const auto& shard : site.cluster.shards()) {
    const auto rows = json::parse(*Database(site.cluster.conninfo(shard)).value(stored));
    for (const auto& row : rows.as_array()) all.push_back(row);
  }
  std::ranges::sort(all, {}, [](const json::value& row) { return row.at(0).to_number<std::int64_t>(); });
  CHECK(all == json::parse(*database.value(stored)).as_array());
  site.cluster.run_everywhere("DELETE FROM public.movies WHERE id BETWEEN 910000 AND 910005");
}

TEST_CASE("what the view does not let through is PostgreSQL's to refuse, and shows no slot") {
  const auto& site = hash_site();
  for (const auto& [view, row] :
       {std::pair<std::string, std::string>{"dramas", R"({"id":900010,"primary_genre":"Comedy"})"},
        {"short_dramas", R"({"film":900010,"title":"Out","primary_genre":"Comedy"})"}}) {
    CAPTURE(view);
    const auto out = site.send("POST", '/' + view, row);
    check_status(out, 400, "44000");
    CHECK(json::parse(out.body).at("details").is_null());
  }
  CHECK(site.count("id = 900010") == 0);
  check_status(site.send("POST", "/dramas", R"({"id":900011,"title":"In","primary_genre":"Drama"})"), 201);
  check_status(site.send("PATCH", "/dramas?id=eq.900011", R"({"primary_genre":"Comedy"})"), 400, "44000");
  check_status(site.send("PATCH", "/dramas?id=eq.900011", R"({"loud":"LOUD"})"), 400, "0A000");
  check_status(site.send("PATCH", "/dramas?id=eq.900011", R"({"gone":1})"), 400, "PGRST204");
  CHECK(site.count("id = 900011 AND name = 'In' AND primary_genre = 'Drama'") == 1);
  check_status(site.send("DELETE", "/dramas?id=eq.900011"), 204);
}

TEST_CASE("a view through which a row's slot could not be kept is read only, with the reason") {
  const auto& site = hash_site();
  const std::vector<std::pair<std::string, std::string>> refused{
      {"noted", "it has the INSTEAD OF trigger note_it"},
      {"above_noted", "noted, which it reads, has the INSTEAD OF trigger note_it"},
      {"ruled", "it has the rule quiet"},
      {"joined", "PostgreSQL does not write through it"},
      {"doubled", "its column again is id of movies as well"},
      {"kept", "it is materialized"},
      {"kinds", "it shows rows of reference tables"}};
  for (const auto& [view, reason] : refused) {
    CAPTURE(view);
    check_status(site.send("GET", '/' + view + "?limit=1"), 200);
    for (const std::string method : {"POST", "PATCH", "PUT", "DELETE"}) {
      const auto answer = site.send(method, '/' + view + "?id=eq.1", R"({"id":1})");
      check_status(answer, 400, "SHARD400");
      CHECK(answer.body.find("is a view, and " + reason) != std::string::npos);
    }
    CHECK(site.send("OPTIONS", '/' + view).header("Allow") == "OPTIONS,GET,HEAD");
  }
  CHECK(site.send("OPTIONS", "/dramas").header("Allow") == "OPTIONS,GET,HEAD,POST,PATCH,DELETE");
  const auto put = site.send("PUT", "/dramas?id=eq.1", R"({"id":1})");
  check_status(put, 400, "SHARD400");
  CHECK(put.body.find("(PUT)") != std::string::npos);
}

TEST_CASE("a trigger of the table that moves a row fails the write through the view") {
  const auto& site = hash_site();
  site.cluster.run_everywhere(
      "CREATE FUNCTION public.move_it() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN NEW.id := NEW.id + 1; RETURN NEW; END';"
      "CREATE TRIGGER moves BEFORE INSERT ON public.movies FOR EACH ROW WHEN (NEW.name = 'Moved') "
      "EXECUTE FUNCTION public.move_it()");
  const auto answer =
      site.send("POST", "/dramas", R"({"id":900020,"title":"Moved","primary_genre":"Drama"})");
  check_status(answer, 400, "SHARD400");
  CHECK(answer.body.find("moves") != std::string::npos);
  CHECK(site.count("id IN (900020, 900021)") == 0);
  site.cluster.run_everywhere("DROP TRIGGER moves ON public.movies; DROP FUNCTION public.move_it()");
}

TEST_CASE("a fence keeps writes through a view out, as those to its table") {
  const auto& site = hash_site();
  Router hasty(site.cluster.map_file(),
               {.arguments = {"--request-timeout", "3s"}, .environment = {}, .wait_until_ready = true});
  HttpClient client(hasty.port());
  const Headers headers{{"Content-Type", "application/json"}};
  const std::string row = R"({"id":900030,"title":"Fenced","primary_genre":"Drama"})";
  Database shard(site.cluster.conninfo(site.cluster.shard_of("movies", 900030)));
  const std::string slots =
      "ARRAY(SELECT slot FROM shardplex.slots WHERE grp = 'catalog' AND state IN ('owned', 'fenced'))";
  shard.run("SELECT shardplex.fence_slots('catalog', " + slots + ")");
  const auto kept_out = client.request("POST", "/dramas", headers, row);
  CHECK_MESSAGE(kept_out.status == 504, kept_out.body);
  CHECK(shard.number("SELECT count(*) FROM movies WHERE id = 900030") == 0);
  shard.run("SELECT shardplex.unfence_slots('catalog', " + slots + ")");
  CHECK(client.request("POST", "/dramas", headers, row).status == 201);
  CHECK(client.request("DELETE", "/dramas?id=eq.900030", headers).status == 204);
}

TEST_CASE("under lists a view's rows are placed by their list, and their keys are handed out") {
  const auto& site = genre_site();
  check_status(site.send("POST", "/dramas", R"({"id":900040,"title":"x","primary_genre":"Drama"})"), 400,
               "SHARD400");
  const auto given = rows_of(site.send("POST", "/dramas?select=id",
                                       R"({"title":"Listed","primary_genre":"Drama"})", representation));
  const auto film = given.at(0).at("id").to_number<std::int64_t>();
  const auto id = std::to_string(film);
  const auto shard = site.cluster.shard_of("movies", film, "Drama");
  CHECK(Database(site.cluster.conninfo(shard)).number("SELECT count(*) FROM movies WHERE id = " + id) == 1);
  // By its key alone the row is looked for on all lists.
  CHECK(rows_of(site.send("PATCH", "/dramas?id=eq." + id + "&select=title", R"({"title":"Found"})",
                          representation)) == json::parse(R"([{"title":"Found"}])"));
  check_status(site.send("PATCH", "/dramas?id=eq." + id, R"({"primary_genre":"Opera"})"), 400);
  CHECK(site.count("id = " + id + " AND primary_genre = 'Drama'") == 1);
  check_status(site.send("DELETE", "/dramas?id=eq." + id + "&primary_genre=eq.Drama"), 204);
  CHECK(site.count("id = " + id) == 0);
}

}  // namespace shardplex::integration
