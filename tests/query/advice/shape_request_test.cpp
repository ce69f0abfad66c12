#include "query/advice/shape_request.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <string>

#include "query/patterns/request_shape.hpp"
#include "tests/query/fixtures.hpp"
#include "tests/query/grammar/tree_generator.hpp"

using namespace shardplex;

TEST_CASE("a shape is read as the request that it is of") {
  const auto read = read_shape(
      "GET /movies?select=name&primary_genre=eq.?&id=in.(?)&order=imdb_score.desc&limit=?; Prefer: "
      "count=exact; "
      "Accept-Profile: catalog");
  REQUIRE(read);
  CHECK(read->method == "GET");
  CHECK(read->schema == "catalog");
  CHECK_FALSE(read->is_row);
  CHECK(read->query.table == "movies");
  CHECK(read->query.filters.size() == 2);
  CHECK(read->query.order.size() == 1);
  CHECK(read->query.limit.has_value());

  const auto row = read_shape("DELETE /movies/{key}");
  REQUIRE(row);
  CHECK(row->is_row);
  CHECK(row->query.table == "movies");
  CHECK(row->query.filters.empty());
  const auto changed = read_shape("PATCH /movies?id=eq.?; Content-Profile: other");
  REQUIRE(changed);
  CHECK(changed->schema == "other");
  const auto paged = read_shape("GET /movies?order=id&limit=?&after=?");
  REQUIRE(paged);
  CHECK(paged->query.limit.has_value());
}

TEST_CASE("what is no read, change or deletion of a table's rows is not read") {
  for (const std::string shape :
       {"", "GET", "GET /", "(no endpoint)", "(others)", "POST /movies", "PUT /movies?id=eq.?",
        "GET /rpc/films_above?top=?", "GET /movies: refused with 42703",
        "GET /movies/{key}: refused with PGRST116", "GET /{table}: refused with PGRST205",
        "GET /movies?select=…#0123456789ABCDEF", "GET movies", "GET /movies?id=nonsense"}) {
    CAPTURE(shape);
    CHECK_FALSE(read_shape(shape));
  }
}

TEST_CASE("every request can be read from its shape") {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    CAPTURE(seed);
    test::TreeGenerator generator(seed);
    const Query query = generator.query();
    const Preferences prefer;
    std::string shape, again;
    append_shape(shape, {.method = "GET", .query = query, .prefer = prefer});
    if (shape.find("…#") != std::string::npos) continue;
    CAPTURE(shape);
    const auto read = read_shape(shape);
    REQUIRE(read);
    append_shape(again, {.method = "GET", .query = read->query, .prefer = prefer});
    CHECK(again == shape);
  }
}

TEST_CASE("a sample has values of the columns' types") {
  struct Row {
    const char *shape, *target;
  };
  const auto table = fixtures::movies();
  for (const auto& [shape, target] : std::initializer_list<Row>{
           {"GET /movies", "/movies"},
           {"GET /movies?id=eq.?", "/movies?id=eq.1"},
           {"GET /movies?id=in.(?)&name=like.?", "/movies?id=in.(1)&name=like.x"},
           {"GET /movies?id=eq(any).?", "/movies?id=eq(any).%7B1%7D"},
           {"GET /movies?released=gte.?&mpaa=eq.?&genre=cs.?&data=cs.?",
            "/movies?released=gte.2000-01-01&mpaa=eq.G&genre=cs.%7B%7D&data=cs.%7B%7D"},
           {"GET /movies?select=name&id=is.null&order=imdb_score.desc,id&limit=?; Prefer: count=exact",
            "/movies?select=name&id=is.null&order=imdb_score.desc,id&limit=20"},
           {"GET /movies?select=n:name,é&name=eq.?", "/movies?select=n:name,%C3%A9&name=eq.x"},
       }) {
    CAPTURE(shape);
    CHECK(sample_target(shape, table) == target);
  }
  for (const std::string shape :
       {"GET /movies/{key}", "GET /movies?or=(id.eq.?,name.eq.?)", "GET /movies?data->>a=eq.?",
        "GET /movies?words=fts.?", "GET /movies?nothing=eq.?", "PATCH /movies?id=eq.?",
        "GET /movies?order=id&limit=?&after=?"}) {
    CAPTURE(shape);
    CHECK_FALSE(sample_target(shape, table));
  }
}
