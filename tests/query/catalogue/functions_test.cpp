#include "query/catalogue/functions.hpp"

#include <doctest/doctest.h>

#include "tests/query/functions.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

ShardCatalogue shard_with(std::vector<Function> functions) {
  ShardCatalogue shard;
  for (auto& each : functions) {
    const std::string name = each.name;
    shard.functions[name].push_back(std::move(each));
  }
  return shard;
}

Catalogue combined(std::vector<Function> on_alpha, std::vector<Function> on_beta) {
  const ShardMap map = map_declaring({any("f"), any("g")});
  Catalogue catalogue;
  combine_functions(
      map, {{"alpha", shard_with(std::move(on_alpha))}, {"beta", shard_with(std::move(on_beta))}}, catalogue);
  return catalogue;
}

}  // namespace

TEST_CASE("functions that the map declares are served where all shards have the same") {
  const auto a = function("f", {argument("a", "integer", "int4")}), b = function("f");
  const auto catalogue = combined({a, b}, {b, a});
  CHECK(catalogue.functions.at("f").size() == 2);
  CHECK(catalogue.refused_functions.empty());
  CHECK(catalogue.warnings == std::vector<std::string>{"function g is in the map and not in the databases"});
}

TEST_CASE("a function that is not the same on two shards is refused alone, and the difference named") {
  const auto served = function("f", {argument("a", "integer", "int4")});
  const auto refused = [&](const Function& other) {
    const auto catalogue = combined({served, function("g")}, {other, function("g")});
    CHECK(catalogue.functions.contains("g"));
    CHECK_FALSE(catalogue.functions.contains("f"));
    return catalogue.refused_functions.at("f");
  };
  CHECK(refused(function("f", {argument("a", "bigint", "int8")})) ==
        "f(a integer) returns (pgrst_scalar integer) stable is on alpha and not on beta");
  CHECK(refused(function("f", {argument("b", "integer", "int4")})).find("f(a integer)") == 0);
  CHECK_FALSE(refused(function("f", {argument("a", "integer", "int4", true)})).empty());
  CHECK_FALSE(refused(volatile_function(served)).empty());
  CHECK_FALSE(refused(returning(served, genres())).empty());
  auto set = served;
  set.returns_set = true;
  CHECK_FALSE(refused(set).empty());
  auto shown = served;
  shown.columns.front().representations.to_json = "public.shown";
  CHECK_FALSE(refused(shown).empty());
  auto domain = served;
  domain.columns.front().type_name = "image/png";
  domain.columns.front().base_type_name = "bytea";
  domain.columns.front().base_type_schema = "pg_catalog";
  CHECK_FALSE(refused(domain).empty());
  auto of_text = domain;
  of_text.columns.front().base_type_name = "text";
  const auto on_shards = combined({domain}, {of_text}).refused_functions;
  CHECK(on_shards.at("f").find("of bytea) stable is on alpha and not on beta") != std::string::npos);
  auto text = served;
  text.columns = {column(std::string(value_column), "text", "text")};
  CHECK_FALSE(refused(text).empty());
  const auto missing = combined({served}, {});
  CHECK(missing.refused_functions.at("f").ends_with("is on alpha and not on beta"));
  const auto elsewhere = combined({}, {served});
  CHECK(elsewhere.refused_functions.at("f").ends_with("is on beta and not on alpha"));
}

TEST_CASE(
    "oids may differ between shards, and functions of the map's tables are compared by the table's name") {
  auto other = returning(function("f"), movies());
  other.columns.clear();
  other.columns.push_back(rating_enum("elsewhere"));
  CHECK(combined({returning(function("f"), movies())}, {other}).functions.contains("f"));
  auto one = function("f"), two = function("f");
  one.columns.front().type_oid = 5;
  two.columns.front().type_oid = 6;
  CHECK(combined({one}, {two}).functions.contains("f"));
}

TEST_CASE("of rows of another schema's table the columns are compared") {
  const auto in_other_schema = [](Function f) {
    f.schema = "b";
    return f;
  };
  auto other = returning(function("f"), movies());
  other.columns.push_back(rating_enum("elsewhere"));
  CHECK(combined({in_other_schema(returning(function("f"), movies()))}, {in_other_schema(other)})
            .refused_functions.contains("f"));
}

TEST_CASE("functions that the map does not declare are known by their names") {
  const auto catalogue = combined({function("z"), function("f")}, {function("f"), function("a")});
  CHECK(catalogue.undeclared_functions == std::vector<std::string>{"a", "z"});
}
