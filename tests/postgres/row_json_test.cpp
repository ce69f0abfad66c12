// Rows as the router writes them in JSON, against row_to_json().
#include "query/engine/row_json.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/plan/sql.hpp"
#include "tests/postgres/sample_values.hpp"
#include "tests/postgres/worker.hpp"

namespace shardplex::test {
namespace {

/// The row as the router writes it of its columns from `first` on; nullopt where a value is none of its type.
std::optional<std::string> written(const RowJson& row, const ResultSet& result, int number, int first) {
  std::string out;
  const auto value = [&](std::size_t field) -> std::optional<std::string_view> {
    const int column = first + static_cast<int>(field);
    if (result.is_null(number, column)) return std::nullopt;
    return result.bytes(number, column);
  };
  if (!row.append(out, value)) return std::nullopt;
  return out;
}

/// A subquery r of rows whose members have all the types, and the names of these members, which need escapes.
struct RowsOfAllTypes {
  std::string sql;
  RowJson row;
  std::string values;  ///< over r: what the members are written from
};

RowsOfAllTypes rows_of_all_types(std::size_t count, bool in_utc, std::mt19937_64& random) {
  static const std::vector<std::string> odd_ends{"",     " ", "\"",   "\\",
                                                 "\n\t", "ü", "\x01", "\xf0\x9f\x8e\xac"};
  RowsOfAllTypes rows;
  std::vector<std::string> selects(count);
  std::size_t number = 0;
  for (const auto& type : sample_types()) {
    const std::string name = type.catalogue + odd_ends[number++ % odd_ends.size()];
    const auto sample = sample_values(type, random);
    for (auto& select : selects) {
      const auto& value = sample.values[random() % sample.values.size()];
      add_item(select, '(' + value + ")::" + type.sql + " AS " + quote_identifier(name));
    }
    const JsonType json = json_type("pg_catalog", type.catalogue, in_utc);
    add_item(rows.values, json_sql(json, "r." + quote_identifier(name)));
    rows.row.add(name, json);
  }
  for (const auto& select : selects)
    rows.sql += (rows.sql.empty() ? "(SELECT " : " UNION ALL SELECT ") + select;
  rows.sql += ") r";
  return rows;
}

}  // namespace

TEST_CASE("a row of all types is what row_to_json() makes of it, byte for byte, whatever the time zone") {
  const auto seed = sample_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Worker worker(shared_server());
  constexpr std::size_t count = 100;
  // None west of UTC, where the last timestamp that the samples have would be out of range.
  for (const std::string zone : {"UTC", "Asia/Kolkata"}) {
    CAPTURE(zone);
    const auto rows = rows_of_all_types(count, zone == "UTC", random);
    Statement statement{"SELECT row_to_json(r)::text, " + rows.values + " FROM " + rows.sql, {}};
    statement.time_zone = zone;
    const auto answer = worker.execute(std::vector{std::move(statement)});
    if (!answer) FAIL(answer.error().message);
    const auto& result = answer->front();
    REQUIRE(result.rows() == static_cast<int>(count));
    for (int number = 0; number < result.rows(); ++number)
      CHECK(written(rows.row, result, number, 1) == result.copy(number, 0));
  }
}

TEST_CASE("domains are sent as what they are made of, and written as that") {
  struct Domain {
    std::string name, over, catalogue, value;
  };
  const std::vector<Domain> domains{{"json_whole", "integer", "int4", "7"},
                                    {"json_wholes", "integer[]", "_int4", "{1,NULL,2}"},
                                    {"json_ratio", "double precision", "float8", "1e23"},
                                    {"json_part", "json_ratio", "float8", "-0"},
                                    {"json_code", "character(4)", "bpchar", "a\""},
                                    {"json_text", "jsonb", "jsonb", "{\"b\": [1.50, null]}"}};
  Worker worker(shared_server());
  RowJson row;
  std::string values, members;
  for (const auto& [name, over, catalogue, value] : domains) {
    worker.execute("CREATE DOMAIN " + name + " AS " + over + " CHECK (VALUE IS NOT NULL)").value();
    const JsonType json = json_type("pg_catalog", catalogue);
    add_item(members, quote_literal(value) + "::" + name + " AS " + name);
    add_item(values, json_sql(json, "r." + name));
    row.add(name, json);
  }
  const auto answer =
      worker.execute("SELECT row_to_json(r)::text, " + values + " FROM (SELECT " + members + ") r");
  if (!answer) FAIL(answer.error().message);
  const auto& result = answer->front();
  for (std::size_t field = 0; field < row.fields().size(); ++field)
    CHECK(holds_json_of(row.fields()[field].type, result.type(1 + static_cast<int>(field))));
  CHECK(written(row, result, 0, 1) == result.copy(0, 0));
}

}  // namespace shardplex::test
