// Rows as Features of GeoJSON over three shards: compared with what PostGIS makes of the same rows on one
// server.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

const Headers features{{"Accept", "application/geo+json"}};
const Headers writes_features{{"Accept", "application/geo+json"},
                              {"Content-Type", "application/json"},
                              {"Prefer", "return=representation"}};

// PostGIS is in a schema of its own. Points have more digits than a Feature shows; one place has none, and
// `outline` is of a reference system that a Feature has to name.
const std::string create_tables = R"sql(
SET search_path TO public;
CREATE TABLE places (id bigint PRIMARY KEY, name text, spot gis.geometry(Point, 4326), outline gis.geometry,
                     far gis.geography, opened timestamp, tags text[], facts jsonb, rank numeric(4,2));
CREATE TABLE visits (place_id bigint, number integer, spot gis.geometry, PRIMARY KEY (place_id, number));
)sql";
const std::string fill_tables = R"sql(
INSERT INTO public.places (id, name, spot, outline, far, opened, tags, facts, rank)
SELECT i, 'place "' || i % 7 || E'"\n', CASE WHEN i % 5 > 0 THEN gis.st_setsrid(gis.st_makepoint(i / 7.0, -i / 3.0), 4326) END,
       gis.st_setsrid(gis.st_geomfromtext('POLYGON((0 0,' || i || ' 0,1 1,0 0))'), 3857), 'POINT(1 2)',
       '2020-01-01'::timestamp + i * interval '1 hour', ARRAY['a', NULL, 'b,' || i],
       jsonb_build_object('n', i, 'm', NULL), i / 9.0
FROM generate_series(1, 60) i;
INSERT INTO public.visits SELECT i, n, gis.st_makepoint(i, n) FROM generate_series(1, 60, 4) i, generate_series(1, 2) n;
)sql";
const std::string in_map = R"(
  places: { group: catalog, key: id }
  visits: { group: catalog, key: place_id }
relations:
  visits_place: { table: visits, columns: [place_id], foreign_table: places, foreign_columns: [id] }
)";

/// One server that has PostGIS and all rows, in tables that nobody routes to.
const Cluster& plain() {
  static const Cluster cluster({.shards = 1, .replicas = 0});
  return cluster;
}

/// What one statement gives there.
std::string in_one(const std::string& sql) {
  return Database(plain().conninfo("alpha")).value(sql).value();
}

bool has_postgis() {
  return in_one("SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'") != "0";
}

/// Three shards with the rows of places and visits.
struct PlacesSite {
  PlacesSite() : cluster({.shards = 3, .replicas = 0}) {
    std::ofstream(cluster.map_file(), std::ios::app) << in_map;
    const std::string create = "CREATE SCHEMA gis; CREATE EXTENSION postgis SCHEMA gis;" + create_tables;
    cluster.run_everywhere(create);
    plain().run_everywhere(create + fill_tables);
    cluster.initialise();
    for (const std::string table : {"places", "visits"})
      cluster.load(table, in_one("SELECT string_agg(to_jsonb(t)::text, E'\\n' ORDER BY t) || E'\\n' FROM "
                                 "(SELECT " +
                                 columns(table) + " FROM public." + table + ") t"));
    router.emplace(cluster.map_file());
  }

  /// Geometries as PostGIS's text, in which nothing is rounded.
  static std::string columns(const std::string& table) {
    if (table == "visits") return "place_id, number, spot::text AS spot";
    return "id, name, spot::text AS spot, outline::text AS outline, far::text AS far, opened, tags, facts, "
           "rank";
  }

  HttpResponse get(const std::string& target, const Headers& headers = features) const {
    return HttpClient(router->port()).get(target, headers);
  }
  HttpResponse send(const std::string& method, const std::string& target, const std::string& body) const {
    return HttpClient(router->port()).request(method, target, writes_features, body);
  }

  Cluster cluster;
  std::optional<Router> router;
};

/// nullptr where the test is left out.
const PlacesSite* site() {
  if (!has_postgis()) {
    const char* ci = std::getenv("CI");
    if (ci != nullptr && *ci != '\0') FAIL("the package postgresql-15-postgis-3 is not installed");
    MESSAGE("left out: the package postgresql-15-postgis-3 is not installed");
    return nullptr;
  }
  static const PlacesSite places;
  return &places;
}

/// The rows of a SELECT as PostgREST has PostGIS make a FeatureCollection of them.
std::string collection(const std::string& sql) {
  return in_one(
      "SET search_path TO public, gis; SELECT json_build_object('type', 'FeatureCollection', 'features', "
      "coalesce(json_agg(ST_AsGeoJSON(r)::json), '[]'))::text FROM (" +
      sql + ") r");
}

void check_features(const std::string& target, const std::string& sql) {
  INFO("GET ", target);
  const auto answer = site()->get(target);
  CHECK(answer.status == 200);
  CHECK(answer.header("Content-Type") == "application/geo+json; charset=utf-8");
  CHECK(answer.body == collection(sql));
}

void check_refused(const HttpResponse& answer, unsigned status, std::string_view code) {
  INFO(answer.body);
  CHECK(answer.status == status);
  CHECK(answer.error_code() == code);
}

}  // namespace

