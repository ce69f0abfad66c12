#include "cli/queries_output.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"

using namespace shardplex;

namespace {

cli::QueriesShown some_queries() {
  cli::QueriesShown shown{.limit = 1};
  shown.map.emplace("movies", std::vector<Shard>{{"alpha", "host=a", {}}, {"beta", "host=b", {}}},
                    std::vector<Group>{}, std::vector<TablePlacement>{}, std::vector<MapRelation>{});
  PatternCounts counts;
  counts.calls = 4;
  counts.errors = 1;
  counts.time_us = 1'234'567;
  counts.shards = 6;
  counts.scatters = 1;
  counts.rows = 10;
  counts.rows_read = 22;
  counts.bytes = 4'000;
  counts.latency[latency_bucket(1'000)] = 4;
  shown.patterns = PatternReport{{{"GET /movies?id=eq.?", counts}, {"GET /movies", counts}}, counts};
  operations::SharedStatement statement;
  statement.text = "SELECT a\n  FROM movies " + std::string(300, 'x');
  statement.shards = {{3, 30, 1'500}, {1, 2, 500}};
  shown.survey.emplace();
  shown.survey->known = {true, true};
  shown.survey->statements = {statement, statement};
  shown.not_known = {"beta: hidden"};
  return shown;
}

}  // namespace

TEST_CASE("patterns and statements are printed with their units, and what is left out is said") {
  std::istringstream in;
  std::ostringstream out, err;
  print_queries(some_queries(), {in, out, err});
  CHECK(out.str() ==
        "TIME ms\tCALLS\tERRORS\tP50 ms\tP95 ms\tP99 ms\tSHARDS\tSCATTER\tROWS\tREAD\tBYTES\tPATTERN\n"
        "1,234.57\t4\t1\t1.02\t1.02\t1.02\t1.5\t25 %\t2.5\t5.5\t1,000.0\tGET /movies?id=eq.?\n"
        "1,234.57\t4\t1\t1.02\t1.02\t1.02\t1.5\t25 %\t2.5\t5.5\t1,000.0\t(others, which no router has kept)\n"
        "\n"
        "TIME ms\tCALLS\tMEAN ms\tROWS\tSKEW\tSTATEMENT\n"
        "2,000.00\t4\t500.00\t8.0\t1.50 alpha\tSELECT a FROM movies " +
            std::string(200 - 21, 'x') + "…\n");
  CHECK(err.str() ==
        "note: 1 more patterns; --limit shows more\n"
        "note: 1 more statements; --limit shows more\n"
        "warning: beta: hidden\n");
}

TEST_CASE("as JSON there are whole texts, and each shard's part") {
  const boost::json::value told = cli::to_json(some_queries());
  CHECK(told.at("patterns").as_array().size() == 1);
  CHECK(told.at("left_out").to_number<int>() == 1);
  CHECK(told.at("statements_left_out").to_number<int>() == 1);
  CHECK(told.at_pointer("/not_known/0").as_string() == "beta: hidden");
  CHECK(told.at_pointer("/statements/0/statement").as_string().size() > 300);
  CHECK(told.at_pointer("/statements/0/skew").as_double() == 1.5);
  CHECK(told.at_pointer("/statements/0/busiest").as_string() == "alpha");
  CHECK(told.at_pointer("/statements/0/shards/beta/time_ms").as_double() == 500);
  CHECK(told.at_pointer("/statements/0/shards/beta/calls").to_number<int>() == 1);
}
