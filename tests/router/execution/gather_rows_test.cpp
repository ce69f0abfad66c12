#include "router/execution/gather_rows.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "postgres/memory_budget.hpp"
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

TEST_CASE("what is in rows that are left out of what is fetched ahead does not matter") {
  ReadPlan plan;
  plan.row.add("n", {JsonKind::integer, false});
  plan.key_columns = {1};
  const std::vector<tests::ResultRow> rows{{tests::int8(5), "a"}, {"123", "b"}};
  const auto all = std::make_shared<const postgres::ResultSet>(tests::result_of(2, rows));
  const auto gathered = [&](std::uint64_t limit, std::optional<std::uint64_t> asked_for) {
    std::vector<ShardRows> sources;
    sources.emplace_back(all, asked_for);
    return GatheredRows(plan, first(limit, 1), std::move(sources), std::nullopt, Clock::now() + 10s);
  };
  WorkerFixture fixture;
  auto one = gathered(1, std::nullopt);
  CHECK(fixture.result_of(one.fetch_ahead()).value());
  CHECK(all.use_count() == 1);
  const auto row = fixture.result_of(one.next()).value();
  REQUIRE(row.has_value());
  CHECK(row->json == R"({"n":5})");
  CHECK_FALSE(row->unwritten.has_value());
  CHECK_FALSE(fixture.result_of(one.next()).value().has_value());

  auto two = gathered(2, std::nullopt);
  const auto fetched = fixture.result_of(two.fetch_ahead());
  REQUIRE_FALSE(fetched.has_value());
  CHECK(fetched.error().code == "SHARD503");
  auto too_few = gathered(3, 2);
  CHECK_FALSE(fixture.result_of(too_few.fetch_ahead()).value());
}

TEST_CASE("rows that are fetched ahead have their own text, with its rooms") {
  ReadPlan plan;
  plan.row.add("r", {JsonKind::json, false});
  plan.row.leave_room({"a"});
  plan.key_columns = {1};
  WorkerFixture fixture;
  GatheredRows rows(plan, first(3, 2), Gathering::sources({{{"a1", "c1", "e1"}}, {{"b2", "d2"}}}),
                    std::nullopt, Clock::now() + 10s);
  REQUIRE(fixture.result_of(rows.fetch_ahead()).value());
  for (const auto* text : {"a1", "b2", "c1"}) {
    const auto row = fixture.result_of(rows.next()).value();
    REQUIRE(row.has_value());
    CHECK(row->json == std::string("{\"r\":") + text + '}');
    CHECK(row->rooms == std::vector<std::size_t>{7});
  }
}

TEST_CASE("the text of rows that are fetched ahead has its share of the memory until they have come out") {
  MemoryBudget budget(50'000);
  const std::string text(20'000, '1');
  WorkerFixture fixture;
  const auto gathered = [&](std::uint64_t limit) {
    return GatheredRows(scan(), first(limit, 1), Gathering::sources({{{text, text, text}}}), std::nullopt,
                        Clock::now() + 10s, &budget);
  };
  {
    auto two = gathered(2);
    REQUIRE(fixture.result_of(two.fetch_ahead()).value());
    CHECK(budget.used() > 40'000);
    CHECK(budget.used() < 45'000);
    for (int row = 0; row < 2; ++row) CHECK(fixture.result_of(two.next()).value().has_value());
    CHECK(budget.used() < 5'000);
  }
  CHECK(budget.used() == 0);
  {
    auto three = gathered(3);
    const auto fetched = fixture.result_of(three.fetch_ahead());
    REQUIRE_FALSE(fetched.has_value());
    CHECK(fetched.error() == postgres::out_of_memory());
  }
  CHECK(budget.used() == 0);
}

TEST_CASE("rows are fetched ahead only as far as memory has room for them and for their text") {
  ReadPlan plan;
  plan.row.add("n", {JsonKind::numeric, false});
  plan.key_columns = {1};
  const std::string numeric("\0\1\x7F\xFF\0\0\0\0\0\1", 10);  // 131,069 digits
  const std::vector<tests::ResultRow> rows(10'000, tests::ResultRow{numeric, "a"});
  const auto all = std::make_shared<const postgres::ResultSet>(tests::result_of(2, rows));
  WorkerFixture fixture;
  const auto fetch = [&](std::uint64_t limit, std::size_t budget_bytes) {
    MemoryBudget budget(budget_bytes);
    std::vector<ShardRows> sources;
    sources.emplace_back(all, std::nullopt);
    GatheredRows gathered(plan, first(limit, 1), std::move(sources), std::nullopt, Clock::now() + 10s,
                          &budget);
    const auto fetched = fixture.result_of(gathered.fetch_ahead());
    if (!fetched) CHECK(fetched.error() == postgres::out_of_memory());
    return std::pair(fetched.has_value(), gathered.rows_read());
  };
  CHECK(fetch(20, 10'000'000).first);
  CHECK_FALSE(fetch(10'000, 10'000'000).first);
  const auto stopped = fetch(1, 500'000);
  CHECK_FALSE(stopped.first);
  CHECK(stopped.second < 5'000);
}
