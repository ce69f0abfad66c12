// The options of a command: declared, read and explained in one way.
#pragma once

#include <boost/program_options.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "cli/run_command_line.hpp"
#include "operations/process/terminal.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::cli {

/// The command was not understood; becomes exit_usage.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What was given on the command line.
class GivenOptions {
 public:
  explicit GivenOptions(boost::program_options::variables_map values) : values_(std::move(values)) {}

  bool has(const std::string& name) const { return values_.contains(name); }
  /// Precondition: has(name), or the option has a default.
  template <class Value>
  Value get(const std::string& name) const {
    return values_[name].as<Value>();
  }
  std::optional<std::string> text(const std::string& name) const;
  /// Of an option that may be given several times, or of positional arguments; empty where there is none.
  std::vector<std::string> texts(const std::string& name) const;
  /// Throws UsageError naming what is missing.
  std::string required(const std::string& name, std::string_view shown_as) const;
  /// Throws UsageError where the number is not above 0.
  template <class Number>
  Number positive(const std::string& name, Number otherwise) const {
    if (!has(name)) return otherwise;
    const auto value = get<Number>(name);
    if (!(value > 0)) throw UsageError("--" + name + " takes a number above 0");
    return value;
  }

  /// --map FILE, which every command that has it needs.
  std::string map_file() const { return required("map", "--map FILE"); }
  /// The shard map of that file. Throws CommandFailed with all that is wrong with it.
  ShardMap map() const;
  /// Whether --json was given.
  bool json() const { return has("json"); }

 private:
  boost::program_options::variables_map values_;
};

/// One command's options: what it accepts, and its --help.
class CommandOptions {
 public:
  /// `usage` is what follows "shardplex", such as "map check FILE"; `about` is the help's text.
  CommandOptions(std::string usage, std::string about);

  boost::program_options::options_description_easy_init add() { return visible_.add_options(); }
  /// --map FILE
  void add_map(const char* about = "the shard map");
  /// --json
  void add_json(const char* about = "print JSON");
  /// The next positional argument(s); `at_most` -1: any number.
  void add_positional(const std::string& name, int at_most);

  /// nullopt: --help was asked for and printed. Throws UsageError on anything not understood.
  std::optional<GivenOptions> parse(Arguments args, const Terminal& terminal) const;

 private:
  std::string usage_, about_;
  boost::program_options::options_description visible_;
  boost::program_options::options_description hidden_;
  boost::program_options::positional_options_description positional_;
};

/// Throws UsageError unless it is a number of threads or connections that makes sense.
void check_jobs(long jobs);

}  // namespace shardplex::cli
