#include "query/engine/numeric_json.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace shardplex;

namespace {

constexpr int positive = 0x0000, negative = 0x4000;

/// A numeric as numeric_send() writes it: its digits to the base of 10,000, the first of which counts
/// 10000^weight.
std::string sent(int weight, int sign, int scale, const std::vector<int>& digits) {
  std::string out;
  const auto add = [&](int word) {
    out += static_cast<char>(word >> 8 & 0xFF);
    out += static_cast<char>(word & 0xFF);
  };
  for (const int word : {static_cast<int>(digits.size()), weight, sign, scale}) add(word);
  for (const int digit : digits) add(digit);
  return out;
}

/// nullopt where the bytes are no numeric; nothing may have been written then.
std::optional<std::string> json(const std::string& bytes) {
  std::string out = "[";
  if (append_json_numeric(out, bytes)) return out.substr(1);
  CHECK(out == "[");
  return std::nullopt;
}

}  // namespace

TEST_CASE("a numeric has the digits of its display scale, and no other zeros in front") {
  CHECK(json(sent(0, positive, 0, {})) == "0");
  CHECK(json(sent(0, positive, 2, {})) == "0.00");
  CHECK(json(sent(0, positive, 0, {7})) == "7");
  CHECK(json(sent(0, negative, 1, {9, 9000})) == "-9.9");
  CHECK(json(sent(0, positive, 3, {1, 1000})) == "1.100");
  CHECK(json(sent(-1, positive, 4, {500})) == "0.0500");
  CHECK(json(sent(-1, positive, 3, {50})) == "0.005");
  CHECK(json(sent(-2, negative, 8, {1})) == "-0.00000001");
  CHECK(json(sent(-3, positive, 12, {42})) == "0.000000000042");
  CHECK(json(sent(1, positive, 0, {1})) == "10000");
  CHECK(json(sent(2, positive, 0, {1, 2, 3})) == "100020003");
  CHECK(json(sent(2, positive, 2, {12, 0, 9999, 100})) == "1200009999.01");
  CHECK(json(sent(4, positive, 5, {1})) == "10000000000000000.00000");
  CHECK(json(sent(0, positive, 0, {1, 5000})) == "1");  // digits behind the scale are not shown
}

TEST_CASE("what JSON has no number for is a string") {
  CHECK(json(sent(0, 0xC000, 0, {})) == "\"NaN\"");
  CHECK(json(sent(0, 0xD000, 0, {})) == "\"Infinity\"");
  CHECK(json(sent(0, 0xF000, 0, {})) == "\"-Infinity\"");
}

TEST_CASE("what is no numeric is refused, and reads no byte that is not there") {
  const auto whole = sent(0, negative, 1, {9, 9000});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(json(whole.substr(0, size)));
  }
  CHECK_FALSE(json(whole + '\0'));
  CHECK_FALSE(json(sent(0, 0x8000, 0, {1})));
  CHECK_FALSE(json(sent(0, positive, 0, {10'000})));
  CHECK_FALSE(json(sent(0, positive, 0x4000, {1})));
}

TEST_CASE("the longest numerics that can be sent are written") {
  constexpr int largest_weight = 0x7FFF, largest_scale = 0x3FFF;
  const auto large = json(sent(largest_weight, positive, 0, {1}));
  REQUIRE(large.has_value());
  CHECK(*large == '1' + std::string(4 * largest_weight, '0'));
  const auto small = json(sent(-0x8000, positive, largest_scale, {1}));
  REQUIRE(small.has_value());
  CHECK(*small == "0." + std::string(largest_scale, '0'));
}
