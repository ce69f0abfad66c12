#include "cli/command_line.hpp"

#include <algorithm>
#include <array>
#include <iomanip>
#include <utility>

#include "cli/version.hpp"
#include "operations/process/failure.hpp"
#include "shard_map/joined.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex::cli {
namespace {

struct Command {
  std::string_view name;
  int (*run)(Arguments, const Terminal&);
  std::string_view summary;
};

constexpr std::array commands{
    Command{"map check", map_check, "check a shard map and report every problem"},
    Command{"map show", map_show, "show a shard map: shards, groups, tables"},
    Command{"route", route, "tell the slot and shard of a row, and why"},
    Command{"explain", explain, "tell what a read would do: shards, SQL, merge, hints"},
    Command{"queries", queries, "show what requests cost by their shape, and statements by shard"},
    Command{"advise", advise, "advise on indexes, shard keys and load, with evidence; changes nothing"},
    Command{"cluster init", cluster_init, "make the schema shardplex in every shard"},
    Command{"cluster status", cluster_status, "show servers, ownership, rows and leftovers"},
    Command{"cluster doctor", cluster_doctor, "find and remove what moves and loads have left"},
    Command{"cluster duplicates", cluster_duplicates, "find unique values that two shards have"},
    Command{"cluster accept-timeline", cluster_accept_timeline, "rule which server is a shard's primary"},
    Command{"cluster add-shard", cluster_add_shard, "make a database a shard that owns nothing yet"},
    Command{"cluster remove-shard", cluster_remove_shard, "take a shard out that owns nothing"},
    Command{"cluster add-replica", cluster_add_replica, "add a replica to a shard"},
    Command{"cluster remove-replica", cluster_remove_replica, "take a replica out of a shard"},
    Command{"load", load, "load rows from NDJSON or CSV, in parallel over the shards"},
    Command{"verify", verify, "check that every row is where it belongs, once and whole"},
    Command{"import check", import_check, "find what stands in the way of an import"},
    Command{"import run", import_run, "bring an unsharded database in, while it serves"},
    Command{"import status", import_status, "show how far an import is"},
    Command{"import reverse", import_reverse,
            "give the data back to the source, with all that was written since"},
    Command{"import finish", import_finish, "end the time in which an import can be reversed"},
    Command{"import abort", import_abort, "remove all that an import has made"},
    Command{"rebalance run", rebalance_run, "make the moves of a plan, while routers serve"},
    Command{"rebalance status", rebalance_status, "show moves: who, how far, what to do next"},
    Command{"rebalance pause", rebalance_pause, "pause moves that are under way"},
    Command{"rebalance resume", rebalance_resume, "go on with moves that are unfinished"},
    Command{"rebalance abort", rebalance_abort, "undo moves that have not handed over"},
    Command{"rebalance reverse", rebalance_reverse, "give slots back, with all that was written since"},
    Command{"rebalance finish", rebalance_finish, "end the reverse window: delete the old copies"},
    Command{"rebalance plan", rebalance_plan, "plan which slots should move where"},
    Command{"rebalance check", rebalance_check, "find what could make moves fail, before anything is made"},
};

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const auto& command : commands) names.emplace_back(command.name);
  return names;
}

void print_help(std::ostream& out) {
  out << "usage: shardplex COMMAND [ARGUMENTS]\n\nCommands:\n";
  for (const auto& command : commands)
    out << "  " << std::left << std::setw(24) << command.name << command.summary << '\n';
  out << "\n'shardplex COMMAND --help' tells more. 'shardplex --version' prints the version.\n"
         "Exit codes: 0 done, 1 failed, 2 not understood.\n";
}

struct Match {
  const Command* command;
  Arguments rest;
};

std::optional<Match> find_command(Arguments args) {
  for (const std::size_t words : {std::size_t{1}, std::size_t{2}}) {
    if (args.size() < words) break;
    const std::string name = words == 1 ? args[0] : args[0] + " " + args[1];
    const auto found = std::ranges::find(commands, name, &Command::name);
    if (found != commands.end()) return Match{&*found, args.subspan(words)};
  }
  return std::nullopt;
}

[[noreturn]] void refuse_unknown(Arguments args) {
  std::string said = args[0];
  const bool family =
      std::ranges::any_of(commands, [&](const Command& c) { return c.name.starts_with(args[0] + " "); });
  if (family && (args.size() == 1 || args[1].starts_with('-'))) {
    std::vector<std::string_view> members;
    for (const auto& command : commands)
      if (command.name.starts_with(args[0] + " ")) members.push_back(command.name);
    throw UsageError("'" + said + "' needs one more word: " + joined(members));
  }
  if (args.size() > 1 && !args[1].starts_with('-')) said += " " + args[1];
  const auto names = command_names();
  auto hint = did_you_mean(said, names);
  if (hint.empty()) hint = did_you_mean(args[0], names);
  throw UsageError("unknown command '" + (hint.empty() ? args[0] : said) + "'" + hint);
}

int dispatch(Arguments args, const Terminal& terminal) {
  if (!args.empty() && args[0] == "help") {
    if (args.size() == 1) return print_help(terminal.out), exit_ok;
    const std::vector<std::string> asked = [&] {
      std::vector<std::string> words(args.begin() + 1, args.end());
      words.emplace_back("--help");
      return words;
    }();
    return dispatch(asked, terminal);
  }
  if (args.empty()) return print_help(terminal.err), exit_usage;
  if (args[0] == "--help" || args[0] == "-h") return print_help(terminal.out), exit_ok;
  if (args[0] == "--version") {
    terminal.out << "shardplex " << version << '\n';
    return exit_ok;
  }
  const auto match = find_command(args);
  if (!match) refuse_unknown(args);
  return match->command->run(match->rest, terminal);
}

}  // namespace

int run_command_line(Arguments args, const Terminal& terminal) try {
  return dispatch(args, terminal);
} catch (const UsageError& usage) {
  terminal.error(usage.what());
  terminal.err << "'shardplex --help' lists the commands, 'shardplex COMMAND --help' the options of one.\n";
  return exit_usage;
} catch (const CommandFailed& failure) {
  for (const auto& problem : failure.problems) terminal.error(problem);
  return exit_failed;
} catch (const std::exception& unexpected) {
  terminal.error(unexpected.what());
  return exit_failed;
}

}  // namespace shardplex::cli
