#include "query/plan/explained.hpp"

#include <doctest/doctest.h>

using namespace shardplex;

TEST_CASE("the rows that a plan is expected to give are those of its topmost node") {
  CHECK(planned_rows(
            R"([{"Plan": {"Node Type": "Limit", "Plan Rows": 7, "Plans": [{"Plan Rows": 900}]}}])") == 7);
  CHECK(planned_rows(R"([{"Plan": {"Plan Rows": 12345678901}}])") == 12'345'678'901);
  CHECK(planned_rows(R"([{"Plan": {"Plan Rows": 0}}])") == 0);
  CHECK(planned_rows(R"([{"Plan": {"Plan Rows": 1e15}}])") == 1'000'000'000'000'000);
}

TEST_CASE("what is no plan has no rows") {
  for (const auto* text : {"", "[]", "[{}]", "{", "7", R"([{"Plan": 7}])", R"([{"Plan": {}}])",
                           R"([{"Plan": {"Plan Rows": "7"}}])", R"([{"Plan": {"Plan Rows": -1}}])",
                           R"([{"Plan": {"Plan Rows": 1e300}}])", R"({"Plan": {"Plan Rows": 7}})"})
    CHECK(planned_rows(text) == std::nullopt);
}
