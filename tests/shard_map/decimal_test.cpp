#include "shard_map/decimal.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace shardplex;
using namespace std::string_literals;

namespace {

/// The value's one text, or "none".
std::string read(const std::string& text) {
  const auto value = read_decimal(text);
  return value ? decimal_text(*value) : "none";
}

std::string rounded_to(const std::string& text, std::int64_t scale) {
  return decimal_text(rounded(read_decimal(text).value(), scale));
}

}  // namespace

TEST_CASE("every spelling of a decimal number is one value") {
  for (const std::string text :
       {"1", "1.", "1.0", "01.00", "+1", "10e-1", "0.1E1", "0.001e+3", " 1\t", "100e-2"}) {
    CAPTURE(text);
    CHECK(read(text) == "1");
  }
  for (const std::string text : {"0", "-0", "+0", "0.", ".0", "-0.000", "0e5", "0e-5", "00000"}) {
    CAPTURE(text);
    CHECK(read(text) == "0");
  }
  CHECK(read("-1.50") == "-15e-1");
  CHECK(read(".5") == "5e-1");
  CHECK(read("1200") == "12e2");
  CHECK(read("1e131071") == "1e131071");
  CHECK(read("123456789012345678901234567890.1234567890") == "123456789012345678901234567890123456789e-9");
  CHECK(read("1e99999999999999999999") == "1e1000000000000000");  // which numeric is far from
}

TEST_CASE("there are three values that are no numbers, in words of either case") {
  CHECK(read("nan") == "NaN");
  CHECK(read(" NaN ") == "NaN");
  for (const std::string text : {"inf", "+INF", "Infinity", "+infinity"}) CHECK(read(text) == "Infinity");
  for (const std::string text : {"-inf", "-Infinity"}) CHECK(read(text) == "-Infinity");
}

TEST_CASE("what PostgreSQL 15 does not read as numeric is no number") {
  for (const std::string& text :
       {""s,      " "s,     "."s,    "+"s,   "-"s,   "e5"s,     ".e5"s,    "1e"s,    "1e+"s,
        "1e5.0"s, "1.2.3"s, "1 2"s,  "- 1"s, "--1"s, "+-1"s,    "0x10"s,   "1_000"s, "1,5"s,
        "infin"s, "+nan"s,  "nan1"s, "one"s, "1\0"s, "\uff11"s, "\u00a01"s}) {
    CAPTURE(text);
    CHECK(read(text) == "none");
  }
}

TEST_CASE("values are rounded as numeric(p, s) rounds them, halves away from zero") {
  CHECK(rounded_to("1.005", 2) == "101e-2");
  CHECK(rounded_to("-1.005", 2) == "-101e-2");
  CHECK(rounded_to("1.004999", 2) == "1");
  CHECK(rounded_to("9.999", 2) == "1e1");
  CHECK(rounded_to("0.5", 0) == "1");
  CHECK(rounded_to("0.49", 0) == "0");
  CHECK(rounded_to("0.05", 0) == "0");
  CHECK(rounded_to("-0.4", 0) == "0");
  CHECK(rounded_to("1250", -2) == "13e2");
  CHECK(rounded_to("49", -2) == "0");
  CHECK(rounded_to("5", -2) == "0");
  CHECK(rounded_to("0", -2) == "0");
  CHECK(rounded_to("12e5", 2) == "12e5");
  CHECK(rounded_to("NaN", 2) == "NaN");
  CHECK(rounded_to("-Infinity", 2) == "-Infinity");
}

TEST_CASE("whole numbers in the range of bigint are told") {
  const auto whole = [](const std::string& text) { return whole_number(read_decimal(text).value()); };
  CHECK(whole("0") == 0);
  CHECK(whole("-12.0e1") == -120);
  CHECK(whole("9223372036854775807.00") == 9223372036854775807);
  CHECK(whole("-9223372036854775808") == -9223372036854775807 - 1);
  CHECK(whole("1e18") == 1000000000000000000);
  for (const std::string text :
       {"9223372036854775808", "-9223372036854775809", "1e19", "1e1000000", "0.5", "NaN", "inf"}) {
    CAPTURE(text);
    CHECK_FALSE(whole(text));
  }
}
