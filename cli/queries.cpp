// queries: what requests cost, by their shape, and what statements cost in the shards.
#include <algorithm>
#include <boost/json.hpp>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/queries_output.hpp"
#include "operations/cluster/router_patterns.hpp"
#include "query/patterns/pattern_report.hpp"

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;

constexpr long default_limit = 20;

PatternOrder order_given(const GivenOptions& given) {
  const auto order = read_pattern_order(given.get<std::string>("order"));
  if (!order) throw UsageError("--order takes time, calls or errors");
  return *order;
}

/// As the patterns; shards count no errors, so those go by time.
void sort_statements(std::vector<operations::SharedStatement>& statements, PatternOrder order) {
  std::ranges::sort(statements, [order](const auto& a, const auto& b) {
    const auto of_a = a.sum(), of_b = b.sum();
    if (order == PatternOrder::calls && of_a.calls != of_b.calls) return of_a.calls > of_b.calls;
    if (of_a.milliseconds != of_b.milliseconds) return of_a.milliseconds > of_b.milliseconds;
    return a.text < b.text;
  });
}

}  // namespace

int queries(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "queries [--router URL]... [--map FILE] [--order ORDER] [--limit N] [--json]",
      "Shows what requests have cost since the routers started, by their shape and without values: calls, "
      "errors,\ntimes, shards asked, rows and bytes, of all routers together. With a map it shows also what "
      "statements have\ncost in the shards, by pg_stat_statements of each, and how unevenly they share it.");
  options.add()("router", po::value<std::vector<std::string>>()->composing()->value_name("URL"),
                "a router's admin port, http://host:port; give those of all");
  options.add_map("the shard map, to ask the shards of it");
  options.add()("order", po::value<std::string>()->value_name("ORDER")->default_value("time"),
                "time, calls or errors: which come first")("limit", po::value<long>()->value_name("N"),
                                                           "show so many of each (20)");
  options.add_json();
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const auto order = order_given(*given);
  const auto limit = static_cast<std::size_t>(given->positive<long>("limit", default_limit));
  const auto routers = given->texts("router");
  if (routers.empty() && !given->has("map"))
    throw UsageError("--router URL is missing, or --map FILE, or both");

  QueriesShown shown{.limit = limit};
  if (given->has("map")) shown.map.emplace(given->map());
  if (!routers.empty()) {
    auto told = operations::read_router_patterns(routers);
    shown.patterns = std::move(told.sum);
    shown.not_known = std::move(told.problems);
    sort_patterns(shown.patterns->patterns, order);
  }
  if (shown.map) {
    shown.survey = operations::survey_statements(*shown.map);
    std::ranges::move(shown.survey->problems, std::back_inserter(shown.not_known));
    sort_statements(shown.survey->statements, order);
  }
  if (given->json())
    terminal.out << to_json(shown) << '\n';
  else
    print_queries(shown, terminal);
  return exit_ok;
}

}  // namespace shardplex::cli