TEST_CASE("rows of several shards are the Features that PostGIS makes of them") {
  if (site() == nullptr) return;
  check_features("/places", "SELECT * FROM places ORDER BY id");
  check_features("/places?select=name,id,s:spot,rank&order=name.desc,id&limit=20&offset=3",
                 "SELECT name, id, spot AS s, rank FROM places ORDER BY name COLLATE \"C\" DESC, id LIMIT 20 "
                 "OFFSET 3");
  check_features("/places?select=id,outline,spot&id=in.(1,2,3,4,5)&order=id",
                 "SELECT id, outline, spot FROM places WHERE id <= 5 ORDER BY id");
  check_features("/places?select=id,far,spot&id=eq.7", "SELECT id, far, spot FROM places WHERE id = 7");
  check_features("/places?id=eq.5", "SELECT * FROM places WHERE id = 5");
  check_features("/places?id=gt.1000", "SELECT * FROM places WHERE id > 1000");
  check_features("/places/9", "SELECT * FROM places WHERE id = 9");
}

TEST_CASE("embeds are properties of Features, with geometries as in any JSON") {
  if (site() == nullptr) return;
  check_features(
      "/places?select=id,spot,visits(number,spot)&id=in.(1,2,5)&order=id",
      "SELECT id, spot, (SELECT coalesce(json_agg(v), '[]') FROM (SELECT number, spot FROM visits WHERE "
      "place_id = p.id ORDER BY number) v) AS visits FROM places p WHERE id IN (1, 2, 5) ORDER BY id");
}

TEST_CASE("in plain JSON a geometry is what PostGIS's cast to json gives") {
  if (site() == nullptr) return;
  const auto answer = site()->get("/places?select=id,spot,outline,far&order=id", {});
  CHECK(answer.status == 200);
  CHECK(answer.body ==
        in_one("SELECT json_agg(r)::text FROM (SELECT id, spot, outline, far FROM public.places "
               "ORDER BY id) r"));
}

TEST_CASE("pages, counts and cursors of Features are as of other rows") {
  if (site() == nullptr) return;
  Headers counting = features;
  counting.emplace_back("Prefer", "count=exact");
  const auto page = site()->get("/places?order=id&limit=2", counting);
  CHECK(page.status == 206);
  CHECK(page.header("Content-Range") == "0-1/60");
  const auto first = site()->get("/places?order=id&limit=2&after=");
  CHECK(first.body == collection("SELECT * FROM places ORDER BY id LIMIT 2"));
  CHECK(first.header("Link").has_value());
}

TEST_CASE("rows that are written are Features where they are asked for") {
  if (site() == nullptr) return;
  const std::string row = R"json({"id":900,"name":"new","spot":"SRID=4326;POINT(1 2)"})json";
  const auto created = site()->send("POST", "/places?select=id,spot,name", row);
  CHECK(created.status == 201);
  CHECK(created.body ==
        collection("SELECT 900::bigint AS id, 'SRID=4326;POINT(1 2)'::geometry AS spot, 'new' AS name"));
  const auto changed = site()->send("PATCH", "/places?id=eq.900&select=id,spot,name",
                                    R"({"spot":{"type":"Point","coordinates":[3,4]}})");
  CHECK(changed.status == 200);
  CHECK(changed.body ==
        collection("SELECT 900::bigint AS id, 'SRID=4326;POINT(3 4)'::geometry AS spot, 'new' AS name"));
  const auto deleted = site()->send("DELETE", "/places?id=eq.900&select=id,spot", "");
  CHECK(deleted.status == 200);
  CHECK(deleted.body == collection("SELECT 900::bigint AS id, 'SRID=4326;POINT(3 4)'::geometry AS spot"));
}

TEST_CASE("a row that nothing is set in needs no geometry where it is not shown") {
  if (site() == nullptr) return;
  const Headers unseen{{"Accept", "application/geo+json"}, {"Content-Type", "application/json"}};
  HttpClient client(site()->router->port());
  CHECK(client.request("PATCH", "/places/9", unseen, "{}").status == 204);
  check_refused(client.request("PATCH", "/places/999", unseen, "{}"), 404, "PGRST116");
  const auto shown = site()->send("PATCH", "/places/9?select=id,spot", "{}");
  CHECK(shown.status == 200);
  CHECK(shown.body == collection("SELECT id, spot FROM places WHERE id = 9"));
}

TEST_CASE("what shows no geometry is refused, and tables without one have no Features") {
  if (site() == nullptr) return;
  check_refused(site()->get("/places?select=id,name"), 400, "22023");
  check_refused(site()->get("/places?select=visits(spot)"), 400, "22023");
  check_refused(site()->get("/places?select=id,nothing"), 400, "42703");
  check_refused(site()->get("/places?select=spot,count()"), 400, "SHARD400");
  check_refused(site()->get("/places?select=spot,name::geometry"), 400, "SHARD400");
  check_refused(site()->get("/movies"), 406, "PGRST107");
  const Headers either{{"Accept", "application/geo+json, application/json;q=0.5"}};
  const auto rows = site()->get("/movies", either);
  CHECK(rows.status == 200);
  CHECK(rows.header("Content-Type") == "application/json; charset=utf-8");
}

}  // namespace shardplex::integration
