#include "query/plan/embed_obstacles.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "tests/query/resolve/resolve.hpp"

using namespace shardplex;
using test::RelatedRequests;

namespace {

/// What comes of films?select=… where the shards contradict each other in one column.
Result<void> agreed(const std::string& select, const std::string& table, const std::string& column) {
  RelatedRequests requests;
  auto& columns = requests.catalogue.tables.at(table).columns;
  std::ranges::find(columns, column, &Column::name)->conflict = "it is another on each";
  const auto query = parse_query("films", "select=" + select, {}).value();
  return require_agreed(requests.resolved(query).value());
}

}  // namespace

TEST_CASE("a column that relates rows is held to be the same on every shard, at both ends") {
  for (const auto& [table, column] : {std::pair{"films", "director_id"}, {"directors", "id"}}) {
    CAPTURE(table);
    const auto refused = agreed("title,directors(name)", table, column);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == "SHARD503");
    CHECK(refused.error().details == "it is another on each");
    CHECK(agreed("title,directors!inner()", table, column).has_error());
    CHECK(agreed("actors(films(directors(name)))", table, column).has_error());
    CHECK(agreed("title,actors(name)", table, column).has_value());
  }
}

TEST_CASE("so are all columns of a relation through a junction") {
  for (const auto& [table, column] :
       {std::pair{"films", "id"}, {"roles", "film_id"}, {"roles", "actor_id"}, {"actors", "id"}}) {
    CAPTURE(table);
    const auto refused = agreed("title,actors(name)", table, column);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == "SHARD503");
  }
  CHECK(agreed("title,actors(name)", "roles", "character").has_value());
}

TEST_CASE("a column that relates nothing may differ") {
  CHECK(agreed("title,directors(id)", "directors", "name").has_value());
  CHECK(agreed("title,directors(id)", "films", "year").has_value());
  CHECK(agreed("title", "films", "director_id").has_value());
}
