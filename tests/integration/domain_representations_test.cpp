// Columns whose domains have casts for PostgREST to show and read their values by, over three shards:
// compared with one PostgreSQL that has all rows and calls the functions itself.
#include <doctest/doctest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdint>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

const Headers returns_rows{{"Content-Type", "application/json"}, {"Prefer", "return=representation"}};

// A colour is shown with its digits backwards, so that what is shown sorts otherwise than what is stored, and
// null is shown as text. Of `swatches` a colour is the key. `restless` is shown by a function that could read
// tables, and that of `differing` is another one on beta.
const std::string create_tables = R"sql(
CREATE DOMAIN colour AS integer;
CREATE FUNCTION shown(colour) RETURNS json LANGUAGE sql IMMUTABLE
  AS $$SELECT to_json(coalesce('#' || reverse(lpad(to_hex($1::integer), 6, '0')), ''))$$;
CREATE FUNCTION of_text(text) RETURNS colour LANGUAGE sql IMMUTABLE
  AS $$SELECT ('x' || lpad(reverse(ltrim($1, '#')), 8, '0'))::bit(32)::integer::public.colour$$;
CREATE FUNCTION of_json(json) RETURNS colour LANGUAGE sql IMMUTABLE AS $$SELECT public.of_text($1 #>> '{}')$$;
CREATE CAST (colour AS json) WITH FUNCTION shown(colour) AS IMPLICIT;
CREATE CAST (text AS colour) WITH FUNCTION of_text(text) AS IMPLICIT;
CREATE CAST (json AS colour) WITH FUNCTION of_json(json) AS IMPLICIT;
CREATE DOMAIN restless AS integer;
CREATE FUNCTION shown_restless(restless) RETURNS json LANGUAGE sql STABLE AS 'SELECT to_json($1::integer)';
CREATE CAST (restless AS json) WITH FUNCTION shown_restless(restless) AS IMPLICIT;
CREATE DOMAIN differing AS integer;
CREATE FUNCTION shown_differing(differing) RETURNS json LANGUAGE sql IMMUTABLE AS 'SELECT to_json($1::integer)';
CREATE CAST (differing AS json) WITH FUNCTION shown_differing(differing) AS IMPLICIT;
CREATE TABLE paints (id bigint PRIMARY KEY, name text, tint colour);
CREATE TABLE walls (id bigint PRIMARY KEY, paint bigint, trim colour);
CREATE TABLE swatches (tint colour PRIMARY KEY, name text);
CREATE TABLE odd (id bigint PRIMARY KEY, one restless, other differing);
)sql";

const std::string tables_in_map = R"(
  paints: { group: catalog, key: id }
  walls: { group: catalog, key: id }
  swatches: { group: catalog, key: tint }
  odd: { group: catalog, key: id }
relations:
  walls_paint: { table: walls, columns: [paint], foreign_table: paints, foreign_columns: [id] }
)";

constexpr int paints = 60;

std::string paint_rows() {
  std::string rows;
  for (int id = 1; id <= paints; ++id)
    rows += "{\"id\":" + std::to_string(id) + ",\"name\":\"paint " + std::to_string(id % 7) +
            "\",\"tint\":" + (id % 9 == 0 ? "null" : std::to_string(id * 7919 % 65536)) + "}\n";
  return rows;
}

std::string wall_rows() {
  std::string rows;
  for (int id = 1; id <= 90; ++id)
    rows += "{\"id\":" + std::to_string(id) + ",\"paint\":" + std::to_string(id * 31 % (paints + 5)) +
            ",\"trim\":" + std::to_string(id * 104729 % 65536) + "}\n";
  return rows;
}

std::string swatch_rows() {
  std::string rows;
  for (int i = 1; i <= 40; ++i)
    rows += "{\"tint\":" + std::to_string(i * 4099) + ",\"name\":\"swatch " + std::to_string(i) + "\"}\n";
  return rows;
}

/// Three shards, and one PostgreSQL with all of their rows, which nobody routes to.
struct Site {
  Site() : cluster({.shards = 3, .replicas = 0}), plain({.shards = 1, .replicas = 0}) {
    for (const auto* each : {&cluster, &plain}) {
      std::ofstream(each->map_file(), std::ios::app) << tables_in_map;
      each->run_everywhere(create_tables);
      each->initialise();
      each->load("paints", paint_rows());
      each->load("walls", wall_rows());
      each->load("swatches", swatch_rows());
    }
    Database(cluster.conninfo("beta"))
        .run(
            "CREATE OR REPLACE FUNCTION public.shown_differing(public.differing) RETURNS json LANGUAGE sql "
            "IMMUTABLE AS 'SELECT to_json(-$1::integer)'");
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
  /// The one value on whatever shard has it.
  std::optional<std::string> stored(const std::string& sql) const {
    for (const auto& shard : cluster.shards())
      if (auto value = Database(cluster.conninfo(shard)).value("SELECT (" + sql + ")::text")) return value;
    return std::nullopt;
  }

  Cluster cluster, plain;
  std::optional<Router> router;
};

Site& site() {
  static Site site;
  return site;
}

void check_rows(const std::string& target, const std::string& sql) {
  INFO("GET ", target);
  const auto answer = site().get(target);
  CHECK(answer.status == 200);
  CHECK(answer.body == site().rows(sql));
}

void check_refused(const HttpResponse& answer, unsigned status, const std::string& code,
                   const std::string& says) {
  INFO(answer.body);
  CHECK(answer.status == status);
  CHECK(answer.error_code() == code);
  CHECK(answer.body.find(says) != std::string::npos);
}

}  // namespace

