// rebalance plan: which slots should move where, as a table and as a file for rebalance run.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <numeric>

#include "cli/command_line.hpp"
#include "cli/slot_arguments.hpp"
#include "operations/cluster/slot_weights.hpp"
#include "operations/shard/server.hpp"
#include "shard_map/rebalance_plan.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;
namespace po = boost::program_options;

using Texts = std::vector<std::string>;

constexpr double bytes_per_mb = 1e6;
constexpr double default_rate_mb = 50;

enum class Measure : std::uint8_t { rows, bytes, load };

struct PlanRequest {
  std::string map_file;
  std::vector<Shard> added;
  Texts drained;
  Measure by = Measure::rows;
  Texts routers;
  std::optional<std::string> slots, to, group;  ///< a move made by hand
  std::optional<std::size_t> max_moves;
  double rate_mb = default_rate_mb;  ///< per second
  std::optional<std::string> out;
  bool as_json = false;
};

/// What was found and what is planned: all that is shown.
struct Proposal {
  const ShardMap& map;
  const PlanRequest& request;
  SlotSurvey survey;
  SlotWeights load;  ///< empty unless it was asked for
  ClusterLoad cluster;
  RebalancePlan plan;
  std::vector<HotSlot> hot;

  const SlotWeights& weights(Measure measure) const {
    if (measure == Measure::load) return load;
    return measure == Measure::rows ? survey.rows : survey.bytes;
  }
};

// What was asked for.

std::string name_of(Measure measure) {
  if (measure == Measure::load) return "load";
  return measure == Measure::rows ? "rows" : "bytes";
}

Measure parse_measure(const std::string& text) {
  for (const Measure measure : {Measure::rows, Measure::bytes, Measure::load})
    if (text == name_of(measure)) return measure;
  throw UsageError("--by takes rows, bytes or load");
}

/// NAME='connection string', as --add-shard and --replica take it.
std::pair<std::string, std::string> parse_server(const std::string& option, const std::string& text) {
  const auto end = text.find('=');
  if (end == std::string::npos || end == 0)
    throw UsageError(option + " takes NAME='connection string', such as gamma='host=10.0.2.1 dbname=movies'");
  return {text.substr(0, end), text.substr(end + 1)};
}

Texts texts(const po::variables_map& values, const std::string& name) {
  return values.contains(name) ? values[name].as<Texts>() : Texts{};
}

std::optional<std::string> text(const po::variables_map& values, const std::string& name) {
  return values.contains(name) ? std::optional(values[name].as<std::string>()) : std::nullopt;
}

std::vector<Shard> parse_added(const po::variables_map& values) {
  std::vector<Shard> added;
  const auto find = [&](const std::string& name) { return std::ranges::find(added, name, &Shard::name); };
  for (const auto& one : texts(values, "add-shard")) {
    auto [name, conninfo] = parse_server("--add-shard", one);
    if (find(name) != added.end()) throw UsageError("--add-shard " + name + " is given twice");
    added.push_back({name, conninfo, {}});
  }
  for (const auto& one : texts(values, "replica")) {
    auto [name, conninfo] = parse_server("--replica", one);
    const auto shard = find(name);
    if (shard == added.end()) throw UsageError("--replica " + name + ": there is no --add-shard " + name);
    shard->replicas.push_back(conninfo);
  }
  return added;
}

/// What cannot be asked for together.
void check(const PlanRequest& request) {
  if (request.slots.has_value() != request.to.has_value())
    throw UsageError("--slots and --to go together, as in --slots 0-63 --to beta");
  if (request.slots && (!request.drained.empty() || request.max_moves))
    throw UsageError("--slots makes a move by hand; --drain and --max-moves ask for a plan");
  if (request.group && !request.slots) throw UsageError("--group goes with --slots");
  if (request.by == Measure::load && request.routers.empty())
    throw UsageError("--by load needs --router http://host:port of every router's admin port");
  if (request.by != Measure::load && !request.routers.empty())
    throw UsageError("--router goes with --by load");
  if (!std::isfinite(request.rate_mb) || request.rate_mb <= 0)
    throw UsageError("--rate takes a number of MB/s above 0");
}

