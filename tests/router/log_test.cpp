#include "router/log.hpp"

#include <doctest/doctest.h>

#include <string>

using shardplex::router::valid_utf8;

TEST_CASE("what is no UTF-8 is replaced byte by byte, and what is stays") {
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(valid_utf8("") == "");
  CHECK(valid_utf8("plain, \xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x98\x80") ==
        "plain, \xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x98\x80");
  CHECK(valid_utf8("a\xFFz") == "a" + bad + "z");
  CHECK(valid_utf8("\xC3") == bad);                                // cut short
  CHECK(valid_utf8("\xC3(") == bad + "(");                         // no continuation
  CHECK(valid_utf8("\xC0\xAF") == bad + bad);                      // overlong
  CHECK(valid_utf8("\xED\xA0\x80") == bad + bad + bad);            // a surrogate
  CHECK(valid_utf8("\xF4\x90\x80\x80") == bad + bad + bad + bad);  // beyond Unicode
}
