// The command line `shardplex`: which commands there are, and what they share.
#pragma once

#include <boost/program_options.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "operations/process/failure.hpp"
#include "operations/process/terminal.hpp"
#include "operations/shard/map_file.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex::cli {

using namespace operations;  // the commands are about nothing else

/// Exit codes of every command.
enum Exit : int {
  exit_ok = 0,
  exit_failed = 1,  ///< what was asked for failed: a bad map, an unreachable shard, bad rows
  exit_usage = 2,   ///< the command was not understood
};

/// The command was not understood; becomes exit_usage.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Arguments = std::span<const std::string>;

/// Runs `shardplex ARGS…` (without the program's name) and returns its exit code. Never throws: every failure
/// is told on terminal.err.
int run_command_line(Arguments args, const Terminal& terminal);

/// One command's options: what it accepts, and its --help.
class CommandOptions {
 public:
  /// `usage` is what follows "shardplex", such as "map check FILE"; `about` is the help's text.
  CommandOptions(std::string usage, std::string about);

  boost::program_options::options_description_easy_init add() { return visible_.add_options(); }
  /// The next positional argument(s); `at_most` -1: any number.
  void add_positional(const std::string& name, int at_most);

  /// nullopt: --help was asked for and printed. Throws UsageError on anything not understood.
  std::optional<boost::program_options::variables_map> parse(Arguments args, const Terminal& terminal) const;

 private:
  std::string usage_, about_;
  boost::program_options::options_description visible_;
  boost::program_options::options_description hidden_;
  boost::program_options::positional_options_description positional_;
};

/// The option's value; throws UsageError naming what is missing.
std::string required_option(const boost::program_options::variables_map& values, const std::string& name,
                            std::string_view shown_as);

// The commands. Each takes its own arguments and returns an exit code, or throws UsageError or CommandFailed.
int map_check(Arguments args, const Terminal& terminal);
int map_show(Arguments args, const Terminal& terminal);
int route(Arguments args, const Terminal& terminal);
int cluster_init(Arguments args, const Terminal& terminal);
int cluster_status(Arguments args, const Terminal& terminal);
int cluster_doctor(Arguments args, const Terminal& terminal);
int load(Arguments args, const Terminal& terminal);
int verify(Arguments args, const Terminal& terminal);
int import_check(Arguments args, const Terminal& terminal);
int import_run(Arguments args, const Terminal& terminal);
int import_status(Arguments args, const Terminal& terminal);
int import_abort(Arguments args, const Terminal& terminal);
int rebalance_plan(Arguments args, const Terminal& terminal);
int rebalance_check(Arguments args, const Terminal& terminal);
int rebalance_run(Arguments args, const Terminal& terminal);
int rebalance_resume(Arguments args, const Terminal& terminal);
int rebalance_status(Arguments args, const Terminal& terminal);
int rebalance_pause(Arguments args, const Terminal& terminal);
int rebalance_abort(Arguments args, const Terminal& terminal);
int rebalance_reverse(Arguments args, const Terminal& terminal);
int rebalance_finish(Arguments args, const Terminal& terminal);

}  // namespace shardplex::cli
