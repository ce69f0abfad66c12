#include "cli/plan_output.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operations/process/json_values.hpp"
#include "shard_map/rebalance_plan.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;

constexpr double bytes_per_mb = 1e6;

std::string duration(double seconds) {
  if (seconds < 1) return "less than a second";
  const bool minutes = seconds >= 120, hours = seconds >= 7200;
  const double value = hours ? seconds / 3600 : minutes ? seconds / 60 : seconds;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), hours ? "about %.1f %s" : "about %.0f %s", value,
                hours     ? "hours"
                : minutes ? "min"
                          : "s");
  return text.data();
}

std::string counted(std::uint64_t number, std::string_view noun) {
  return with_thousands(number) + ' ' + std::string(noun) + (number == 1 ? "" : "s");
}

/// A number as people write it: 50, 12.5.
std::string shortest(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", number);
  return text.data();
}

std::string percent_of(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%.1f %%",
                100 * static_cast<double>(part) / static_cast<double>(whole));
  return text.data();
}

std::uint64_t weight_of(const std::vector<ShardLoad>& group) {
  return std::accumulate(group.begin(), group.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const ShardLoad& load) { return sum + load.weight; });
}

/// What a shard has of a group, as cells.
void add_cells(std::vector<TextTable::Cell>& cells, const Proposal& proposal, const MeasuredLoads& loads,
               std::size_t g, std::size_t s) {
  const auto& by = loads.by(proposal.request.by)[g];
  cells.emplace_back(with_thousands(by[s].slots));
  cells.emplace_back(with_thousands(loads.rows[g][s].weight));
  cells.emplace_back(human_bytes(loads.bytes[g][s].weight));
  if (!loads.load.empty()) cells.emplace_back(with_thousands(loads.load[g][s].weight));
  cells.emplace_back(percent_of(by[s].weight, weight_of(by)), Colour::bold);
}

void print_shards(const Proposal& proposal, const Terminal& terminal) {
  constexpr auto right = TextTable::Align::right;
  const MeasuredLoads before = proposal.loads({}), after = proposal.loads(proposal.plan.moves);
  std::vector<TextTable::Heading> headings{{"GROUP"}, {"SHARD"}};
  for (const std::string prefix : {"", "→ "}) {
    for (const std::string column : {"SLOTS", "ROWS", "SIZE"}) headings.push_back({prefix + column, right});
    if (!before.load.empty()) headings.push_back({prefix + "REQUESTS", right});
    headings.push_back({prefix + "SHARE", right});
  }
  TextTable table(headings);
  for (std::size_t g = 0; g < proposal.cluster.groups.size(); ++g)
    for (std::size_t s = 0; s < proposal.cluster.shards.size(); ++s) {
      std::vector<TextTable::Cell> cells{proposal.cluster.groups[g].name, proposal.cluster.shards[s].name};
      add_cells(cells, proposal, before, g, s);
      add_cells(cells, proposal, after, g, s);
      table.add(std::move(cells));
    }
  terminal.out << "Before and after (→), shares by " << to_string(proposal.request.by) << ":\n";
  table.print(terminal);
}

void print_moves(const ShownPlan& shown, const Terminal& terminal) {
  const Proposal& proposal = shown.proposal;
  constexpr auto right = TextTable::Align::right;
  TextTable table({{"MOVE", right},
                   {"GROUP"},
                   {"FROM"},
                   {"TO"},
                   {"ROWS", right},
                   {"SIZE", right},
                   {"COUNT", right},
                   {"SLOTS"}});
  for (std::size_t i = 0; i < proposal.plan.moves.size(); ++i) {
    const PlannedMove& move = proposal.plan.moves[i];
    const Amount amount = proposal.amount_of(move);
    table.add({std::to_string(i + 1), move.group, move.source, move.target, with_thousands(amount.rows),
               human_bytes(amount.bytes), with_thousands(amount.slots), move.slots.to_string()});
  }
  const Amount total = proposal.total();
  terminal.out << '\n';
  table.print(terminal);
  terminal.out << '\n'
               << counted(proposal.plan.moves.size(), "move") << ": " << counted(total.slots, "slot") << ", "
               << counted(total.rows, "row") << ", " << human_bytes(total.bytes) << "; "
               << duration(shown.copy_seconds()) << " to copy at " << shortest(shown.rate_mb)
               << " MB/s (--rate)\n";
}

