#include "shard_map/percent.hpp"

#include <doctest/doctest.h>

#include <string>

using shardplex::percent_decoded;

TEST_CASE("escapes become the bytes that they name, and other bytes stay") {
  CHECK(percent_decoded("") == "");
  CHECK(percent_decoded("a%20b%2Fc") == "a b/c");
  CHECK(percent_decoded("%2525") == "%25");
  CHECK(percent_decoded("%ff%C3") == "\xff\xc3");
  CHECK(percent_decoded("caf\xe9") == "caf\xe9");
}

TEST_CASE("a plus is a space only where that is wanted") {
  CHECK(percent_decoded("a+b%2B") == "a+b+");
  CHECK(percent_decoded("a+b%2B", true) == "a b+");
}

TEST_CASE("what is no escape, and NUL, are refused") {
  for (const char* bad : {"%", "%4", "%zz", "%4z", "%+1", "%-1", "% 1", "%0x", "a%", "%00"}) {
    CAPTURE(bad);
    CHECK_FALSE(percent_decoded(bad).has_value());
  }
}
