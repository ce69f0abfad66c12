#include "query/catalogue/catalogue_of_schema.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "query/catalogue/relations.hpp"
#include "tests/query/functions.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

/// movies() as a catalogue of several schemas has it.
Table movies_called(const std::string& name, const std::string& schema) {
  Table table = movies();
  table.name = name;
  table.schema = schema;
  return table;
}

ShardMap map_of_two() {
  const ShardMap map = hash_map();
  return {map.cluster(),
          map.shards(),
          map.groups(),
          {{"movies", false, GroupId{0}, "id"},
           {"b.movies", false, GroupId{0}, "id"},
           {"b.links", true, std::nullopt, ""}},
          {}};
}

Catalogue catalogue_of_two() {
  Catalogue catalogue;
  catalogue.tables["movies"] = movies_called("movies", "public");
  catalogue.tables["b.movies"] = movies_called("b.movies", "b");
  Table links = movies_called("b.links", "b");
  links.foreign_keys = {{"within", {"id"}, "b.movies", {"id"}}, {"out", {"id"}, "movies", {"id"}}};
  catalogue.tables["b.links"] = links;
  catalogue.refused["b.gone"] = "b.gone: the table is missing on beta";
  catalogue.undeclared_functions = {"b.f", "f"};
  auto own = returning(function("b.own"), catalogue.tables.at("b.movies"));
  auto other = returning(function("b.other"), catalogue.tables.at("movies"));
  catalogue.functions["b.own"] = {std::move(own)};
  catalogue.functions["b.other"] = {std::move(other)};
  return catalogue;
}

}  // namespace

TEST_CASE("the catalogue of a schema has what is in it, by its name alone") {
  const auto part = catalogue_of_schema(catalogue_of_two(), map_of_two(), "b");
  REQUIRE(part.tables.size() == 2);
  const Table* movies = part.find("movies");
  REQUIRE(movies);
  CHECK(movies->name == "movies");
  CHECK(movies->schema == "b");
  CHECK(part.refused.contains("gone"));
  CHECK(part.undeclared_functions == std::vector<std::string>{"f"});
  REQUIRE(part.functions.contains("own"));
  CHECK(part.functions.at("own").front().name == "own");
  CHECK(part.functions.at("own").front().schema == "b");
  CHECK(part.functions.at("own").front().table == "movies");
  const auto plain = catalogue_of_schema(catalogue_of_two(), map_of_two(), "public");
  CHECK(plain.tables.size() == 1);
  CHECK(plain.find("movies")->schema == "public");
  CHECK(plain.functions.empty());
}

TEST_CASE("relations stay within a schema") {
  const auto part = catalogue_of_schema(catalogue_of_two(), map_of_two(), "b");
  REQUIRE(part.find("links")->foreign_keys.size() == 1);
  CHECK(part.find("links")->foreign_keys.front().foreign_table == "movies");
  CHECK(Relations(part, {}).from("links").size() == 1);
  CHECK(part.find("links")->keys_to_other_schemas ==
        std::vector<ForeignKey>{{"out", {"id"}, "public.movies", {"id"}}});
}

TEST_CASE("rows of another schema's sharded table are told of, and keys of groups are known everywhere") {
  const auto part = catalogue_of_schema(catalogue_of_two(), map_of_two(), "b");
  CHECK(part.functions.at("other").front().table.empty());
  CHECK(part.functions.at("other").front().rows_of_other_schema == "movies");
  CHECK(part.functions.at("own").front().rows_of_other_schema.empty());
  const auto none = catalogue_of_schema(catalogue_of_two(), map_of_two(), "c");
  CHECK(none.tables.empty());
  CHECK(none.key_types.size() == 1);
  CHECK(none.key_types.begin()->second == std::vector{KeyType::integer});
}
