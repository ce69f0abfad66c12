#include "cli/advise_output.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <sstream>
#include <string>

using namespace shardplex;

namespace {

cli::AdviceShown some_advice() {
  cli::AdviceShown shown;
  shown.cluster = "movies";
  shown.map_file = "/etc/map.yaml";
  shown.routers = {"http://10.0.0.1:9090", "http://10.0.0.2:9090"};
  Advice index{AdviceKind::unused_index, "movies", "No server has used index by_name of movies.", {}, {}, {}};
  index.evidence.push_back({"pg_stat_user_indexes of 4 servers", "0 scans", "2026-01-01T00:00:00Z"});
  index.evidence.push_back({"pg_index of alpha", "it\x1b[31m is\n red", ""});
  index.costs = "What it is for.";
  index.steps.push_back({{"alpha", "beta"}, "DROP INDEX CONCURRENTLY by_name;"});
  Advice load{AdviceKind::uneven_load, "catalog", "Uneven.", {}, "Copies.", {}};
  load.steps.push_back({{}, "shardplex rebalance plan --map FILE --by load --router URL --out plan.yaml"});
  shown.report.advised.advice = {index, load};
  shown.report.advised.not_judged = {"load of group other: 3 requests"};
  shown.report.away = {"gamma: hidden"};
  shown.report.servers = {{"alpha 10.0.0.1:5432/movies", "2026-01-01T00:00:00Z", 12.5}};
  shown.report.routers = {"http://10.0.0.1:9090"};
  return shown;
}

struct Printed {
  std::string out, err;
};

Printed printed(const cli::AdviceShown& shown, bool is_tty = false) {
  std::istringstream in;
  std::ostringstream out, err;
  operations::Terminal terminal{in, out, err};
  terminal.out_is_tty = is_tty;
  print_advice(shown, terminal);
  return {out.str(), err.str()};
}

}  // namespace

TEST_CASE("in a pipe each part of an advice is a line, with nothing in it that moves a cursor") {
  const auto [out, err] = printed(some_advice());
  CHECK(out ==
        "advice\tunused_index\tmovies\tNo server has used index by_name of movies.\n"
        "evidence\tpg_stat_user_indexes of 4 servers\t0 scans\t2026-01-01T00:00:00Z\n"
        "evidence\tpg_index of alpha\tit\\x1B[31m is red\t\n"
        "costs\tWhat it is for.\n"
        "do\talpha,beta\tDROP INDEX CONCURRENTLY by_name;\n"
        "advice\tuneven_load\tcatalog\tUneven.\n"
        "costs\tCopies.\n"
        "do\t\tshardplex rebalance plan --map /etc/map.yaml --by load --router http://10.0.0.1:9090 --router "
        "http://10.0.0.2:9090 --out plan.yaml\n");
  CHECK(err == "warning: gamma: hidden\nnote: not judged: load of group other: 3 requests\n");
}

TEST_CASE("on a terminal an advice is a paragraph") {
  const auto [out, err] = printed(some_advice(), true);
  CHECK(
      out.starts_with("No server has used index by_name of movies.\n"
                      "  evidence  pg_stat_user_indexes of 4 servers: 0 scans (since 2026-01-01T00:00:00Z)\n"
                      "  evidence  pg_index of alpha: it\\x1B[31m is red\n"
                      "  costs     What it is for.\n"
                      "  do        on alpha, beta: DROP INDEX CONCURRENTLY by_name;\n"
                      "\n"
                      "Uneven.\n"));
  CHECK(err.starts_with("warning: gamma: hidden\n"));
}

TEST_CASE("no advice is said to be none, and so is that no router was asked") {
  cli::AdviceShown shown;
  const auto [out, err] = printed(shown);
  CHECK(out == "nothing is advised\n");
  CHECK(err == "note: no router was asked, so nothing is said of requests and load; --router URL asks one\n");
}

TEST_CASE("as JSON an advice has all its parts") {
  const boost::json::value told = cli::to_json(some_advice());
  CHECK(told.at("cluster").as_string() == "movies");
  REQUIRE(told.at("advice").as_array().size() == 2);
  CHECK(told.at_pointer("/advice/0/kind").as_string() == "unused_index");
  CHECK(told.at_pointer("/advice/0/subject").as_string() == "movies");
  CHECK(told.at_pointer("/advice/0/evidence/0/since").as_string() == "2026-01-01T00:00:00Z");
  CHECK(told.at_pointer("/advice/0/evidence/1/since").is_null());
  CHECK(told.at_pointer("/advice/0/steps/0/shards/1").as_string() == "beta");
  CHECK(told.at_pointer("/advice/1/steps/0/shards").as_array().empty());
  CHECK(told.at_pointer("/advice/1/costs").as_string() == "Copies.");
  CHECK(told.at_pointer("/not_judged/0").as_string() == "load of group other: 3 requests");
  CHECK(told.at_pointer("/away/0").as_string() == "gamma: hidden");
  CHECK(told.at_pointer("/servers/0/days").as_double() == 12.5);
  CHECK(told.at_pointer("/routers/0").as_string() == "http://10.0.0.1:9090");
}

TEST_CASE("a map whose name a shell would not read as it is stays unsaid in commands") {
  auto shown = some_advice();
  shown.map_file = "/etc/my map.yaml";
  CHECK(printed(shown).out.find("--map FILE --by load --router http://10.0.0.1:9090") != std::string::npos);
}
