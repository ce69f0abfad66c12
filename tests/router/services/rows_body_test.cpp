#include "router/services/movies/rows_body.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace shardplex;
using namespace shardplex::router;

namespace {

std::string body_of(Shape shape, const std::vector<std::string>& rows, const std::string& header = "") {
  RowsBody body(shape, header);
  std::string out;
  for (const auto& row : rows) REQUIRE(body.add(out, row).has_value());
  body.end(out);
  CHECK(body.rows() == rows.size());
  return out;
}

}  // namespace

TEST_CASE("an array is separated as json_agg() does it, and without nulls as json_strip_nulls() does") {
  CHECK(body_of(Shape::array, {}) == "[]");
  CHECK(body_of(Shape::array, {"{1}"}) == "[{1}]");
  CHECK(body_of(Shape::array, {"{1}", "{2}"}) == "[{1}, \n {2}]");
  CHECK(body_of(Shape::stripped_array, {}) == "[]");
  CHECK(body_of(Shape::stripped_array, {R"({"a":null})", R"({"a": 1, "b":[null]})"}) ==
        R"([{},{"a":1,"b":[null]}])");
}

TEST_CASE("an object is the row alone") {
  CHECK(body_of(Shape::object, {R"({"a":null})"}) == R"({"a":null})");
  CHECK(body_of(Shape::stripped_object, {R"({"a":null,"b":2})"}) == R"({"b":2})");
}

TEST_CASE("CSV has a header before the first row and line breaks between: one alone without rows") {
  CHECK(body_of(Shape::csv, {}, "id,name") == "\n");
  CHECK(body_of(Shape::csv, {"1,x"}, "id,name") == "id,name\n1,x");
  CHECK(body_of(Shape::csv, {"1,x", "2,\"y\nz\""}, "id,name") == "id,name\n1,x\n2,\"y\nz\"");
  CHECK(body_of(Shape::csv, {"", ""}) == "\n\n");  // rows of no columns
}

TEST_CASE("NDJSON has each row on a line of its own, whatever white space is in it") {
  CHECK(body_of(Shape::ndjson, {}) == "");
  CHECK(body_of(Shape::ndjson, {"{\"a\":[{}, \n {}]}", "{\"b\":\r\n1,\"c\":\"\\n\"}"}) ==
        "{\"a\":[{},   {}]}\n{\"b\":  1,\"c\":\"\\n\"}\n");
}

TEST_CASE("Features are a collection, as PostgreSQL's json_build_object() and json_agg() write it") {
  const std::string begin = R"({"type" : "FeatureCollection", "features" : [)";
  CHECK(body_of(Shape::features, {}) == begin + "]}");
  CHECK(body_of(Shape::features, {R"({"g":{},"a":1})", R"({"g":null,"a":2})"}) ==
        begin + R"({"type": "Feature", "geometry": {}, "properties": {"a": 1}}, )" +
            R"({"type": "Feature", "geometry": null, "properties": {"a": 2}}]})");
}

TEST_CASE("a row that is none of a Feature is an error") {
  RowsBody body(Shape::features, "");
  std::string out;
  CHECK(body.add(out, "{}").error().code == "SHARD503");
}

TEST_CASE("a row whose nulls cannot be stripped is an error") {
  RowsBody body(Shape::stripped_array, "");
  std::string out;
  CHECK(body.add(out, R"({"a":"\u0000"})").error().code == "22P05");
}

TEST_CASE("a shape says what its rows are written as") {
  CHECK(row_format(Shape::array) == RowFormat::json);
  CHECK(row_format(Shape::ndjson) == RowFormat::json);
  CHECK(row_format(Shape::stripped_object) == RowFormat::stripped_json);
  CHECK(row_format(Shape::csv) == RowFormat::csv);
  CHECK(row_format(Shape::features) == RowFormat::feature);
  CHECK(row_format(Shape::features, true) == RowFormat::feature_in_utc);
  CHECK(row_format(Shape::ndjson, true) == RowFormat::json_in_utc);
  CHECK(row_format(Shape::stripped_array, true) == RowFormat::stripped_json_in_utc);
  CHECK(row_format(Shape::csv, true) == RowFormat::csv);
}