std::optional<PlanRequest> parse_request(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "rebalance plan --map FILE [--add-shard NAME='DSN' [--replica NAME='DSN']...]\n"
      "                                 [--drain NAME]... [--by rows|bytes|load [--router URL]...]\n"
      "                                 [--max-moves N] [--out FILE] [--json]\n"
      "       shardplex rebalance plan --map FILE --slots 0-63,70 --to NAME [--group G] [--out FILE] "
      "[--json]",
      "Plans which slots should move where, so that every shard carries its fair share of each group, or "
      "the\n"
      "moves that bring given slots to a shard. Changes nothing: shardplex rebalance run carries a plan "
      "out.\n"
      "Owners and rows are read from the shards, all rows once. Shards less than 5 % off do not start a "
      "move.\n"
      "Sizes are those of rows, without indexes; the time is that of copying them at --rate.");
  options.add()("map", po::value<std::string>()->value_name("FILE"), "the shard map")(
      "add-shard", po::value<Texts>()->composing()->value_name("NAME='DSN'"),
      "a new shard and its primary, as in gamma='host=10.0.2.1 dbname=movies'")(
      "replica", po::value<Texts>()->composing()->value_name("NAME='DSN'"),
      "a replica of the new shard NAME")("drain", po::value<Texts>()->composing()->value_name("NAME"),
                                         "a shard that is to end without slots")(
      "by", po::value<std::string>()->value_name("MEASURE")->default_value("rows"),
      "what is shared out: rows, bytes, or load (the requests that routers counted)")(
      "router", po::value<Texts>()->composing()->value_name("URL"),
      "a router's admin port, http://host:port, for --by load")(
      "slots", po::value<std::string>()->value_name("SLOTS"), "move these slots, such as 0-63,70")(
      "to", po::value<std::string>()->value_name("NAME"), "to this shard")(
      "group", po::value<std::string>()->value_name("GROUP"), "of this group, where the map has several")(
      "max-moves", po::value<std::size_t>()->value_name("N"), "plan at most N moves: those that help most")(
      "rate", po::value<double>()->value_name("MB/s")->default_value(default_rate_mb, "50"),
      "the assumed speed of a copy")("out", po::value<std::string>()->value_name("FILE"),
                                     "write the plan as YAML")("json", "print JSON");
  const auto values = options.parse(args, terminal);
  if (!values) return std::nullopt;
  PlanRequest request;
  request.map_file = required_option(*values, "map", "--map FILE");
  request.added = parse_added(*values);
  request.drained = texts(*values, "drain");
  request.by = parse_measure((*values)["by"].as<std::string>());
  request.routers = texts(*values, "router");
  request.slots = text(*values, "slots");
  request.to = text(*values, "to");
  request.group = text(*values, "group");
  if (values->contains("max-moves")) request.max_moves = (*values)["max-moves"].as<std::size_t>();
  request.rate_mb = (*values)["rate"].as<double>();
  request.out = text(*values, "out");
  request.as_json = values->contains("json");
  check(request);
  return request;
}

/// "add_shards.gamma.primary" → "--add-shard gamma.primary": a plan's path in words of the command line.
std::string as_option(const std::string& path) {
  constexpr std::string_view added = "add_shards.";
  if (path.starts_with(added)) return "--add-shard " + path.substr(added.size());
  return path.starts_with("drain") ? "--drain" : path;
}