TEST_CASE("values are shown by their domain's function and sorted by what is stored") {
  check_rows("/paints?order=id", "SELECT id, name, shown(tint) AS tint FROM paints p ORDER BY id");
  check_rows(
      "/paints?select=id,t:tint&order=tint.desc.nullslast,id&limit=25&offset=3",
      "SELECT id, shown(tint) AS t FROM paints p ORDER BY p.tint DESC NULLS LAST, id LIMIT 25 OFFSET 3");
  check_rows("/paints?select=tint&order=tint,id",
             "SELECT shown(tint) AS tint FROM paints p ORDER BY p.tint, id");
  check_rows("/paints?select=id,tint::text&order=id",
             "SELECT id, CAST(shown(tint) AS text) AS tint FROM paints p ORDER BY id");
  check_rows("/paints?select=id,tint&id=eq.7", "SELECT id, shown(tint) AS tint FROM paints WHERE id = 7");
  const auto one = site().rows("SELECT shown(tint) AS tint FROM paints WHERE id = 7");
  CHECK(site().get("/paints/7?select=tint").body == one.substr(1, one.size() - 2));
  const auto lines = site().get("/paints?select=tint&id=eq.7", {{"Accept", "application/x-ndjson"}});
  CHECK(lines.body == one.substr(1, one.size() - 2) + '\n');
  const auto csv = site().get("/paints?select=id,tint&id=eq.9", {{"Accept", "text/csv"}});
  CHECK(csv.body.starts_with("id,tint\n9,\"\"\"\"\"\"\""));
}

TEST_CASE("values of filters are read by their domain's function") {
  const auto shown = [](int id) {
    return *Database(site().plain.conninfo("alpha"))
                .value("SELECT ltrim(shown(tint) #>> '{}', '#') FROM paints WHERE id = " +
                       std::to_string(id));
  };
  const std::string all = "SELECT id FROM paints WHERE ";
  check_rows("/paints?select=id&tint=eq." + shown(5), all + "id = 5");
  check_rows("/paints?select=id&order=id&tint=in.(" + shown(5) + ',' + shown(20) + ')',
             all + "id IN (5, 20)");
  check_rows("/paints?select=id&order=id&tint=not.in.(" + shown(5) + ',' + shown(20) + ')',
             all + "id NOT IN (5, 20) AND tint IS NOT NULL ORDER BY id");
  check_rows("/paints?select=id&order=id&or=(tint.gt." + shown(5) + ",tint.is.null)",
             all + "tint > (SELECT tint FROM paints WHERE id = 5) OR tint IS NULL ORDER BY id");
  check_rows("/walls?select=id,paints!inner(tint)&order=id&paints.tint=eq." + shown(5),
             "SELECT w.id, (SELECT row_to_json(e) FROM (SELECT shown(p.tint) AS tint) e) AS paints FROM "
             "walls w JOIN paints p ON "
             "p.id = w.paint WHERE p.id = 5 ORDER BY w.id");
}

TEST_CASE("any read gives the rows of one PostgreSQL") {
  std::mt19937 random(20261127);
  for (int i = 0; i < 80; ++i) {
    const auto digits = *Database(site().plain.conninfo("alpha"))
                             .value(
                                 "SELECT reverse(lpad(to_hex(tint::integer), 6, '0')) FROM paints WHERE "
                                 "tint IS NOT NULL ORDER BY id OFFSET " +
                                 std::to_string(random() % 40) + " LIMIT 1");
    struct Operator {
      std::string url, sql;
    };
    const std::vector<Operator> operators{{"eq", "="},   {"neq", "<>"}, {"gt", ">"},
                                          {"gte", ">="}, {"lt", "<"},   {"lte", "<="}};
    const auto& [url, sql] = operators[random() % operators.size()];
    const bool negated = random() % 3 == 0, cast = random() % 4 == 0, descending = random() % 2 == 0;
    const auto limit = std::to_string(1 + random() % 30), offset = std::to_string(random() % 10);
    const std::string condition = "p.tint " + sql + " of_text('" + digits + "')";
    check_rows("/paints?select=id,c:tint" + std::string(cast ? "::text" : "") +
                   "&tint=" + (negated ? "not." : "") + url + '.' + digits + "&order=tint" +
                   (descending ? ".desc" : "") + ",id&limit=" + limit + "&offset=" + offset,
               "SELECT id, " + std::string(cast ? "shown(tint)::text" : "shown(tint)") +
                   " AS c FROM paints p WHERE " + (negated ? "NOT (" + condition + ')' : condition) +
                   " ORDER BY p.tint" + (descending ? " DESC" : "") + ", id LIMIT " + limit + " OFFSET " +
                   offset);
  }
}

