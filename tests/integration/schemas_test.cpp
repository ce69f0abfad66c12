// Several schemas over three shards, two of them with tables of the same names: requests, and what the
// command line makes of their rows.
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/http_client.hpp"
#include "tests/integration/process.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

const Headers read_catalog{{"Accept-Profile", "catalog"}};
const Headers write_catalog{{"Content-Profile", "catalog"},
                            {"Content-Type", "application/json"},
                            {"Prefer", "return=representation"}};
const Headers write_public{{"Content-Type", "application/json"}, {"Prefer", "return=representation"}};

const std::string two_schemas = R"(groups:
  all:
    strategy: { hash: {} }
    placement: { alpha: [0-340], beta: [341-681], gamma: [682-1023] }
tables:
  films: { group: all, key: id }
  kinds: { reference: true }
  catalog.films: { group: all, key: id }
  catalog.credits: { group: all, key: film_id }
  catalog.kinds: { reference: true }
)";

const std::string read_beside_tables = R"(views:
  catalog.new_films: { group: all, key: id }
functions:
  kind_count: any
  catalog.kind_count: any
  catalog.film_of: { by: film, group: all }
  catalog.films_since: all
  catalog.other_films: all
)";

const std::string tables_of_two_schemas = R"sql(
SET search_path TO public;
CREATE TABLE films (id bigint PRIMARY KEY, title text);
CREATE TABLE kinds (name text PRIMARY KEY);
INSERT INTO kinds VALUES ('Drama');
CREATE SCHEMA catalog;
CREATE TABLE catalog.kinds (name text PRIMARY KEY, note text);
INSERT INTO catalog.kinds VALUES ('Drama', 'sad'), ('Comedy', 'funny'), ('Opera', 'long');
CREATE TABLE catalog.films (id bigint PRIMARY KEY, title text, kind text REFERENCES catalog.kinds, year integer);
CREATE TABLE catalog.credits (film_id bigint REFERENCES catalog.films, person text, PRIMARY KEY (film_id, person));
)sql";

// A function that names tables without their schema means those of its request's schema.
const std::string rest_of_two_schemas = R"sql(
SET search_path TO public;
CREATE VIEW catalog.new_films AS SELECT * FROM catalog.films WHERE year >= 2000;
CREATE FUNCTION kind_count() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM kinds';
CREATE FUNCTION catalog.kind_count() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM kinds';
CREATE FUNCTION catalog.film_of(film bigint) RETURNS SETOF catalog.films LANGUAGE sql STABLE
  AS 'SELECT * FROM catalog.films WHERE id = film';
CREATE FUNCTION catalog.films_since(since integer) RETURNS SETOF catalog.films LANGUAGE sql STABLE
  AS 'SELECT * FROM catalog.films WHERE year >= since';
CREATE FUNCTION catalog.other_films() RETURNS SETOF public.films LANGUAGE sql STABLE AS 'SELECT * FROM public.films';
)sql";

constexpr int films = 40;

std::string film(int id) {
  return R"({"id":)" + std::to_string(id) + R"(,"title":"catalog )" + std::to_string(id) +
         R"(","kind":"Drama","year":)" + std::to_string(1980 + id) + '}';
}

struct Site {
  Site() : cluster({.shards = 3, .replicas = 0}) {
    cluster.use_map(two_schemas + read_beside_tables);
    cluster.run_everywhere(tables_of_two_schemas);
    cluster.initialise();
    cluster.run_everywhere(rest_of_two_schemas);
    router.emplace(cluster.map_file(),
                   Router::Options{.arguments = {"--schemas", "public,catalog"}, .environment = {}});
    for (int id = 1; id <= films; ++id) {
      if (id % 2 == 0) write("POST", "/films", write_public, R"({"id":)" + std::to_string(id) + "}", 201);
      write("POST", "/films", write_catalog, film(id), 201);
      write("POST", "/credits", write_catalog, R"({"film_id":)" + std::to_string(id) + R"(,"person":"p"})",
            201);
    }
  }