/// Why there is nothing to do.
std::string nothing_to_do(const Proposal& proposal) {
  if (proposal.request.by_hand)
    return "Nothing to do: " + proposal.request.by_hand->target + " owns these slots already.";
  return "Nothing to do: every shard is within 5 % of its fair share, or as near as whole slots allow.";
}

json::object load_json(const Proposal& proposal, const MeasuredLoads& loads, std::size_t g, std::size_t s) {
  json::object load{{"slots", loads.rows[g][s].slots},
                    {"rows", loads.rows[g][s].weight},
                    {"bytes", loads.bytes[g][s].weight}};
  if (!loads.load.empty()) load["requests"] = loads.load[g][s].weight;
  const auto& by = loads.by(proposal.request.by)[g];
  const auto whole = weight_of(by);
  load["share"] = whole == 0 ? json::value(nullptr)
                             : json::value(static_cast<double>(by[s].weight) / static_cast<double>(whole));
  return load;
}

json::object amount_json(const Proposal& proposal, const Amount& amount) {
  json::object object{{"slots", amount.slots}, {"rows", amount.rows}, {"bytes", amount.bytes}};
  if (!proposal.load.empty()) object["requests"] = amount.requests;
  return object;
}

}  // namespace

double ShownPlan::copy_seconds() const {
  return static_cast<double>(proposal.total().bytes) / (rate_mb * bytes_per_mb);
}

boost::json::object plan_json(const ShownPlan& shown) {
  const Proposal& proposal = shown.proposal;
  const MeasuredLoads before = proposal.loads({}), after = proposal.loads(proposal.plan.moves);
  json::array groups, moves;
  for (std::size_t g = 0; g < proposal.cluster.groups.size(); ++g) {
    json::array shards;
    for (std::size_t s = 0; s < proposal.cluster.shards.size(); ++s)
      shards.push_back({{"name", proposal.cluster.shards[s].name},
                        {"before", load_json(proposal, before, g, s)},
                        {"after", load_json(proposal, after, g, s)}});
    groups.push_back({{"name", proposal.cluster.groups[g].name}, {"shards", shards}});
  }
  for (const PlannedMove& move : proposal.plan.moves)
    moves.push_back({{"group", move.group},
                     {"from", move.source},
                     {"to", move.target},
                     {"slots", move.slots.to_string()},
                     {"amount", amount_json(proposal, proposal.amount_of(move))}});
  const auto added = proposal.plan.added | std::views::transform(&Shard::name);
  return {{"cluster", proposal.map.cluster()},
          {"by", to_string(proposal.request.by)},
          {"groups", groups},
          {"added", json_array(added)},
          {"drained", json_array(proposal.plan.drained)},
          {"moves", moves},
          {"total", amount_json(proposal, proposal.total())},
          {"rate_mb_per_second", shown.rate_mb},
          {"copy_seconds", shown.copy_seconds()},
          {"warnings", json_array(warnings_of(proposal))}};
}

void print_plan(const ShownPlan& shown, const Terminal& terminal) {
  const Proposal& proposal = shown.proposal;
  print_shards(proposal, terminal);
  if (proposal.plan.moves.empty())
    terminal.out << '\n' << nothing_to_do(proposal) << '\n';
  else
    print_moves(shown, terminal);
  for (const auto& warning : warnings_of(proposal)) terminal.warning(warning);
}

}  // namespace shardplex::cli
