// Values as the router writes them in JSON, against what PostgreSQL writes.
#include "query/engine/json_value.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/postgres/sample_values.hpp"
#include "tests/postgres/worker.hpp"

namespace shardplex::test {

TEST_CASE("values become the JSON that PostgreSQL makes of them, byte for byte") {
  const auto seed = sample_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Worker worker(shared_server());
  for (const bool in_utc : {false, true}) {
    for (const auto& type : sample_types()) {
      const JsonType json = json_type("pg_catalog", type.catalogue, in_utc);
      const auto sample = sample_values(type, random);
      Statement statement{"SELECT " + json_sql(json, "v") + ", to_json(v)::text FROM " + sample.rows_sql, {}};
      if (in_utc) statement.time_zone = "Etc/UTC";
      const auto answer = worker.execute(std::vector{std::move(statement)});
      CAPTURE(type.sql);
      CAPTURE(in_utc);
      if (!answer) FAIL(answer.error().message);
      const auto& result = answer->front();
      REQUIRE(result.is_binary(0));
      REQUIRE(holds_json_of(json, result.type(0)));
      REQUIRE(result.rows() == static_cast<int>(sample.values.size()));
      for (int row = 0; row < result.rows(); ++row) {
        CAPTURE(sample.values[static_cast<std::size_t>(row)]);
        CHECK(result.is_null(row, 0) == result.is_null(row, 1));
        if (result.is_null(row, 0)) continue;
        std::string out;
        CHECK(append_json(out, json, result.bytes(row, 0)));
        CHECK(out == result.bytes(row, 1));
      }
    }
  }
}

}  // namespace shardplex::test