  HttpResponse get(const std::string& target, Headers headers = {}) const {
    headers.emplace_back("Shardplex-Consistency", "strong");
    return HttpClient(router->port()).get(target, headers);
  }
  HttpResponse write(const std::string& method, const std::string& target, const Headers& headers,
                     const std::string& body, unsigned status) const {
    auto answer = HttpClient(router->port()).request(method, target, headers, body);
    CHECK_MESSAGE(answer.status == status, method << ' ' << target << ": " << answer.body);
    return answer;
  }

  Cluster cluster;
  std::optional<Router> router;
};

Site& site() {
  static Site site;
  return site;
}

void check_rows(const HttpResponse& answer, const std::string& rows, const std::string& schema) {
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  CHECK(json::parse(answer.body) == json::parse(rows));
  CHECK(answer.header("Content-Profile") == schema);
}

void check_error(const HttpResponse& answer, unsigned status, const std::string& code,
                 const std::string& says) {
  INFO(answer.body);
  CHECK(answer.status == status);
  CHECK(answer.error_code() == code);
  CHECK(answer.body.find(says) != std::string::npos);
}

}  // namespace

TEST_CASE("a read is of the schema that Accept-Profile names, and of the first without it") {
  const auto& s = site();
  check_rows(s.get("/films?select=id&order=id&limit=3"), R"([{"id":2},{"id":4},{"id":6}])", "public");
  check_rows(s.get("/films?select=id&order=id&limit=3", {{"Accept-Profile", "public"}}),
             R"([{"id":2},{"id":4},{"id":6}])", "public");
  check_rows(s.get("/films?select=id,title&order=id&limit=2", read_catalog),
             R"([{"id":1,"title":"catalog 1"},{"id":2,"title":"catalog 2"}])", "catalog");
  check_rows(s.get("/films/3", read_catalog), film(3), "catalog");
  CHECK(s.get("/films/3").status == 404);
  check_rows(s.get("/films?id=eq.2&select=id,title"), R"([{"id":2,"title":null}])", "public");
  check_rows(s.get("/films?id=eq.2&select=id,title", read_catalog), R"([{"id":2,"title":"catalog 2"}])",
             "catalog");
  check_rows(s.get("/films?select=count()"), R"([{"count":20}])", "public");
  check_rows(s.get("/films?select=count()", read_catalog), R"([{"count":40}])", "catalog");
  check_rows(s.get("/films?select=kind,id.sum()", read_catalog), R"([{"kind":"Drama","sum":820}])",
             "catalog");
  check_error(s.get("/films?select=year"), 400, "42703", "year");
  check_error(s.get("/credits"), 404, "PGRST205", "'public.credits'");
  check_error(s.get("/credit", read_catalog), 404, "PGRST205", "'catalog.credits'");
  check_error(s.get("/films", {{"Accept-Profile", "private"}}), 406, "PGRST106", "Invalid schema: private");
  check_error(s.get("/films", {{"Accept-Profile", "shardplex"}}), 406, "PGRST106",
              "Only the following schemas are exposed: public, catalog");
  // A request that reads has no content.
  check_rows(s.get("/films?select=count()", {{"Content-Profile", "catalog"}}), R"([{"count":20}])", "public");
}

