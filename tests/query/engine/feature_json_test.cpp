#include "query/engine/feature_json.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace shardplex;

namespace {

std::string feature(std::string_view row) {
  std::string out = "[";  // whatever is there already does not count
  REQUIRE(append_feature(out, row).has_value());
  return out.substr(1);
}

}  // namespace

TEST_CASE("a row's first member is the geometry of its Feature, and the others are its properties") {
  CHECK(feature(R"({"place":{"type":"Point","coordinates":[1,2]},"id":1,"name":"x"})") ==
        R"({"type": "Feature", "geometry": {"type":"Point","coordinates":[1,2]}, )"
        R"("properties": {"id": 1, "name": "x"}})");
  CHECK(feature(R"({"place":null})") == R"({"type": "Feature", "geometry": null, "properties": {}})");
}

TEST_CASE("values are properties as they stand, whatever is in them") {
  const std::string begin = R"({"type": "Feature", "geometry": {}, "properties": )";
  CHECK(feature(R"({"g":{},"a,\"}b":"}, \"x\":1\\","c":[{"d":[1, 2]}, "]"]})") ==
        begin + R"({"a,\"}b": "}, \"x\":1\\", "c": [{"d":[1, 2]}, "]"]}})");
  CHECK(feature("{\"g\":{},\"a\":{ \"b\" : 1 \n},\"a\":true}") ==
        begin + "{\"a\": { \"b\" : 1 \n}, \"a\": true}}");
  CHECK(feature("{\"g\" : {} , \"a\" : 1.50 }") == begin + R"({"a": 1.50}})");
}

TEST_CASE("what is no object with members is none of a shard's rows") {
  for (const auto* row : {"", "{", "{}", "[1]", "null", R"({"g")", R"({"g":)", R"({"g":1)", R"({"g":1,)",
                          R"({"g":1,})", R"({"g":})", R"({"g":1}x)", R"({"g":"x})", R"({"g":]})", R"({g:1})",
                          R"({"g":1,"a"})", R"({"g":1,"a":})", R"({"g":{"a":1})"}) {
    CAPTURE(row);
    std::string out;
    const auto done = append_feature(out, row);
    REQUIRE(done.has_error());
    CHECK(done.error().code == "SHARD503");
  }
}
