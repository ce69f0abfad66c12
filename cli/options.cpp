#include "cli/options.hpp"

#include <utility>

#include "operations/shard/map_file.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex::cli {

namespace po = boost::program_options;

std::optional<std::string> GivenOptions::text(const std::string& name) const {
  return has(name) ? std::optional(get<std::string>(name)) : std::nullopt;
}

std::vector<std::string> GivenOptions::texts(const std::string& name) const {
  return has(name) ? get<std::vector<std::string>>(name) : std::vector<std::string>{};
}

std::string GivenOptions::required(const std::string& name, std::string_view shown_as) const {
  if (!has(name)) throw UsageError(std::string(shown_as) + " is missing");
  return get<std::string>(name);
}

ShardMap GivenOptions::map() const {
  return load_shard_map(map_file());
}

CommandOptions::CommandOptions(std::string usage, std::string about)
    : usage_(std::move(usage)), about_(std::move(about)), visible_("Options") {
  visible_.add_options()("help,h", "print this text");
}

void CommandOptions::add_map(const char* about) {
  add()("map", po::value<std::string>()->value_name("FILE"), about);
}

void CommandOptions::add_json(const char* about) {
  add()("json", about);
}

void CommandOptions::add_positional(const std::string& name, int at_most) {
  if (at_most == 1)
    hidden_.add_options()(name.c_str(), po::value<std::string>());
  else
    hidden_.add_options()(name.c_str(), po::value<std::vector<std::string>>());
  positional_.add(name.c_str(), at_most);
}

std::optional<GivenOptions> CommandOptions::parse(Arguments args, const Terminal& terminal) const try {
  po::options_description all;
  all.add(visible_).add(hidden_);
  po::variables_map values;
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::store(po::command_line_parser(std::vector<std::string>(args.begin(), args.end()))
                .options(all)
                .positional(positional_)
                .style(style)
                .run(),
            values);
  if (values.contains("help")) {
    terminal.out << "usage: shardplex " << usage_ << "\n\n" << about_ << "\n\n" << visible_;
    return std::nullopt;
  }
  po::notify(values);
  return GivenOptions(std::move(values));
} catch (const po::unknown_option& unknown) {
  std::vector<std::string> known;
  for (const auto& option : visible_.options()) known.push_back("--" + option->long_name());
  throw UsageError("unknown option " + unknown.get_option_name() +
                   did_you_mean(unknown.get_option_name(), known));
} catch (const po::too_many_positional_options_error&) {
  throw UsageError("too many arguments; usage: shardplex " + usage_);
} catch (const po::error& error) {
  throw UsageError(error.what());
}

void check_jobs(long jobs) {
  if (jobs < 1 || jobs > 64) throw UsageError("--jobs takes a number from 1 to 64");
}

}  // namespace shardplex::cli
