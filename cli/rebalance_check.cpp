// rebalance check: what could make moves fail, before anything is made.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <iterator>

#include "cli/command_line.hpp"
#include "operations/move/duplicates.hpp"
#include "operations/move/obstacles.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;
using Kind = CheckFinding::Kind;
using Findings = std::vector<CheckFinding>;

std::string_view to_string(Kind kind) {
  constexpr std::array<std::string_view, 3> names{"problem", "warning", "note"};
  return names[static_cast<std::size_t>(kind)];
}

void sort_by_shard(const ShardMap& map, Findings& findings) {
  const auto place = [&](const CheckFinding& finding) {
    const auto id = map.find_shard(finding.shard);
    return std::pair(id ? id->value : map.shards().size(), finding.kind);
  };
  std::ranges::stable_sort(findings, {}, place);
}

void print(const Findings& findings, const Terminal& terminal) {
  constexpr std::array colours{Colour::red, Colour::yellow, Colour::dim};
  TextTable table({{"SHARD"}, {"KIND"}, {"FINDING"}});
  for (const auto& finding : findings)
    table.add({finding.shard,
               {std::string(to_string(finding.kind)), colours[static_cast<std::size_t>(finding.kind)]},
               finding.text});
  if (!table.empty()) table.print(terminal);
  if (std::ranges::none_of(findings, is_problem)) terminal.note("nothing stands in the way of moves");
}

json::object to_json(const ShardMap& map, const Findings& findings) {
  json::array list;
  for (const auto& finding : findings)
    list.push_back(
        {{"shard", finding.shard}, {"kind", std::string(to_string(finding.kind))}, {"text", finding.text}});
  return {
      {"cluster", map.cluster()}, {"ready", std::ranges::none_of(findings, is_problem)}, {"findings", list}};
}

}  // namespace

int rebalance_check(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "rebalance check --map FILE [PLAN.yaml] [--json]",
      "Looks for everything that could make the moves of a plan fail, and changes nothing. Without a plan: "
      "for\n"
      "what could make any move between any two shards fail. Exits with 1 where there is a problem.");
  options.add_map();
  options.add_json("print one JSON object");
  options.add_positional("plan", 1);
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  std::optional<RebalancePlan> plan;
  if (const auto file = given->text("plan")) plan = load_rebalance_plan(*file, map);
  Findings findings = plan ? find_obstacles(map, *plan) : find_obstacles(map);
  std::ranges::move(find_duplicates(map, plan ? &*plan : nullptr, terminal), std::back_inserter(findings));
  std::ranges::move(find_movers(map), std::back_inserter(findings));
  sort_by_shard(map, findings);
  if (given->json())
    terminal.out << json::serialize(to_json(map, findings)) << '\n';
  else
    print(findings, terminal);
  return std::ranges::any_of(findings, is_problem) ? exit_failed : exit_ok;
}

}  // namespace shardplex::cli
