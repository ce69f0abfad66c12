#include "query/engine/jsonb_order.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "query/engine/jsonb_tokens.hpp"
#include "query/engine/sort_key.hpp"

using namespace shardplex;

namespace {

/// As jsonb_send() writes it.
std::string jsonb_bytes(const std::string& text) {
  return '\1' + text;
}

int compare_texts(const std::string& a, const std::string& b) {
  const int order = compare_jsonb(jsonb_bytes(a), jsonb_bytes(b));
  return (order > 0) - (order < 0);
}

}  // namespace

TEST_CASE("jsonb sorts by kind, then by the number of members, then by the members") {
  // An empty array is first only where it is the whole value.
  const std::vector<std::string> ascending{
      "[]",
      "null",
      R"("")",
      R"("\u0001")",
      R"("\t")",
      R"("\n")",
      R"("!")",
      R"("\"")",
      R"("A")",
      R"("Z")",
      R"("\\")",
      R"("a")",
      R"("ab")",
      R"("b")",
      "\"\x7f\"",
      R"("é")",
      "-12345678901234567890.5",
      "-10",
      "-9.5",
      "-0.01",
      "0",
      "0.001",
      "0.01",
      "0.1",
      "1",
      "1.05",
      "1.5",
      "9",
      "10",
      "12345678901234567890.5",
      "12345678901234567890.51",
      "false",
      "true",
      "[null]",
      R"(["z"])",
      "[1]",
      "[true]",
      "[[]]",
      "[[9]]",
      "[[1, 2]]",
      "[{}]",
      "[1, 2]",
      "[1, 3]",
      "[2, 1]",
      "{}",
      R"({"a": null})",
      R"({"a": "x"})",
      R"({"a": 2})",
      R"({"a": []})",
      R"({"a": {}})",
      R"({"a": {"b": 1}})",
      R"({"aa": null})",
      R"({"b": 1})",
      R"({"a": 1, "b": 1})",
      R"({"a": 1, "c": 0})",
      R"({"a": 2, "b": 0})",
  };
  for (std::size_t i = 0; i < ascending.size(); ++i)
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      CAPTURE(ascending[i]);
      CAPTURE(ascending[j]);
      CHECK(compare_texts(ascending[i], ascending[j]) == (i > j) - (i < j));
    }
}

TEST_CASE("numbers of jsonb that are written with other scales are equal") {
  CHECK(compare_texts("1", "1.00") == 0);
  CHECK(compare_texts("-0.50", "-0.5") == 0);
  CHECK(compare_texts("0", "0.00") == 0);
  CHECK(compare_texts(R"({"a": [1.0, 2]})", R"({"a": [1, 2.0]})") == 0);
  CHECK(compare_texts("[1.0, 2]", "[1, 3]") == -1);
}

TEST_CASE("jsonb that is nested deeply is compared") {
  constexpr std::size_t depth = 100'000;
  const auto nested = [&](const std::string& inner) {
    return std::string(depth, '[') + inner + std::string(depth, ']');
  };
  CHECK(compare_texts(nested("1"), nested("2")) == -1);
  CHECK(compare_texts(nested("1"), nested("1.0")) == 0);
}

TEST_CASE("bytes that are no jsonb are told from those that are") {
  for (const auto* text : {"null", "true", "false", "0", "-1.50", R"("")", R"("\u001f\b\f\n\r\t\"\\")", "[]",
                           "{}", R"({"a": [1, {"b": null}], "c": "é"})"}) {
    CAPTURE(std::string(text));
    CHECK(is_jsonb(jsonb_bytes(text)));
    CHECK_FALSE(is_jsonb(text));
    CHECK_FALSE(is_jsonb(jsonb_bytes(text) + ' '));
  }
  for (const auto* text :
       {"nul",        "-",          "1.",    ".5",    "1e3",   "\"",  R"("\x")", R"("\u0041")",
        R"("\u00")",  R"("\")",     "[1 2]", "[1,2]", "[1, ]", "[1}", "{1}",     R"({"a"})",
        R"({"a": })", R"({"a":1})", "]",     "[]]",   "1 2",   "'a'"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(is_jsonb(jsonb_bytes(text)));
  }
  CHECK_FALSE(is_jsonb("\2{}"));
}

TEST_CASE("no front of a jsonb is one, but that of a number") {
  const auto whole = jsonb_bytes(R"({"a": [1.5, {"b": null}, true], "c": "\n\u0001"})");
  REQUIRE(is_jsonb(whole));
  for (std::size_t length = 0; length < whole.size(); ++length)
    CHECK_FALSE(is_jsonb(whole.substr(0, length)));
}

TEST_CASE("jsonb is a kind of values that are merged") {
  const MergeKey key{SortKind::jsonb, true, false, {}};
  CHECK(compare_keys(key, jsonb_bytes("10"), jsonb_bytes("9")) < 0);
  CHECK(compare_keys(key, jsonb_bytes("null"), std::nullopt) < 0);
  CHECK(is_value_of(SortKind::jsonb, jsonb_bytes("[1, 2]")));
  CHECK_FALSE(is_value_of(SortKind::jsonb, "[1, 2]"));
  CHECK(holds_values_of(SortKind::jsonb, 3802));
  CHECK_FALSE(holds_values_of(SortKind::jsonb, 114));  // json has no order
}
