#include "query/engine/strip_nulls.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>

using namespace shardplex;

namespace {

std::string stripped(std::string_view json) {
  std::string out = "[";  // whatever is there already does not count
  const auto done = append_without_nulls(out, json);
  REQUIRE(done.has_value());
  return out.substr(1);
}

std::string code_of(std::string_view json) {
  std::string out;
  const auto done = append_without_nulls(out, json);
  return done ? "" : done.error().code;
}

}  // namespace

TEST_CASE("members that are null go at any depth, elements do not") {
  const std::pair<std::string, std::string> rows[] = {
      {"{}", "{}"},
      {R"({"a":null})", "{}"},
      {R"({"a":null,"b":1})", R"({"b":1})"},
      {R"({"a":1,"b":null})", R"({"a":1})"},
      {R"({"a":1,"b":null,"c":2})", R"({"a":1,"c":2})"},
      {R"({"a":[null,1,null]})", R"({"a":[null,1,null]})"},
      {R"({"a":[{"b":null},{"b":{"c":null,"d":[]}}],"e":null})", R"({"a":[{},{"b":{"d":[]}}]})"},
      {R"({"a":"null","null":1})", R"({"a":"null","null":1})"},
      {R"({"":null,"":""})", R"({"":""})"},
      {R"({"a":nullx})", R"({"a":nullx})"},
      {"null", "null"},
      {"[null]", "[null]"},
      {R"({"a":1,"a":null,"a":2})", R"({"a":1,"a":2})"},
      {"", ""},
  };
  for (const auto& [json, without] : rows) {
    CAPTURE(json);
    CHECK(stripped(json) == without);
    CHECK(stripped(without) == without);
  }
}

TEST_CASE("white space goes, numbers stay as they are") {
  CHECK(stripped(" { \"a\" :\t[ 1.50 ,\n-0, 1e5 ] ,\r\n \"b\" : null , \"c d\" : true } ") ==
        R"({"a":[1.50,-0,1e5],"c d":true})");
  CHECK(stripped("[{\"a\":1}, \n {\"a\":null}]") == R"([{"a":1},{}])");
}

TEST_CASE("strings are read and written anew") {
  CHECK(stripped(R"({"a\/b":"\u00e9\u20ac\ud83c\udfac","x":"{\"[:,\\"})") ==
        "{\"a/b\":\"é€\xf0\x9f\x8e\xac\",\"x\":\"{\\\"[:,\\\\\"}");
  CHECK(stripped(R"("\u0041\b\f\n\r\t\u0008\u001f\u007f")") == "\"A\\b\\f\\n\\r\\t\\b\\u001f\x7f\"");
  CHECK(stripped(R"(["a:","b]"])") == R"(["a:","b]"])");
  CHECK(stripped(R"({"a:":"b{","c[":"d:"})") == R"({"a:":"b{","c[":"d:"})");
}

TEST_CASE("an escape that stands for no character is an error, as in PostgreSQL") {
  CHECK(code_of(R"({"a":"\u0000"})") == "22P05");
  CHECK(code_of(R"({"\u0000":null})") == "22P05");
  for (const auto* lone : {R"("\ud83c")", R"("\ud83cx")", R"("\ud83c\n")", R"("\udfac")", R"("\ud83c\ud83c")",
                           R"("\ud83c\u0041")", R"({"\udfac":null})"}) {
    CAPTURE(lone);
    CHECK(code_of(lone) == "22P02");
  }
}

TEST_CASE("what is no JSON is an error or some text, and nothing worse") {
  for (const auto* wrong : {"\"", "\"\\", "\"\\\"", R"("\x")", R"("\u12")", R"("\u12G4")", R"("\u-123")", ":",
                            "{:1}", R"({"a)", R"({"a":"\u)"}) {
    CAPTURE(wrong);
    CHECK(code_of(wrong) == "SHARD503");
  }
  static constexpr std::string_view bytes = "{}[]:,\"\\u0nulltrue d8 \n\x01\xff-1.";
  for (std::uint64_t seed = 1; seed <= 5'000; ++seed) {
    std::mt19937_64 random(seed);
    std::string json;
    for (std::size_t n = random() % 40; n > 0; --n) json.push_back(bytes[random() % bytes.size()]);
    CAPTURE(seed);
    const auto code = code_of(json);
    CHECK((code.empty() || code == "SHARD503" || code == "22P02" || code == "22P05"));
  }
}

TEST_CASE("depth takes no memory of its own") {
  constexpr std::size_t depth = 1'000'000;
  const std::string deep = std::string(depth, '[') + std::string(depth, ']');
  CHECK(stripped(deep) == deep);
}
