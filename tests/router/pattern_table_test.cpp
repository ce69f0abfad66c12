#include "router/pattern_table.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "router/metrics.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

void serve(PatternTable& table, const std::string& shape, const PatternTable::Answered& answered) {
  table.sheet() += shape;
  table.count(table.find(shape), answered);
}

const PatternCounts* counts_of(const PatternReport& report, const std::string& text) {
  for (const auto& pattern : report.patterns)
    if (pattern.text == text) return &pattern.counts;
  return nullptr;
}

std::uint64_t all_calls(const PatternReport& report) {
  auto calls = report.other.calls;
  for (const auto& pattern : report.patterns) calls += pattern.counts.calls;
  return calls;
}

}  // namespace

TEST_CASE("a pattern has the sums of its requests") {
  PatternTable table;
  serve(table, "GET /a", {1'000, false, 1, 5, 7, 100});
  serve(table, "GET /a", {3'000, false, 3, 1, 1, 50});
  serve(table, "GET /a", {20, true, 0, 0, std::nullopt, 9});
  serve(table, "GET /b", {10, false, 2, 1, std::nullopt, 1});
  const auto report = table.report();
  REQUIRE(report.patterns.size() == 2);
  const auto* a = counts_of(report, "GET /a");
  REQUIRE(a != nullptr);
  CHECK(a->calls == 3);
  CHECK(a->errors == 1);
  CHECK(a->time_us == 4'020);
  CHECK(a->shards == 4);
  CHECK(a->scatters == 1);
  CHECK(a->rows == 6);
  CHECK(a->rows_read == 8);
  CHECK(a->not_known == 0);  // nobody expects to know that of an error
  CHECK(a->bytes == 159);
  CHECK(a->latency[latency_bucket(20)] == 1);
  CHECK(percentile(a->latency, 0.5) == longest_of_bucket(latency_bucket(1'000)));
  CHECK(counts_of(report, "GET /b")->not_known == 1);
  CHECK(report.other == PatternCounts{});
}

TEST_CASE("however many shapes come, the table keeps its bound and loses no call") {
  PatternTable table(10);
  for (int i = 0; i < 1'000; ++i) {
    serve(table, "GET /heavy", {500, false, 1, 1, 1, 10});
    serve(table, "GET /junk" + std::to_string(i), {10, i % 2 == 0, 1, 1, 1, 10});
  }
  const auto report = table.report();
  CHECK(report.patterns.size() == 10);
  CHECK(all_calls(report) == 2'000);
  const auto* heavy = counts_of(report, "GET /heavy");
  REQUIRE(heavy != nullptr);
  CHECK(heavy->calls == 1'000);
  CHECK(heavy->inherited_us == 0);
  CHECK(report.other.errors > 400);
}

TEST_CASE("a shape that leaves the table while its request is served is counted among the others") {
  PatternTable table(1);
  serve(table, "GET /a", {10, false, 1, 1, 1, 1});
  const auto ticket = table.find("GET /a");
  CHECK(table.text_of(ticket) == "GET /a");
  serve(table, "GET /b", {10, false, 1, 1, 1, 1});
  CHECK(table.text_of(ticket).empty());
  table.count(ticket, {10, false, 1, 1, 1, 1});
  const auto report = table.report();
  REQUIRE(report.patterns.size() == 1);
  CHECK(report.patterns[0].text == "GET /b");
  CHECK(report.patterns[0].counts.calls == 1);
  CHECK(report.patterns[0].counts.inherited_us >= 10);
  CHECK(report.other.calls == 2);
}

TEST_CASE(
    "two requests of a new shape that are served at once have one pattern, and those of none have theirs") {
  PatternTable table;
  const auto first = table.find("GET /a"), second = table.find("GET /a");
  CHECK(table.text_of(first) == "GET /a");
  table.count(first, {});
  table.count(second, {});
  CHECK(table.text_of({}) == "(no endpoint)");
  table.count({}, {.failed = true});
  table.count({}, {.failed = true});
  const auto report = table.report();
  REQUIRE(report.patterns.size() == 2);
  CHECK(counts_of(report, "GET /a")->calls == 2);
  CHECK(counts_of(report, "(no endpoint)")->errors == 2);
}

TEST_CASE("the sheet is empty whenever a shape is to be written on it") {
  PatternTable table;
  table.sheet() += "GET /a";
  CHECK(table.sheet().empty());
}

TEST_CASE("the patterns of all workers add up") {
  Metrics metrics(2);
  serve(metrics.worker(0).patterns, "GET /a", {10, false, 1, 1, 1, 1});
  serve(metrics.worker(1).patterns, "GET /a", {20, false, 1, 1, 1, 1});
  serve(metrics.worker(1).patterns, "GET /b", {30, false, 1, 1, 1, 1});
  const auto report = metrics.patterns();
  CHECK(report.patterns.size() == 2);
  CHECK(counts_of(report, "GET /a")->time_us == 30);
}

TEST_CASE("a router tells of no more patterns than a worker keeps, and of all calls") {
  Metrics metrics(6);
  for (std::size_t worker = 0; worker < 6; ++worker)
    for (std::size_t i = 0; i < PatternTable::most; ++i)
      serve(metrics.worker(worker).patterns, "GET /" + std::to_string(worker) + "/" + std::to_string(i),
            {10 + i, false, 1, 1, 1, 1});
  const auto report = metrics.patterns();
  CHECK(report.patterns.size() == PatternTable::most);
  CHECK(all_calls(report) == 6 * PatternTable::most);
  CHECK(report.patterns.front().counts.time_us == 10 + PatternTable::most - 1);
}

TEST_CASE("a report can be made while requests are counted, and misses none that had been") {
  PatternTable table(8);
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> counted = 0;
  std::thread worker([&] {
    for (int i = 0; !stop; ++i) {
      serve(table, "GET /" + std::to_string(i % 12), {10, false, 1, 1, 1, 1});
      counted.fetch_add(1);
    }
  });
  for (int i = 0; i < 200; ++i) {
    const auto before = counted.load();
    const auto report = table.report();
    CHECK(report.patterns.size() <= 8);
    CHECK(all_calls(report) >= before);
  }
  stop = true;
  worker.join();
  CHECK(all_calls(table.report()) == counted.load());
}