TEST_CASE("rows that are looked up on other shards are shown so too") {
  check_rows(
      "/walls?select=id,trim,paints(id,tint)&order=trim,id",
      "SELECT w.id, shown(trim) AS trim, (SELECT row_to_json(e) FROM (SELECT p.id, shown(p.tint) AS tint "
      "FROM paints p WHERE p.id = w.paint) e) AS paints FROM walls w ORDER BY w.trim, w.id");
  check_rows(
      "/paints?select=id,walls(trim)&walls.order=trim&order=id",
      "SELECT p.id, (SELECT coalesce(json_agg(e), '[]') FROM (SELECT shown(w.trim) AS trim FROM walls w "
      "WHERE w.paint = p.id ORDER BY w.trim, w.id) e) AS walls FROM paints p ORDER BY p.id");
}

TEST_CASE("rows are paged by cursor in the order of what is stored") {
  std::string ids, target = "/paints?select=id&order=tint&limit=13&after=";
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
  CHECK(ids == Database(site().plain.conninfo("alpha"))
                   .value("SELECT string_agg(id::text, ',' ORDER BY tint, id) FROM paints")
                   .value());
}

TEST_CASE("what is shown can be counted, and is neither grouped by nor aggregated") {
  check_rows("/paints?select=tint.count()", "SELECT count(shown(tint)) FROM paints");
  check_refused(site().get("/paints?select=tint,count()"), 400, "SHARD400", "Column tint is shown by");
  check_refused(site().get("/paints?select=tint.max()"), 400, "SHARD400", "Column tint is shown by");
}

TEST_CASE("values of bodies are read by their domain's function") {
  const auto made = site().send(
      "POST", "/paints?select=id,tint&order=id",
      R"([{"id":1001,"tint":"#10000a"},{"id":1002,"tint":"#20000b"},{"id":1003,"tint":"#30000c"}])");
  CHECK(made.status == 201);
  CHECK(made.body.find(R"("tint":"#20000b")") != std::string::npos);
  CHECK(site().stored("SELECT tint FROM paints WHERE id = 1001") == std::to_string(0xa00001));
  const auto changed = site().send("PATCH", "/paints?id=eq.1001&select=tint", R"({"tint":"#f00000"})");
  CHECK(changed.status == 200);
  CHECK(changed.body == R"([{"tint":"#f00000"}])");
  CHECK(site().stored("SELECT tint FROM paints WHERE id = 1001") == "15");
  const auto put = site().send("PUT", "/paints?id=eq.1001&select=tint", R"({"id":1001,"tint":"#e00000"})");
  CHECK(put.body == R"([{"tint":"#e00000"}])");
  const auto gone = site().send("DELETE", "/paints?tint=in.(e00000,20000b,30000c)&select=id", "");
  CHECK(gone.status == 200);
  CHECK(json::parse(gone.body).as_array().size() == 3);
}

TEST_CASE(
    "rows whose key is such a domain are found on all shards, and not written where the key says where") {
  const auto key =
      *Database(site().plain.conninfo("alpha"))
           .value("SELECT ltrim(shown(tint) #>> '{}', '#') FROM swatches WHERE name = 'swatch 9'");
  check_rows("/swatches?tint=eq." + key,
             "SELECT shown(tint) AS tint, name FROM swatches WHERE name = 'swatch 9'");
  check_rows("/swatches?order=tint", "SELECT shown(tint) AS tint, name FROM swatches s ORDER BY s.tint");
  CHECK(site().get("/swatches/" + key + "?select=name").body == R"({"name":"swatch 9"})");
  check_refused(site().send("POST", "/swatches", R"({"tint":"#00000f","name":"new"})"), 400, "SHARD400",
                "decides where the row is stored");
  check_refused(site().send("PUT", "/swatches?tint=eq." + key, R"({"tint":")" + key + R"(","name":"new"})"),
                400, "SHARD400", "names the row of a PUT");
  const auto changed = site().send("PATCH", "/swatches?select=name&tint=eq." + key, R"({"name":"swatch 9"})");
  CHECK(changed.body == R"([{"name":"swatch 9"}])");
}

TEST_CASE(
    "a function that could read tables, or is not the same on all shards, has its column refused alone") {
  check_refused(site().get("/odd?select=one"), 400, "SHARD400", "public.shown_restless");
  check_refused(site().get("/odd?select=other"), 503, "SHARD503", "defined otherwise on");
  CHECK(site().get("/odd?select=id").status == 200);
}

}  // namespace shardplex::integration
