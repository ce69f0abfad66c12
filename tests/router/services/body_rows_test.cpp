#include "router/services/movies/body_rows.hpp"

#include <doctest/doctest.h>

#include <string>

using shardplex::router::rows_in;

TEST_CASE("the rows of a body are the elements of its array, whatever they hold") {
  struct Row {
    const char* json;
    std::size_t rows;
  };
  const Row rows[] = {
      {"", 1},
      {"{}", 1},
      {" 5", 1},
      {"[]", 0},
      {" [ ] ", 0},
      {"[{}]", 1},
      {"[{},{} , {}]", 3},
      {R"([{"a":[1,2,{"b":"]"}]},{"c":"\"},{"}])", 2},
      {"[1,2,3]", 3},
      {"[[1,2],[3]]", 2},
      {"[\"a,b\",null]", 2},
      {"[{}", 1},
      {"[\"a", 1},
      {"[{},{}],{}", 2},
  };
  for (const auto& row : rows) {
    CAPTURE(row.json);
    CHECK(rows_in(row.json, 100) == row.rows);
  }
}

TEST_CASE("counting ends where it is enough") {
  std::string many = "[{}";
  for (int i = 0; i < 1000; ++i) many += ",{}";
  CHECK(rows_in(many + "]", 2000) == 1001);
  CHECK(rows_in(many + "]", 10) == 10);
}

TEST_CASE("the rows of CSV are the lines behind the first that are not empty") {
  using shardplex::BodyFormat;
  using shardplex::BodyText;
  struct Row {
    const char* csv;
    std::size_t rows;
  };
  const Row rows[] = {
      {"", 0},
      {"a", 0},
      {"a\n", 0},
      {"a\n1", 1},
      {"a\n1\n", 1},
      {"a\r\n1\r\n2", 2},
      {"a\n\n1\n\n2", 2},
      {"a\r1\r2", 2},
      {"a\n\"x\ny\"\n2", 2},
      {"a\n\"\"\"\n\"\n2", 2},
  };
  for (const auto& row : rows) {
    CAPTURE(row.csv);
    CHECK(rows_in(BodyText(row.csv, BodyFormat::csv), 100) == row.rows);
  }
  CHECK(rows_in(BodyText("a\n1\n2\n3\n4", BodyFormat::csv), 2) == 2);
  CHECK(rows_in(BodyText("a=1&b=2", BodyFormat::form), 100) == 1);
}