TEST_CASE("a write is of the schema that Content-Profile names") {
  const auto& s = site();
  const auto row = "/films?id=eq.1000";
  CHECK(s.write("POST", "/films", write_catalog, film(1000), 201).header("Content-Profile") == "catalog");
  CHECK(json::parse(s.get("/films?id=eq.1000").body) == json::parse("[]"));
  s.write("PATCH", row, write_catalog, R"({"title":"other"})", 200);
  s.write("PATCH", row, write_public, R"({"title":"none"})", 200);  // there is no such row
  check_rows(s.get("/films?id=eq.1000&select=title", read_catalog), R"([{"title":"other"}])", "catalog");
  s.write("PUT", row, write_catalog, film(1000), 200);
  check_rows(s.get("/films/1000", read_catalog), film(1000), "catalog");
  s.write("DELETE", row, write_public, "", 200);
  CHECK(s.get("/films/1000", read_catalog).status == 200);
  s.write("DELETE", row, write_catalog, "", 200);
  CHECK(s.get("/films/1000", read_catalog).status == 404);
  check_error(HttpClient(s.router->port())
                  .request("POST", "/films",
                           {{"Content-Profile", "private"}, {"Content-Type", "application/json"}}, film(1)),
              406, "PGRST106", "Invalid schema: private");
}

TEST_CASE("embeds stay within the schema of the request") {
  const auto& s = site();
  check_rows(s.get("/films?id=eq.7&select=id,credits(person),kinds(note)", read_catalog),
             R"([{"id":7,"credits":[{"person":"p"}],"kinds":{"note":"sad"}}])", "catalog");
  check_error(s.get("/films?select=id,credits(person)"), 400, "PGRST200", "'public'");
}

TEST_CASE("views and functions are those of the schema, and see its tables first") {
  const auto& s = site();
  check_rows(s.get("/new_films?select=id&order=id&limit=1", read_catalog), R"([{"id":20}])", "catalog");
  CHECK(s.get("/new_films").status == 404);
  CHECK(s.get("/rpc/kind_count").body == "1");
  CHECK(s.get("/rpc/kind_count", read_catalog).body == "3");
  CHECK(s.write("POST", "/rpc/kind_count",
                {{"Content-Profile", "catalog"}, {"Content-Type", "application/json"}}, "{}", 200)
            .body == "3");
  check_rows(s.get("/rpc/film_of?film=3", read_catalog), '[' + film(3) + ']', "catalog");
  check_rows(s.get("/rpc/films_since?since=2019&select=id,credits(person)&order=id", read_catalog),
             R"([{"id":39,"credits":[{"person":"p"}]},{"id":40,"credits":[{"person":"p"}]}])", "catalog");
  check_error(s.get("/rpc/film_of?film=3"), 404, "PGRST202", "public.film_of(film)");
  check_error(s.get("/rpc/other_films", read_catalog), 400, "SHARD400", "of another schema");
}

TEST_CASE("documents describe one schema") {
  const auto& s = site();
  const auto plain = s.get("/"), catalog = s.get("/", read_catalog);
  CHECK(plain.body.find("\"credits\"") == std::string::npos);
  CHECK(catalog.body.find("\"credits\"") != std::string::npos);
  CHECK(catalog.header("Content-Profile") == "catalog");
}

TEST_CASE("the first schema is the default one, and a router exposes none but its own") {
  const auto& s = site();
  const Router other(s.cluster.map_file(), {.arguments = {"--schemas", "catalog"}, .environment = {}});
  HttpClient client(other.port());
  const auto count = client.get("/films?select=count()", {{"Shardplex-Consistency", "strong"}});
  CHECK(json::parse(count.body) == json::parse(R"([{"count":40}])"));
  CHECK_FALSE(count.header("Content-Profile").has_value());
  check_error(client.get("/films", {{"Accept-Profile", "public"}}), 406, "PGRST106", "exposed: catalog");
}

