#include "query/grammar/cursor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace shardplex;

namespace {

constexpr std::string_view url_safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::optional<std::string> random_value(std::mt19937_64& random) {
  static const std::vector<std::string> pieces{
      "", "a", "0", "-1.5", "é", "日", "2024-02", std::string(130, 'x'), "\n", "\U0001F600"};
  if (random() % 4 == 0) return std::nullopt;
  std::string value;
  for (auto i = random() % 4; i > 0; --i) value += pieces[random() % pieces.size()];
  return value;
}

Cursor random_cursor(std::mt19937_64& random) {
  Cursor cursor{random() % 2 == 0, random(), {}};
  for (auto i = random() % 5; i > 0; --i) cursor.values.push_back(random_value(random));
  return cursor;
}

/// Some bytes changed, left out, put in, cut off, or another order.
std::string damaged(std::string text, std::mt19937_64& random) {
  const auto place = [&] { return static_cast<std::ptrdiff_t>(random() % text.size()); };
  switch (random() % 6) {
    case 0:
      text[random() % text.size()] = url_safe[random() % url_safe.size()];
      break;
    case 1:
      text[random() % text.size()] = static_cast<char>(random());
      break;
    case 2:
      text.erase(text.begin() + place());
      break;
    case 3:
      text.insert(text.begin() + place(), url_safe[random() % url_safe.size()]);
      break;
    case 4:
      text.resize(random() % text.size());
      break;
    default:
      std::swap(text[random() % text.size()], text[random() % text.size()]);
  }
  return text;
}

}  // namespace

TEST_CASE("a cursor is read as it was written, and its text can stand in a URL as it is") {
  const auto seed = std::random_device()();
  INFO("seed ", seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2000; ++i) {
    const auto cursor = random_cursor(random);
    const auto text = encode_cursor(cursor);
    CHECK(text.find_first_not_of(url_safe) == std::string::npos);
    REQUIRE(decode_cursor(text) == cursor);
  }
}

TEST_CASE("a null is no empty text, and values do not run into each other") {
  const auto text = [](std::vector<std::optional<std::string>> values) {
    return encode_cursor({false, 1, std::move(values)});
  };
  const std::vector<std::string> texts{text({}),         text({""}),          text({std::nullopt}),
                                       text({"a", "b"}), text({"ab"}),        text({"", "ab"}),
                                       text({"ab", ""}), text({"a", "", "b"})};
  for (std::size_t i = 0; i < texts.size(); ++i) CHECK(std::count(texts.begin(), texts.end(), texts[i]) == 1);
  CHECK(encode_cursor({true, 1, {}}) != encode_cursor({false, 1, {}}));
  CHECK(encode_cursor({true, 2, {}}) != encode_cursor({true, 1, {}}));
}

TEST_CASE("a damaged cursor is none, wherever it is damaged") {
  const auto seed = std::random_device()();
  INFO("seed ", seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto text = encode_cursor(random_cursor(random));
    auto other = damaged(text, random);
    if (random() % 3 == 0 && !other.empty()) other = damaged(other, random);
    if (other == text) continue;
    CAPTURE(text);
    CAPTURE(other);
    REQUIRE_FALSE(decode_cursor(other));
  }
}

TEST_CASE("every character of a cursor counts, the unused bits of the last one too") {
  for (const auto* value : {"", "a", "ab", "abc"}) {
    const auto text = encode_cursor({false, 42, {value}});
    for (std::size_t at = 0; at < text.size(); ++at)
      for (const char c : url_safe) {
        auto other = text;
        other[at] = c;
        if (other != text) CHECK_FALSE(decode_cursor(other));
      }
  }
}

TEST_CASE("what was never a cursor is none") {
  for (const auto* text : {"", "A", "AA", "abc", "5", "eq.5", "====", "AQAAAAAAAAAAAA", "é", " "})
    CHECK_FALSE(decode_cursor(text));
  const auto text = encode_cursor({false, 42, {"a"}});
  CHECK(decode_cursor(text));
  CHECK_FALSE(decode_cursor(text + '='));
  CHECK_FALSE(decode_cursor(' ' + text));
}

TEST_CASE("values that are no text of PostgreSQL's are refused, whatever the checksum says") {
  CHECK_FALSE(decode_cursor(encode_cursor({false, 1, {std::string("a\0b", 3)}})));
  CHECK_FALSE(decode_cursor(encode_cursor({false, 1, {"\xff"}})));
  CHECK_FALSE(decode_cursor(encode_cursor({false, 1, {"\xc3"}})));
}

TEST_CASE("a cursor has a greatest length") {
  const auto of_length = [](std::size_t bytes) {
    return encode_cursor({false, 1, {std::string(bytes, 'x')}});
  };
  CHECK(of_length(1500).size() <= longest_cursor);
  CHECK(decode_cursor(of_length(1500)));
  CHECK(of_length(1600).size() > longest_cursor);
  CHECK_FALSE(decode_cursor(of_length(1600)));
}
