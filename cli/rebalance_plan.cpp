// rebalance plan: which slots should move where, as a table and as a file for rebalance run.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/plan_output.hpp"
#include "cli/slot_arguments.hpp"
#include "operations/cluster/proposal.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/map_file.hpp"
#include "shard_map/rebalance_plan.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;

using Texts = std::vector<std::string>;

/// What was asked for on the command line.
struct PlanRequest {
  std::string map_file;
  ProposalRequest proposal;
  std::optional<std::string> slots, to, group;  ///< a move made by hand
  double rate_mb = default_rate_mb;             ///< per second
  std::optional<std::string> out;
  bool as_json = false;
};

// What was asked for.

/// NAME='connection string', as --add-shard and --replica take it.
std::pair<std::string, std::string> parse_server(const std::string& option, const std::string& text) {
  const auto end = text.find('=');
  if (end == std::string::npos || end == 0)
    throw UsageError(option + " takes NAME='connection string', such as gamma='host=10.0.2.1 dbname=movies'");
  return {text.substr(0, end), text.substr(end + 1)};
}

std::vector<Shard> parse_added(const GivenOptions& given) {
  std::vector<Shard> added;
  const auto find = [&](const std::string& name) { return std::ranges::find(added, name, &Shard::name); };
  for (const auto& one : given.texts("add-shard")) {
    auto [name, conninfo] = parse_server("--add-shard", one);
    if (find(name) != added.end()) throw UsageError("--add-shard " + name + " is given twice");
    added.push_back({name, conninfo, {}});
  }
  for (const auto& one : given.texts("replica")) {
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
  if (request.slots && (!request.proposal.drained.empty() || request.proposal.max_moves))
    throw UsageError("--slots makes a move by hand; --drain and --max-moves ask for a plan");
  if (request.group && !request.slots) throw UsageError("--group goes with --slots");
  if (request.proposal.by == Measure::load && request.proposal.routers.empty())
    throw UsageError("--by load needs --router http://host:port of every router's admin port");
  if (request.proposal.by != Measure::load && !request.proposal.routers.empty())
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
  options.add_map();
  options.add()("add-shard", po::value<Texts>()->composing()->value_name("NAME='DSN'"),
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
                                     "write the plan as YAML");
  options.add_json();
  const auto given = options.parse(args, terminal);
  if (!given) return std::nullopt;
  PlanRequest request;
  request.map_file = given->map_file();
  request.proposal.added = parse_added(*given);
  request.proposal.drained = given->texts("drain");
  const auto by = parse_measure(given->get<std::string>("by"));
  if (!by) throw UsageError("--by takes rows, bytes or load");
  request.proposal.by = *by;
  request.proposal.routers = given->texts("router");
  request.slots = given->text("slots");
  request.to = given->text("to");
  request.group = given->text("group");
  if (given->has("max-moves")) request.proposal.max_moves = given->get<std::size_t>("max-moves");
  request.rate_mb = given->get<double>("rate");
  request.out = given->text("out");
  request.as_json = given->json();
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
void check_shards(const ShardMap& map, const ProposalRequest& request) {
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

std::optional<MoveByHand> move_by_hand(const ShardMap& map, const PlanRequest& request) {
  if (!request.slots) return std::nullopt;
  Texts names;
  for (const Shard& shard : map.shards()) names.push_back(shard.name);
  for (const Shard& shard : request.proposal.added) names.push_back(shard.name);
  if (std::ranges::find(names, *request.to) == names.end())
    throw CommandFailed("--to: there is no shard " + *request.to + did_you_mean(*request.to, names));
  const GroupId group = group_argument(map, request.group);
  return MoveByHand{group, slots_argument(*request.slots, map.group(group)), *request.to};
}

void write_plan(const Proposal& proposal, const std::string& file, const Terminal& terminal) {
  if (!proposal.changes_anything()) return terminal.note(file + " is not written, as there is nothing to do");
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << to_yaml(proposal.plan);
  out.close();
  if (!out) throw CommandFailed(file + ": cannot be written");
  terminal.note("the plan is in " + file + "; shardplex rebalance check and run take it from there");
}

}  // namespace

int rebalance_plan(Arguments args, const Terminal& terminal) {
  auto request = parse_request(args, terminal);
  if (!request) return exit_ok;
  const ShardMap map = load_shard_map(request->map_file);
  check_shards(map, request->proposal);
  request->proposal.by_hand = move_by_hand(map, *request);
  const ShownPlan shown{propose(map, request->proposal), request->rate_mb};
  if (request->as_json)
    terminal.out << plan_json(shown) << '\n';
  else
    print_plan(shown, terminal);
  if (request->out) write_plan(shown.proposal, *request->out, terminal);
  return exit_ok;
}

}  // namespace shardplex::cli