// The last one: the rows are elsewhere then.
TEST_CASE("load, moves and verify know tables of other schemas") {
  auto& s = site();
  const TemporaryFolder folder;
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--map", s.cluster.map_file()});
    const auto done = run_shardplex(arguments);
    CHECK_MESSAGE(done.status == 0, arguments.front() << ": " << done.output << done.errors);
  };
  std::string rows;
  for (int id = 2001; id <= 2060; ++id) rows += film(id) + '\n';
  const auto file = folder.write("rows.ndjson", rows);
  run({"load", "--table", "catalog.films", file});
  const auto read_all = [&] {
    std::vector<std::string> all;
    for (const auto* target : {"/films?order=id", "/credits?order=film_id"})
      for (const auto* schema : {"public", "catalog"})
        all.push_back(s.get(target, {{"Accept-Profile", schema}}).body);
    return all;
  };
  const auto before = read_all();
  CHECK(before[1].find("\"id\":2060") != std::string::npos);
  run({"verify"});

  // The whole of beta.
  const auto plan = folder.write("plan.yaml",
                                 "version: 1\ncluster: movies\nmoves:\n"
                                 "  - {group: all, slots: [341-500], from: beta, to: alpha}\n"
                                 "  - {group: all, slots: [501-681], from: beta, to: gamma}\n");
  run({"rebalance", "run", plan, "--finish"});
  CHECK(read_all() == before);
  Database beta(s.cluster.conninfo("beta"));
  CHECK(beta.number("SELECT count(*) FROM catalog.films") == 0);
  CHECK(beta.number("SELECT count(*) FROM public.films") == 0);
  CHECK(Database(s.cluster.conninfo("alpha")).number("SELECT count(*) FROM catalog.films") > 0);
  run({"verify"});
  run({"cluster", "status"});
  run({"cluster", "duplicates"});
  run({"cluster", "doctor"});
  s.write("PATCH", "/films?id=eq.7", write_catalog, R"({"title":"after the move"})", 200);
  check_rows(s.get("/films?id=eq.7&select=title", read_catalog), R"([{"title":"after the move"}])",
             "catalog");
}

TEST_CASE("an import brings tables of other schemas, follows them, and takes changes back") {
  Cluster target({.shards = 3, .replicas = 0}), source({.shards = 1, .replicas = 0});
  target.use_map(two_schemas);
  source.run_everywhere(
      tables_of_two_schemas +
      "INSERT INTO films SELECT i, 'plain' FROM generate_series(1, 30) i; "
      "INSERT INTO catalog.films SELECT i, 'catalog', 'Drama', 2000 FROM generate_series(1, 60) i; "
      "INSERT INTO catalog.credits SELECT i, 'p' FROM generate_series(1, 60) i");
  const auto run_import = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "import");
    arguments.insert(arguments.end(), {"--map", target.map_file()});
    const auto done = run_shardplex(arguments);
    REQUIRE_MESSAGE(done.status == 0, arguments[1] << ": " << done.output << done.errors);
  };
  const std::string conninfo = source.conninfo("alpha");
  run_import({"run", "--from", conninfo, "--rehearse"});
  source.run_everywhere(
      "UPDATE catalog.films SET title = 'late' WHERE id = 7; DELETE FROM films WHERE id = 7");
  run_import({"run", "--from", conninfo});
  const auto on_shards = [&](const std::string& sql) {
    std::int64_t all = 0;
    for (const auto& shard : target.shards()) all += Database(target.conninfo(shard)).number(sql);
    return all;
  };
  CHECK(on_shards("SELECT count(*) FROM public.films") == 29);
  CHECK(on_shards("SELECT count(*) FROM catalog.films") == 60);
  CHECK(on_shards("SELECT count(*) FROM catalog.films WHERE title = 'late' AND id = 7") == 1);
  CHECK(on_shards("SELECT count(*) FROM catalog.credits") == 60);
  CHECK(on_shards("SELECT count(*) FROM catalog.kinds") == 9);

  const Router router(target.map_file(), {.arguments = {"--schemas", "catalog"}, .environment = {}});
  const auto changed = HttpClient(router.port())
                           .request("PATCH", "/films?id=eq.9", {{"Content-Type", "application/json"}},
                                    R"({"title":"changed"})");
  CHECK_MESSAGE(changed.status == 204, changed.body);
  wait_until("the source has the change", [&] {
    return Database(conninfo).number("SELECT count(*) FROM catalog.films WHERE title = 'changed'") == 1;
  });
  run_import({"finish"});
}

}  // namespace shardplex::integration