/// What is wrong with shards that are to be added or drained is what would be wrong with a plan that does so.
void check_shards(const ShardMap& map, const PlanRequest& request) {
  Texts problems;
  for (const Shard& shard : request.added)
    if (map.find_shard(shard.name))
      problems.push_back("--add-shard " + shard.name + ": the map has a shard of this name already");
  if (problems.empty()) {
    const auto read = read_rebalance_plan(to_yaml({map.cluster(), request.added, request.drained, {}}), map);
    if (const auto* found = std::get_if<std::vector<MapProblem>>(&read))
      for (const MapProblem& problem : *found)
        problems.push_back(as_option(problem.path) + ": " + problem.message);
  }
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

// What is planned.

ClusterLoad cluster_load(const Proposal& proposal, Measure measure) {
  ClusterLoad cluster;
  for (const Shard& shard : proposal.map.shards())
    cluster.shards.push_back({shard.name, std::ranges::find(proposal.request.drained, shard.name) !=
                                              proposal.request.drained.end()});
  for (const Shard& shard : proposal.request.added) cluster.shards.push_back({shard.name, false});
  for (std::size_t g = 0; g < proposal.map.groups().size(); ++g)
    cluster.groups.push_back(
        {proposal.map.groups()[g].name, proposal.survey.owners[g], proposal.weights(measure)[g]});
  return cluster;
}

/// The slots that are to go to one shard.
struct MoveByHand {
  GroupId group;
  SlotSet slots;
};

std::optional<MoveByHand> move_by_hand(const ShardMap& map, const PlanRequest& request) {
  if (!request.slots) return std::nullopt;
  Texts names;
  for (const Shard& shard : map.shards()) names.push_back(shard.name);
  for (const Shard& shard : request.added) names.push_back(shard.name);
  if (std::ranges::find(names, *request.to) == names.end())
    throw CommandFailed("--to: there is no shard " + *request.to + did_you_mean(*request.to, names));
  const GroupId group = group_argument(map, request.group);
  return MoveByHand{group, slots_argument(*request.slots, map.group(group))};
}

/// The shards to be drained that the moves leave without slots.
Texts drained_by(const Proposal& proposal) {
  const ShardLoads after = loads_after(proposal.cluster, proposal.plan.moves);
  Texts drained;
  for (std::size_t s = 0; s < proposal.cluster.shards.size(); ++s)
    if (proposal.cluster.shards[s].drained &&
        std::ranges::all_of(after, [&](const auto& group) { return group[s].slots == 0; }))
      drained.push_back(proposal.cluster.shards[s].name);
  return drained;
}

Proposal propose(const ShardMap& map, const PlanRequest& request) {
  const auto by_hand = move_by_hand(map, request);
  Proposal proposal{map, request, survey_slots(map), {}, {}, {map.cluster(), request.added, {}, {}}, {}};
  if (request.by == Measure::load) proposal.load = read_router_load(map, request.routers);
  proposal.cluster = cluster_load(proposal, request.by);
  if (by_hand) {
    proposal.plan.moves = moves_to(proposal.cluster, proposal.cluster.groups[by_hand->group.value],
                                   by_hand->slots, *request.to);
  } else {
    BalancePlan balance = plan_balance(proposal.cluster, request.max_moves);
    proposal.plan.moves = std::move(balance.moves);
    proposal.hot = std::move(balance.hot);
  }
  proposal.plan.drained = drained_by(proposal);
  return proposal;
}

// What is told.

struct Amount {
  std::uint64_t slots = 0, rows = 0, bytes = 0, requests = 0;
};

Amount amount_of(const Proposal& proposal, const PlannedMove& move) {
  const auto g = proposal.map.find_group(move.group)->value;
  Amount amount;
  move.slots.for_each([&](Slot slot) {
    ++amount.slots;
    amount.rows += proposal.survey.rows[g][slot.value];
    amount.bytes += proposal.survey.bytes[g][slot.value];
    if (!proposal.load.empty()) amount.requests += proposal.load[g][slot.value];
  });
  return amount;
}

Amount total_of(const Proposal& proposal) {
  Amount total;
  for (const PlannedMove& move : proposal.plan.moves) {
    const Amount amount = amount_of(proposal, move);
    total.slots += amount.slots;
    total.rows += amount.rows;
    total.bytes += amount.bytes;
    total.requests += amount.requests;
  }
  return total;
}

double copy_seconds(const Proposal& proposal) {
  return static_cast<double>(total_of(proposal).bytes) / (proposal.request.rate_mb * bytes_per_mb);
}

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

/// Loads of every shard, before or after the moves.
struct Loads {
  ShardLoads rows, bytes, load;
};

Loads loads_of(const Proposal& proposal, std::span<const PlannedMove> moves) {
  const auto of = [&](Measure measure) { return loads_after(cluster_load(proposal, measure), moves); };
  return {of(Measure::rows), of(Measure::bytes), proposal.load.empty() ? ShardLoads{} : of(Measure::load)};
}

const ShardLoads& measured(const Loads& loads, Measure measure) {
  if (measure == Measure::load) return loads.load;
  return measure == Measure::rows ? loads.rows : loads.bytes;
}

std::uint64_t weight_of(const std::vector<ShardLoad>& group) {
  return std::accumulate(group.begin(), group.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const ShardLoad& load) { return sum + load.weight; });
}

/// What a shard has of a group, as cells.
void add_cells(std::vector<TextTable::Cell>& cells, const Proposal& proposal, const Loads& loads,
               std::size_t g, std::size_t s) {
  const auto& by = measured(loads, proposal.request.by)[g];
  cells.emplace_back(with_thousands(by[s].slots));
  cells.emplace_back(with_thousands(loads.rows[g][s].weight));
  cells.emplace_back(human_bytes(loads.bytes[g][s].weight));
  if (!loads.load.empty()) cells.emplace_back(with_thousands(loads.load[g][s].weight));
  cells.emplace_back(percent_of(by[s].weight, weight_of(by)), Colour::bold);
}

void print_shards(const Proposal& proposal, const Terminal& terminal) {
  constexpr auto right = TextTable::Align::right;
  const Loads before = loads_of(proposal, {}), after = loads_of(proposal, proposal.plan.moves);
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
  terminal.out << "Before and after (→), shares by " << name_of(proposal.request.by) << ":\n";
  table.print(terminal);
}

