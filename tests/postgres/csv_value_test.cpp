// Values as the router writes them in CSV, and JSON as it strips it of nulls, against what PostgreSQL writes.
#include "query/engine/csv_value.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "query/engine/row_text.hpp"
#include "query/engine/strip_nulls.hpp"
#include "query/plan/sql.hpp"
#include "tests/postgres/sample_values.hpp"
#include "tests/postgres/worker.hpp"

namespace shardplex::test {
namespace {

/// A row r as PostgREST puts it into CSV.
const std::string row_of_csv = "substring(r::text, 2, length(r::text) - 2)";

/// Random JSON, most of it valid, with escapes of all kinds.
std::string random_json(std::mt19937_64& random, int depth) {
  static const std::vector<std::string> scalars{"null",
                                                "null",
                                                "true",
                                                "1.50",
                                                "-0",
                                                "1e5",
                                                "\"\"",
                                                "\"null\"",
                                                R"("a\/b\u00e9")",
                                                "\"{:,\"",
                                                R"("\"")",
                                                R"("\\")",
                                                R"("\ud83c\udfac")",
                                                R"("\b\f\n\r\t\u0001\u007f")"};
  static const std::vector<std::string> names{"\"a\"", "\"null\"", "\"\"", R"("\u0061:")", "\"ü\""};
  static const std::vector<std::string> spaces{"", "", " ", "\n\t", "\r\n"};
  const auto one_of = [&](const std::vector<std::string>& all) { return all[random() % all.size()]; };
  const auto kind = depth == 0 ? 0 : random() % 4;
  if (kind < 2) return one_of(spaces) + one_of(scalars) + one_of(spaces);
  std::string inside;
  for (auto count = random() % 4; count > 0; --count) {
    if (!inside.empty()) inside += ',';
    if (kind == 3) inside += one_of(spaces) + one_of(names) + one_of(spaces) + ':';
    inside += random_json(random, depth - 1);
  }
  inside += one_of(spaces);
  return one_of(spaces) + (kind == 3 ? '{' + inside + '}' : '[' + inside + ']') + one_of(spaces);
}

}  // namespace

TEST_CASE("values become the fields that PostgreSQL makes of them, byte for byte, whatever its settings") {
  const auto seed = sample_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const bool usual : {true, false}) {
    CAPTURE(usual);
    Worker worker(shared_server());
    if (!usual) {
      for (const auto* each : {"SET datestyle = 'German'", "SET intervalstyle = 'iso_8601'",
                               "SET bytea_output = 'escape'", "SET extra_float_digits = 0"})
        REQUIRE(worker.execute(each).has_value());
    }
    for (const auto& type : sample_types()) {
      RowText row(RowFormat::csv);
      const JsonType json = json_type("pg_catalog", type.catalogue);
      row.add("v", json);
      const auto sample = sample_values(type, random);
      const auto answer =
          worker.execute("SELECT " + row.sql(json, "v") + ", " + row_of_csv + " FROM " + sample.rows_sql);
      CAPTURE(type.sql);
      if (!answer) FAIL(answer.error().message);
      const auto& result = answer->front();
      REQUIRE(result.is_binary(0));
      REQUIRE(row.holds(0, result.type(0)));
      REQUIRE(result.rows() == static_cast<int>(sample.values.size()));
      for (int number = 0; number < result.rows(); ++number) {
        CAPTURE(sample.values[static_cast<std::size_t>(number)]);
        std::string out;
        CHECK(row.append(out, [&](std::size_t) -> std::optional<std::string_view> {
          if (result.is_null(number, 0)) return std::nullopt;
          return result.bytes(number, 0);
        }));
        CHECK(out == result.bytes(number, 1));
      }
    }
  }
}

TEST_CASE("a row as text is the line that PostgREST's CSV has, without a look at it") {
  Worker worker(shared_server());
  const auto answer = worker.execute(
      "SELECT left(substr((r.*)::text, 2), -1), " + row_of_csv +
      " FROM (VALUES (1, 'a,(b)', NULL::text, ARRAY['x', NULL], '{\"a\": null}'::json), (NULL, '', '\"', "
      "NULL, NULL)) r (a, b, c, d, e)");
  if (!answer) FAIL(answer.error().message);
  for (int row = 0; row < 2; ++row) CHECK(answer->front().bytes(row, 0) == answer->front().bytes(row, 1));
}

TEST_CASE("JSON is stripped of nulls as PostgreSQL strips it, byte for byte") {
  const auto seed = sample_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Worker worker(shared_server());
  std::vector<std::string> all;
  std::string rows;
  constexpr int count = 2'000, depth = 5;
  for (int i = 0; i < count; ++i) {
    all.push_back(random_json(random, depth));
    rows += (rows.empty() ? "(" : ", (") + quote_literal(all.back()) + "::json)";
  }
  const auto answer = worker.execute("SELECT json_strip_nulls(v)::text FROM (VALUES " + rows + ") r (v)");
  if (!answer) FAIL(answer.error().message);
  for (int row = 0; row < count; ++row) {
    const auto& json = all[static_cast<std::size_t>(row)];
    CAPTURE(json);
    std::string out;
    CHECK(append_without_nulls(out, json).has_value());
    CHECK(out == answer->front().bytes(row, 0));
  }
}

TEST_CASE("JSON that PostgreSQL cannot strip of nulls is refused with its code") {
  Worker worker(shared_server());
  for (const std::string json : {R"({"a":"\u0000"})", R"("\ud83c")", R"("\udfac")", R"("\ud83c\ud83c")",
                                 R"("\ud83c\n")", R"({"\u0000":null})"}) {
    CAPTURE(json);
    const auto answer = worker.execute("SELECT json_strip_nulls(" + quote_literal(json) + "::json)");
    REQUIRE_FALSE(answer.has_value());
    std::string out;
    const auto stripped = append_without_nulls(out, json);
    REQUIRE_FALSE(stripped.has_value());
    CHECK(stripped.error().code == answer.error().sqlstate);
    CHECK(stripped.error().message == answer.error().message);
  }
}

}  // namespace shardplex::test
