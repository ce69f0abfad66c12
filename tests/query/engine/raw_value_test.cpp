#include "query/engine/raw_value.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "query/engine/csv_value.hpp"

using namespace shardplex;

namespace {

std::optional<std::string> unquoted(std::string_view field) {
  std::string out = "[";  // whatever is there already does not count
  if (!append_unquoted(out, field)) return std::nullopt;
  return out.substr(1);
}

std::optional<std::string> bytes(std::string_view field) {
  std::string out = "[";
  if (!append_bytes(out, field)) return std::nullopt;
  return out.substr(1);
}

std::string field_of(std::string_view text) {
  std::string field;
  append_csv_text(field, text);
  return field;
}

}  // namespace

TEST_CASE("a field without its quotes is the text that it was written for") {
  CHECK(unquoted("") == "");  // null
  CHECK(unquoted("\"\"") == "");
  CHECK(unquoted("plain") == "plain");
  CHECK(unquoted("\"a,b\"") == "a,b");
  CHECK(unquoted("\"say \"\"x\"\" \\\\ y\"") == "say \"x\" \\ y");
  CHECK(unquoted("\"<p>\n</p>\"") == "<p>\n</p>");
}

TEST_CASE("what is no field is told") {
  for (const auto* field : {"\"", "\"a", "\"a\"b\"", "\"\\\"", "\"\"\"", "\"a\\b\""})
    CHECK_MESSAGE(unquoted(field) == std::nullopt, field);
}

TEST_CASE("any text comes back as it was") {
  static constexpr std::string_view some = "\"\\,() \n\tab\xc3\xa9{}";
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    std::mt19937_64 random(seed);
    std::string text;
    for (std::size_t n = random() % 12; n > 0; --n) text += some[random() % some.size()];
    CAPTURE(seed);
    REQUIRE(unquoted(field_of(text)) == text);
  }
}

TEST_CASE("a bytea's text is its bytes, in either form that PostgreSQL writes") {
  CHECK(bytes("") == "");
  CHECK(bytes(field_of("\\x")) == "");
  CHECK(bytes(field_of("\\x00ff5c")) == std::string("\0\xff\\", 3));
  CHECK(bytes(field_of("\\xABab")) == "\xab\xab");
  CHECK(bytes(field_of("plain \\\\ \\000\\377")) == std::string("plain \\ \0\xff", 10));
  CHECK(bytes(field_of("\\\\x41")) == "\\x41");
}

TEST_CASE("what is no bytea's text is told") {
  for (const auto* text : {"\\x0", "\\x0g", "\\x+1", "\\x 1", "\\", "\\1", "\\12", "\\128", "\\400", "\\abc"})
    CHECK_MESSAGE(bytes(field_of(text)) == std::nullopt, text);
  CHECK(bytes("\"") == std::nullopt);
}

TEST_CASE("any bytes come back as they were") {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    std::mt19937_64 random(seed);
    std::string written = "\\x", expected;
    for (std::size_t n = random() % 40; n > 0; --n) {
      static constexpr std::string_view digits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(random() % 256);
      expected += static_cast<char>(byte);
      written += digits[byte / 16U];
      written += digits[byte % 16U];
    }
    CAPTURE(seed);
    REQUIRE(bytes(field_of(written)) == expected);
  }
}