void print_moves(const Proposal& proposal, const Terminal& terminal) {
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
    const Amount amount = amount_of(proposal, move);
    table.add({std::to_string(i + 1), move.group, move.source, move.target, with_thousands(amount.rows),
               human_bytes(amount.bytes), with_thousands(amount.slots), move.slots.to_string()});
  }
  const Amount total = total_of(proposal);
  terminal.out << '\n';
  table.print(terminal);
  terminal.out << '\n'
               << counted(proposal.plan.moves.size(), "move") << ": " << counted(total.slots, "slot") << ", "
               << counted(total.rows, "row") << ", " << human_bytes(total.bytes) << "; "
               << duration(copy_seconds(proposal)) << " to copy at " << shortest(proposal.request.rate_mb)
               << " MB/s (--rate)\n";
}

/// Why there is nothing to do.
std::string nothing_to_do(const Proposal& proposal) {
  if (proposal.request.slots) return "Nothing to do: " + *proposal.request.to + " owns these slots already.";
  return "Nothing to do: every shard is within 5 % of its fair share, or as near as whole slots allow.";
}

/// What the plan leaves undone, or cannot help.
Texts warnings_of(const Proposal& proposal) {
  Texts warnings;
  for (const HotSlot& hot : proposal.hot) warnings.push_back(hot.to_string());
  for (const auto& name : proposal.request.drained)
    if (std::ranges::find(proposal.plan.drained, name) == proposal.plan.drained.end())
      warnings.push_back(name +
                         " keeps some of its slots, as --max-moves is too few to drain it; plan again "
                         "after this");
  if (proposal.request.by == Measure::load)
    for (std::size_t g = 0; g < proposal.load.size(); ++g)
      if (std::ranges::all_of(proposal.load[g], [](auto requests) { return requests == 0; }))
        warnings.push_back(proposal.map.groups()[g].name +
                           ": the routers have counted no requests yet; it is shared out by number of slots");
  return warnings;
}

bool changes_anything(const RebalancePlan& plan) {
  return !plan.moves.empty() || !plan.added.empty() || !plan.drained.empty();
}

void write_plan(const RebalancePlan& plan, const std::string& file) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << to_yaml(plan);
  out.close();
  if (!out) throw CommandFailed(file + ": cannot be written");
}

json::object load_json(const Proposal& proposal, const Loads& loads, std::size_t g, std::size_t s) {
  json::object load{{"slots", loads.rows[g][s].slots},
                    {"rows", loads.rows[g][s].weight},
                    {"bytes", loads.bytes[g][s].weight}};
  if (!loads.load.empty()) load["requests"] = loads.load[g][s].weight;
  const auto& by = measured(loads, proposal.request.by)[g];
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

json::object to_json(const Proposal& proposal) {
  const Loads before = loads_of(proposal, {}), after = loads_of(proposal, proposal.plan.moves);
  json::array groups, moves, added, drained, warnings;
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
                     {"amount", amount_json(proposal, amount_of(proposal, move))}});
  for (const Shard& shard : proposal.plan.added) added.emplace_back(shard.name);
  for (const auto& name : proposal.plan.drained) drained.emplace_back(name);
  for (const auto& warning : warnings_of(proposal)) warnings.emplace_back(warning);
  return {{"cluster", proposal.map.cluster()},
          {"by", name_of(proposal.request.by)},
          {"groups", groups},
          {"added", added},
          {"drained", drained},
          {"moves", moves},
          {"total", amount_json(proposal, total_of(proposal))},
          {"rate_mb_per_second", proposal.request.rate_mb},
          {"copy_seconds", copy_seconds(proposal)},
          {"warnings", warnings}};
}

void print(const Proposal& proposal, const Terminal& terminal) {
  if (proposal.request.as_json) {
    terminal.out << to_json(proposal) << '\n';
    return;
  }
  print_shards(proposal, terminal);
  if (proposal.plan.moves.empty())
    terminal.out << '\n' << nothing_to_do(proposal) << '\n';
  else
    print_moves(proposal, terminal);
  for (const auto& warning : warnings_of(proposal)) terminal.warning(warning);
}

}  // namespace

int rebalance_plan(Arguments args, const Terminal& terminal) {
  const auto request = parse_request(args, terminal);
  if (!request) return exit_ok;
  const ShardMap map = load_shard_map(request->map_file);
  check_shards(map, *request);
  const Proposal proposal = propose(map, *request);
  print(proposal, terminal);
  if (!request->out) return exit_ok;
  if (!changes_anything(proposal.plan)) {
    terminal.note(*request->out + " is not written, as there is nothing to do");
    return exit_ok;
  }
  write_plan(proposal.plan, *request->out);
  terminal.note("the plan is in " + *request->out + "; shardplex rebalance check and run take it from there");
  return exit_ok;
}

}  // namespace shardplex::cli
