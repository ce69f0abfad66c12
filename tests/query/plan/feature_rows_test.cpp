#include "query/plan/feature_rows.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "query/grammar/parse.hpp"
#include "query/plan/routed_plan.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

Column of_postgis(std::string name, std::string type) {
  Column c = column(std::move(name), "gis." + type, type);
  c.type_schema = "gis";
  return c;
}

/// Films with where they were shot.
Table shot_films() {
  Table films = movies();
  films.columns.resize(2);  // id and name
  films.columns.push_back(of_postgis("place", "geometry"));
  films.columns.push_back(of_postgis("area", "geography"));
  films.computed = {computed(of_postgis("middle", "geometry"))};
  return films;
}

Query query(std::string_view text) {
  return parse_query("movies", text, {}).value();
}

Result<RoutedPlan> plan_features(std::string_view text, const Table& table) {
  static const ShardMap map = hash_map();
  ReadRules rules;
  rules.format = RowFormat::feature;
  return plan_routed_read(query(text), in_map(table, map), CountKind::none, rules);
}

RowsRead features(std::string_view text) {
  static const Table table = shot_films();
  return std::get<RowsRead>(plan_features(text, table).value());
}

std::string names_of(const RowsRead& read) {
  std::string names;
  for (const auto& field : read.scan.row.fields()) names += (names.empty() ? "" : ",") + field.name;
  return names;
}

/// The name of the geometry that select= shows; "" where there is none.
std::string geometry_of_rows(std::string_view text) {
  static const Table table = shot_films();
  const auto shown = shown_geometry(query(text).select, table);
  return shown ? shown->column->name : "";
}

std::string refusal_of_features(std::string_view text) {
  const auto checked = check_features(query(text), shot_films());
  return checked ? "" : checked.error().code;
}

}  // namespace

TEST_CASE("a table has Features where it has a geometry, or computes one") {
  CHECK(can_be_features(shot_films()));
  CHECK_FALSE(can_be_features(movies()));
  Table computes = movies();
  computes.computed = {computed(of_postgis("middle", "geography"))};
  CHECK(can_be_features(computes));
  Column domain = of_postgis("place", "spot");
  domain.base_type_name = "geometry";
  domain.base_type_schema = "gis";
  CHECK_FALSE(is_geometry(domain));
  CHECK_FALSE(is_geometry(column("place", "point", "point")));
}

TEST_CASE("the geometry of a row is the first that it shows") {
  CHECK(geometry_of_rows("") == "place");
  CHECK(geometry_of_rows("select=*,area") == "place");
  CHECK(geometry_of_rows("select=area,*") == "area");
  CHECK(geometry_of_rows("select=id,middle,place") == "middle");
  CHECK(geometry_of_rows("select=place->type,p:place") == "place");
  CHECK(geometry_of_rows("select=place::text,id") == "");
  CHECK(geometry_of_rows("select=id,nothing") == "");
}

TEST_CASE("the geometry is the first member, as PostGIS has it in a Feature") {
  const auto all = features("");
  CHECK(names_of(all) == "place,id,name,area");
  CHECK(all.scan.values == R"(("gis".st_asgeojson(ROW(q.c0))::json->'geometry'), q.c1, q.c2, to_json(q.c3))");
  CHECK(names_of(features("select=id,p:place,name")) == "p,id,name");
  CHECK(names_of(features("select=name,*,place")) == "place,name,id,name,area,place");
  CHECK(features("select=id,middle")
            .scan.inner_columns.starts_with(R"("public"."middle"("movies".*) AS c0, "movies"."id" AS c1)"));
}

TEST_CASE("Features in the order of a column are merged by it, and one by its key is a read like any other") {
  const auto sorted = features("select=id,name,place&order=name");
  CHECK(names_of(sorted) == "place,id,name");
  REQUIRE(sorted.scan.key_columns.size() == 2);
  CHECK(sorted.scan.key_columns == std::vector<std::size_t>{2, 1});
  CHECK(names_of(features("id=eq.5")) == "place,id,name,area");  // no PointRead, which others share
}

TEST_CASE("rows without a geometry of their own are refused in PostGIS's words") {
  const Table table = shot_films();
  const auto refused = plan_features("select=id,name", table);
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == "22023");
  CHECK(refused.error().message == "geometry column is missing");
  CHECK(plan_features("select=id,nothing", table).error().code == "42703");
  CHECK(refusal_of_features("select=ratings(score)") == "22023");
  CHECK(refusal_of_features("select=...ratings(place)") == "22023");
  CHECK(refusal_of_features("select=place,ratings(score)") == "");
  CHECK(refusal_of_features("") == "");
}

TEST_CASE("groups, and geometries by a cast, are refused as Features") {
  for (const auto* text : {"select=place,count()", "select=count", "select=place,id::geometry",
                           "select=place,name::Geography"}) {
    CAPTURE(text);
    CHECK(refusal_of_features(text) == "SHARD400");
  }
  CHECK(refusal_of_features("select=place,area::text") == "");
}
