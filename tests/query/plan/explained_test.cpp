#include "query/plan/explained.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace shardplex;

TEST_CASE("the rows that a plan is expected to give are those of its topmost node") {
  CHECK(planned_rows(
            R"([{"Plan": {"Node Type": "Limit", "Plan Rows": 7, "Plans": [{"Plan Rows": 900}]}}])") == 7);
  CHECK(planned_rows(R"([{"Plan": {"Plan Rows": 12345678901}}])") == 12'345'678'901);
  CHECK(planned_rows(R"([{"Plan": {"Plan Rows": 0}}])") == 0);
  CHECK(planned_rows(R"([{"Plan": {"Plan Rows": 1e15}}])") == 1'000'000'000'000'000);
}

TEST_CASE("a plan may be deep, and may be expected to give more rows than there are numbers") {
  std::string plan = R"({"Plan Rows": 3})";
  for (int level = 0; level < 100; ++level) plan = R"({"Plan Rows": 4, "Plans": [)" + plan + "]}";
  CHECK(planned_rows("[{\"Plan\": " + plan + "}]") == 4);
  for (const auto* rows : {"1e19", "1e300", "9223372036854775807", "100000000000000000000"})
    CHECK(planned_rows(R"([{"Plan": {"Plan Rows": )" + std::string(rows) + "}}]") ==
          std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("EXPLAIN has the options asked for, and may only read") {
  const Statement read{"SELECT $1", {"5"}};
  CHECK(explaining(read, {}).sql == "EXPLAIN (FORMAT TEXT) SELECT $1");
  CHECK(explaining(read, {}).params == read.params);
  CHECK(explaining(read, {}).read_only);
  PlanAsked asked;
  asked.format = PlanAsked::Format::json;
  asked.analyze = asked.verbose = asked.settings = asked.buffers = asked.wal = true;
  CHECK(explaining(read, asked).sql ==
        "EXPLAIN (FORMAT JSON, ANALYZE, VERBOSE, SETTINGS, BUFFERS, WAL) SELECT $1");
  CHECK(explaining(read, asked).read_only);
}

TEST_CASE("one plan is shown as it is, and several are named by their shards") {
  using Format = PlanAsked::Format;
  const ShardPlan alpha{"alpha", "Seq Scan\n  Filter: (a = 1)\n"}, beta{"beta", "Result\n"};
  CHECK(side_by_side({alpha}, Format::text) == alpha.text);
  CHECK(side_by_side({alpha, beta}, Format::text) ==
        "Shard: alpha\nSeq Scan\n  Filter: (a = 1)\n\nShard: beta\nResult\n");
  const std::string plan = "[\n  {\n    \"Plan\": {\n      \"Plan Rows\": 7\n    }\n  }\n]\n";
  CHECK(side_by_side({{"alpha", plan}}, Format::json) == plan);
  const std::string both = side_by_side({{"alpha", plan}, {"b\"", plan}}, Format::json);
  CHECK(both ==
        "[\n  {\n    \"Shard\": \"alpha\",\n    \"Plan\": {\n      \"Plan Rows\": 7\n    }\n  },\n"
        "  {\n    \"Shard\": \"b\\\"\",\n    \"Plan\": {\n      \"Plan Rows\": 7\n    }\n  }\n]\n");
  CHECK(planned_rows(both) == 7);
}

TEST_CASE("what is no plan has no rows") {
  for (const auto* text : {"", "[]", "[{}]", "{", "7", R"([{"Plan": 7}])", R"([{"Plan": {}}])",
                           R"([{"Plan": {"Plan Rows": "7"}}])", R"([{"Plan": {"Plan Rows": -1}}])",
                           R"({"Plan": {"Plan Rows": 7}})"})
    CHECK(planned_rows(text) == std::nullopt);
  std::string endless;
  for (int level = 0; level < 100'000; ++level) endless += R"([{"Plan":)";
  CHECK(planned_rows(endless) == std::nullopt);
}
