#include "query/engine/float_json.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

using namespace shardplex;

namespace {

template <class Float>
std::string json(Float value) {
  std::string out;
  append_json_float(out, value);
  return out;
}

}  // namespace

TEST_CASE("a float is written with the fewest digits that are read as it, where %g puts the point") {
  const std::pair<double, const char*> rows[] = {
      {0.0, "0"},
      {-0.0, "-0"},
      {1.0, "1"},
      {-1.5, "-1.5"},
      {0.1, "0.1"},
      {0.0001, "0.0001"},
      {0.00012345, "0.00012345"},
      {0.00001, "1e-05"},
      {0.000012, "1.2e-05"},
      {123456.789, "123456.789"},
      {1e14, "100000000000000"},
      {123456789012345.0, "123456789012345"},
      {123456789012345.6, "123456789012345.6"},
      {1e15, "1e+15"},
      {1234567890123456.0, "1.234567890123456e+15"},
      {9007199254740991.0, "9.007199254740991e+15"},
      {9007199254740992.0, "9.007199254740992e+15"},
      {1e100, "1e+100"},
      {-1e-100, "-1e-100"},
      {5e-324, "5e-324"},
      {2.2250738585072014e-308, "2.2250738585072014e-308"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
  };
  for (const auto& [value, text] : rows) CHECK(json(value) == text);

  const std::pair<float, const char*> short_rows[] = {
      {0.0f, "0"},
      {0.1f, "0.1"},
      {-1.5f, "-1.5"},
      {123456.0f, "123456"},
      {99999.5f, "99999.5"},
      {1e6f, "1e+06"},
      {16777216.0f, "1.6777216e+07"},
      {1e-45f, "1e-45"},
      {3.4028235e38f, "3.4028235e+38"},
  };
  for (const auto& [value, text] : short_rows) CHECK(json(value) == text);
}

TEST_CASE("the middle between two floats stands for neither of them") {
  // 10^23 is the middle between these.
  const double below = 1e23, above = std::nextafter(below, std::numeric_limits<double>::infinity());
  CHECK(json(below) == "9.999999999999999e+22");
  CHECK(json(above) == "1.0000000000000001e+23");
  // As 3 · 10^10 is between these.
  CHECK(json(29999998976.0f) == "2.9999999e+10");
  CHECK(json(30000001024.0f) == "3.0000001e+10");
}

TEST_CASE("what JSON has no number for is in quotes") {
  CHECK(json(std::numeric_limits<double>::quiet_NaN()) == "\"NaN\"");
  CHECK(json(-std::numeric_limits<float>::quiet_NaN()) == "\"NaN\"");
  CHECK(json(std::numeric_limits<double>::infinity()) == "\"Infinity\"");
  CHECK(json(-std::numeric_limits<float>::infinity()) == "\"-Infinity\"");
}
