#include "shard_map/map_name.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "shard_map/map_schemas.hpp"

using namespace shardplex;

namespace {

/// A table of each name, all of them whole on every shard.
ShardMap map_with(const std::vector<std::string>& tables, std::vector<MapRelation> relations = {},
                  const std::vector<std::string>& views = {}, std::vector<MapFunction> functions = {}) {
  const auto placed = [](const std::vector<std::string>& names) {
    std::vector<TablePlacement> all;
    for (const auto& name : names) all.push_back({name, true, {}, ""});
    return all;
  };
  return {"movies",      {{"alpha", "host=a", {}}}, {}, placed(tables), std::move(relations),
          placed(views), std::move(functions)};
}

std::vector<std::string> names_of(const std::vector<TablePlacement>& all) {
  std::vector<std::string> names;
  for (const auto& each : all) names.push_back(each.name);
  return names;
}

}  // namespace

TEST_CASE("a name is of the schema before its dot, and of public without one") {
  for (const auto& [name, schema, own] :
       std::initializer_list<std::tuple<std::string, std::string, std::string>>{
           {"movies", "public", "movies"}, {"catalog.movies", "catalog", "movies"}, {"A b.c", "A b", "c"}}) {
    CAPTURE(name);
    const auto split = split_map_name(name);
    CHECK(split.schema == schema);
    CHECK(split.name == own);
    CHECK(make_map_name(split.schema, split.name) == name);
    CHECK_FALSE(map_name_problem(name).has_value());
  }
  // What no map can have is whole.
  CHECK(split_map_name("public.\"a.b\"").name == "public.\"a.b\"");
}

TEST_CASE("a name that could be taken for another, or is not the owner's, is none for a map") {
  const std::string bytes = "1 to 63 bytes", dots = "at most one dot";
  for (const auto& [name, says] : std::initializer_list<std::pair<std::string, std::string>>{
           {"", bytes},
           {".movies", bytes},
           {"catalog.", bytes},
           {std::string(64, 'x'), bytes},
           {std::string(64, 'x') + ".movies", bytes},
           {"a\nb", bytes},
           {"a.b.c", dots},
           {"public.\"a.b\"", dots},
           {"public.movies", "leave \"public.\" out"},
           {"catalog.\"movies\"", "no double quote"},
           {"\"catalog\".movies", "no double quote"},
           {"pg_catalog.pg_class", "nothing of the schema pg_catalog is served"},
           {"information_schema.tables", "nothing of the schema information_schema"},
           {"shardplex.slots", "nothing of the schema shardplex"},
           {"shardplex_import.x", "nothing of the schema shardplex_import"},
           {"$user.x", "stands for another schema"},
       }) {
    CAPTURE(name);
    const auto problem = map_name_problem(name);
    REQUIRE(problem);
    CHECK(problem->find(says) != std::string::npos);
  }
  CHECK_FALSE(map_name_problem("a \"quoted\" name").has_value());
  CHECK_FALSE(map_name_problem(std::string(63, 'x') + '.' + std::string(63, 'y')).has_value());
}

TEST_CASE("a map has the schemas of all that it names, and public") {
  CHECK(schemas_of(map_with({"movies"})) == std::vector<std::string>{"public"});
  CHECK(has_one_schema(map_with({"movies"})));
  const auto map = map_with({"b.movies"}, {}, {"c.best"}, {{"a.now"}});
  CHECK(schemas_of(map) == std::vector<std::string>{"a", "b", "c", "public"});
  CHECK_FALSE(has_one_schema(map));
}

TEST_CASE("the map of a schema has what is in it, by its name alone") {
  const auto map = map_with({"movies", "b.movies", "b.ratings", "c.d"},
                            {{"of_movie", "b.ratings", {"movie_id"}, "b.movies", {"id"}},
                             {"b.again", "b.ratings", {"movie_id"}, "b.movies", {"id"}}},
                            {"best", "b.best"}, {{"now"}, {"b.now", MapFunction::Runs::all}});
  const auto part = map_of_schema(map, "b");
  CHECK(names_of(part.tables()) == std::vector<std::string>{"movies", "ratings"});
  CHECK(names_of(part.views()) == std::vector<std::string>{"best"});
  CHECK(part.functions() == std::vector<MapFunction>{{"now", MapFunction::Runs::all}});
  CHECK(part.relations() == std::vector<MapRelation>{{"of_movie", "ratings", {"movie_id"}, "movies", {"id"}},
                                                     {"again", "ratings", {"movie_id"}, "movies", {"id"}}});
  CHECK(part.shards().size() == 1);
  const auto plain = map_of_schema(map, "public");
  CHECK(names_of(plain.tables()) == std::vector<std::string>{"movies"});
  CHECK(plain.relations().empty());
  CHECK(map_of_schema(map, "nowhere").tables().empty());
}
