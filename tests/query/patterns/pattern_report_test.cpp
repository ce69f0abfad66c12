#include "query/patterns/pattern_report.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "query/patterns/pattern_json.hpp"

using namespace shardplex;

namespace {

namespace json = boost::json;

PatternCounts counts(std::uint64_t calls, std::uint64_t time_us, std::uint64_t errors = 0) {
  PatternCounts out;
  out.calls = calls;
  out.time_us = time_us;
  out.errors = errors;
  out.shards = 3 * calls;
  out.scatters = calls;
  out.rows = 10;
  out.rows_read = 30;
  out.bytes = 1000;
  out.latency[latency_bucket(time_us)] = calls;
  return out;
}

std::vector<std::string> texts(const PatternReport& report) {
  std::vector<std::string> out;
  for (const auto& pattern : report.patterns) out.push_back(pattern.text);
  return out;
}

}  // namespace

TEST_CASE("patterns of one text add up, those of others stand beside them") {
  PatternReport sum;
  sum.add({{{"a", counts(1, 100)}, {"b", counts(2, 50)}}, counts(5, 7)});
  sum.add({{{"b", counts(3, 60, 1)}, {"c", counts(1, 1)}}, counts(1, 1)});
  CHECK(texts(sum) == std::vector<std::string>{"a", "b", "c"});
  CHECK(sum.patterns[1].counts.calls == 5);
  CHECK(sum.patterns[1].counts.time_us == 110);
  CHECK(sum.patterns[1].counts.errors == 1);
  CHECK(sum.patterns[1].counts.rows_read == 60);
  CHECK(sum.patterns[1].counts.latency[latency_bucket(50)] == 2);
  CHECK(sum.patterns[1].counts.latency[latency_bucket(60)] == 3);
  CHECK(sum.other.calls == 6);
}

TEST_CASE("patterns come by time, by calls or by errors, and equal ones by their text") {
  PatternReport report{
      {{"b", counts(1, 9)}, {"a", counts(1, 9)}, {"c", counts(7, 1, 2)}, {"d", counts(2, 99)}}, {}};
  sort_patterns(report.patterns, PatternOrder::time);
  CHECK(texts(report) == std::vector<std::string>{"d", "a", "b", "c"});
  sort_patterns(report.patterns, PatternOrder::calls);
  CHECK(texts(report) == std::vector<std::string>{"c", "d", "a", "b"});
  sort_patterns(report.patterns, PatternOrder::errors);
  CHECK(texts(report) == std::vector<std::string>{"c", "a", "b", "d"});
}

TEST_CASE("a report keeps the patterns with the most time, and the sums of all") {
  PatternReport report{{{"a", counts(1, 5)}, {"b", counts(1, 9)}, {"c", counts(7, 7, 2)}}, counts(1, 1)};
  report.keep(3);
  CHECK(texts(report) == std::vector<std::string>{"a", "b", "c"});
  report.keep(1);
  CHECK(texts(report) == std::vector<std::string>{"b"});
  CHECK(report.other.calls == 9);
  CHECK(report.other.time_us == 13);
  CHECK(report.other.errors == 2);
}

TEST_CASE("what /patterns is asked for is read, and anything else is refused") {
  CHECK(*read_patterns_asked("") == PatternsAsked{});
  CHECK(*read_patterns_asked("order=calls&limit=5") == PatternsAsked{PatternOrder::calls, 5});
  CHECK(read_patterns_asked("limit=1&order=errors")->order == PatternOrder::errors);
  CHECK(read_patterns_asked("order=time")->order == PatternOrder::time);
  for (const auto* query :
       {"order=", "order=rows", "order", "limit=0", "limit=-1", "limit=x", "limit=1x", "limit=", "sort=time",
        "limit=99999999999999999999999", "limit=1&limit=1", "order=time&order=calls", "&", "order=time&&"}) {
    CAPTURE(std::string(query));
    const auto asked = read_patterns_asked(query);
    REQUIRE(asked.has_error());
    CHECK(asked.error().code == "SHARD400");
  }
}

TEST_CASE("a report is read of its JSON as it was") {
  PatternReport report{{{"GET /movies?\"é\\\"\"=eq.?", counts(4, 1'000, 2)}, {"b", counts(1, 20)}},
                       counts(1, 5)};
  report.patterns[1].counts.rows_read = 0;
  report.patterns[1].counts.not_known = 1;
  report.patterns[0].counts.inherited_us = 17;
  const auto text = json::serialize(to_json(report, 10));
  CAPTURE(text);
  const auto read = read_pattern_report(json::parse(text));
  REQUIRE(read.has_value());
  CHECK(*read == report);
}

TEST_CASE("the JSON has percentiles, shares, and how many patterns are left out") {
  const PatternReport report{{{"a", counts(4, 1'000)}, {"b", counts(1, 20)}, {"c", {}}}, {}};
  const json::value told = to_json(report, 2);
  CHECK(told.at("patterns").as_array().size() == 2);
  CHECK(told.at("left_out").to_number<int>() == 1);
  CHECK(told.at_pointer("/patterns/0/p50_us").to_number<int>() == 1'023);
  CHECK(told.at_pointer("/patterns/0/scatter_share").to_number<double>() == 1.0);
  CHECK(told.at_pointer("/patterns/0/rows_read").to_number<int>() == 30);
  CHECK(told.at_pointer("/other/scatter_share").to_number<double>() == 0.0);
  CHECK(told.at_pointer("/other/latency").as_array().empty());
}

TEST_CASE("what is no report is found to be none") {
  const std::string counts_text =
      R"("calls":1,"errors":0,"time_us":1,"shards_asked":1,"scatters":0,"rows_returned":1,"bytes":1,)"
      R"("inherited_us":0,"rows_read":null,"latency":)";
  const auto report = [&](const std::string& latency, const std::string& pattern = "\"a\"") {
    return R"({"patterns":[{"pattern":)" + pattern + "," + counts_text + latency + R"(}],"other":{)" +
           counts_text + "[]}}";
  };
  REQUIRE(read_pattern_report(json::parse(report("[[5,1]]"))).has_value());
  for (const std::string& text :
       {std::string("[]"), std::string("{}"), std::string(R"({"patterns":{},"other":{}})"),
        std::string(R"({"patterns":[],"other":{}})"), report("[[5,-1]]"), report("[[5]]"), report("[5]"),
        report("{}"), report("[[5,\"1\"]]"), report("[[5,1]]", "5")})
    CHECK_MESSAGE(!read_pattern_report(json::parse(text)).has_value(), text);
}
