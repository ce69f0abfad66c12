#include "router/execution/gather_rows.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "query/engine/concatenate.hpp"
#include "query/engine/slice.hpp"
#include "query/engine/sorted_merge.hpp"
#include "tests/router/execution/worker_fixture.hpp"
#include "tests/router/result_sets.hpp"

using namespace shardplex;
using namespace shardplex::router;
using namespace shardplex::router::fixtures;
using namespace std::chrono_literals;

namespace {

using Texts = std::vector<std::string>;

/// A shard's answer as libpq holds it: of each text "b2" the row "b2" and its key "b".
SharedRows answer(const Texts& texts) {
  std::vector<tests::ResultRow> rows;
  for (const auto& text : texts) rows.push_back({text, text.substr(0, 1)});
  return std::make_shared<const postgres::ResultSet>(tests::result_of(2, rows));
}

/// What one shard answered, and how many rows it had been asked for.
struct Answer {
  Texts rows;
  std::optional<std::uint64_t> asked_for = std::nullopt;
};

/// What such answers are results of.
ReadPlan scan() {
  ReadPlan plan;
  plan.row.add("r", {JsonKind::json, false});
  plan.key_columns = {1};
  return plan;
}

struct Gathering {
  WorkerFixture fixture;
  GatheredRows rows;

  Gathering(std::unique_ptr<RowOperator> combine, const std::vector<Answer>& answers)
      : rows(scan(), std::move(combine), sources(answers), std::nullopt, Clock::now() + 10s) {}

  static std::vector<ShardRows> sources(const std::vector<Answer>& answers) {
    std::vector<ShardRows> out;
    for (const auto& [texts, asked_for] : answers) out.emplace_back(answer(texts), asked_for);
    return out;
  }
  Texts all() {
    Texts out;
    for (;;) {
      const auto row = fixture.result_of(rows.next()).value();
      if (!row) return out;
      constexpr std::string_view before = "{\"r\":", after = "}";
      REQUIRE(row->json.starts_with(before));
      out.push_back(row->json.substr(before.size(), row->json.size() - before.size() - after.size()));
    }
  }
  bool fetch_ahead() { return fixture.result_of(rows.fetch_ahead()).value(); }
};

std::unique_ptr<RowOperator> merge_of(std::size_t inputs) {
  return std::make_unique<SortedMerge>(std::vector<MergeKey>{{SortKind::text, false, false, {}}}, inputs);
}

std::unique_ptr<RowOperator> first(std::uint64_t rows, std::size_t inputs) {
  return std::make_unique<Slice>(merge_of(inputs), 0, rows);
}

}  // namespace

TEST_CASE("the rows of all shards come as the operator combines them") {
  CHECK(Gathering(merge_of(3), {{{"a1", "c1"}}, {{}}, {{"b2"}}}).all() == Texts{"a1", "b2", "c1"});
  CHECK(Gathering(std::make_unique<Concatenate>(2), {{{"b", "a"}}, {{"c"}}}).all() == Texts{"b", "a", "c"});
  CHECK(Gathering(first(2, 2), {{{"a1", "c1"}}, {{"b2"}}}).all() == Texts{"a1", "b2"});
}

TEST_CASE("rows that were fetched ahead come in their order, once") {
  Gathering gathering(merge_of(2), {{{"a1", "c1"}}, {{"b2"}}});
  CHECK(gathering.fetch_ahead());
  CHECK(gathering.all() == Texts{"a1", "b2", "c1"});
  CHECK(gathering.all() == Texts{});
}

TEST_CASE("expected rows suffice where no shard ran out of them before the page was full") {
  CHECK(Gathering(first(3, 2), {{{"a1", "c1"}, 2}, {{"b2", "d2"}, 2}}).fetch_ahead());
  CHECK(Gathering(first(9, 2), {{{"a1"}, 2}, {{"b2"}, 2}}).fetch_ahead());
}

TEST_CASE("expected rows fall short where a shard that may have more ran out of them") {
  CHECK_FALSE(Gathering(first(3, 2), {{{"a1", "b1"}, 2}, {{"c2", "d2"}, 2}}).fetch_ahead());
  CHECK_FALSE(Gathering(first(3, 2), {{{"a1"}, 1}, {{}, 2}}).fetch_ahead());
}

TEST_CASE("rows of an answer that has begun may take as long as a stream") {
  Gathering gathering(merge_of(1), {{{"a1"}}});
  const StreamTime time{Clock::now() + 1h, 30s};
  gathering.rows.begin(time);
  CHECK(gathering.rows.deadline() == time.end);
  CHECK(gathering.all() == Texts{"a1"});
}

TEST_CASE("a value that is none of its column's type fails the answer") {
  ReadPlan plan;
  plan.row.add("n", {JsonKind::integer, false});
  WorkerFixture fixture;
  GatheredRows rows(plan, std::make_unique<Concatenate>(1), Gathering::sources({{{"123"}}}), std::nullopt,
                    Clock::now() + 10s);
  const auto row = fixture.result_of(rows.next());
  REQUIRE_FALSE(row.has_value());
  CHECK(row.error().code == "SHARD503");
}

TEST_CASE("rows whose text memory has no room for are not written first and counted then") {
  ReadPlan plan;
  plan.row.add("n", {JsonKind::numeric, false});
  const std::string numeric("\0\1\x7F\xFF\0\0\0\0\0\1", 10);  // 131,069 digits
  const std::vector<tests::ResultRow> rows(100'000, tests::ResultRow{numeric});
  std::vector<ShardRows> sources;
  sources.emplace_back(std::make_shared<const postgres::ResultSet>(tests::result_of(1, rows)), std::nullopt);
  MemoryBudget budget(1'000'000);
  WorkerFixture fixture;
  GatheredRows gathered(plan, std::make_unique<Concatenate>(1), std::move(sources), std::nullopt,
                        Clock::now() + 10s, &budget);
  const auto row = fixture.result_of(gathered.next());
  REQUIRE_FALSE(row.has_value());
  CHECK(row.error() == postgres::out_of_memory());
  CHECK(gathered.rows_read() < 10);
}
