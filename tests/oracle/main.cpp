// Random tables, rows and reads against one PostgreSQL: `oracle --help`.
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/oracle/options.hpp"
#include "tests/oracle/progress.hpp"
#include "tests/oracle/run.hpp"

namespace shardplex::oracle {
namespace {

/// Before a run that may take hours.
void check_that_json_can_be_written(const Options& options) {
  if (options.json.empty() || std::ofstream(options.json, std::ios::app)) return;
  throw std::runtime_error("cannot write " + options.json);
}

void write_json(const Tally& tally, const Options& options) {
  std::ofstream file(options.json);
  file << boost::json::serialize(json_of(tally, options)) << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + options.json);
}

int run_all(const Options& options) {
  Progress progress;
  if (!options.replay.empty()) return replay(options.replay, progress) ? 0 : 1;
  check_that_json_can_be_written(options);
  progress.say("seed " + std::to_string(options.seed));
  const auto tally = run(options, progress);
  std::printf("%s\n%s", refusals_of(tally).c_str(), result_of(tally, options).c_str());
  if (!options.json.empty()) write_json(tally, options);
  const auto shortfall = shortfall_of(tally, options);
  if (!shortfall.empty()) progress.say("that proves too little: " + shortfall);
  return tally.wrong == 0 && shortfall.empty() ? 0 : 1;
}

int run_program(const std::vector<std::string>& arguments) {
  Options options;
  try {
    options = options_of(arguments, std::getenv("SHARDPLEX_ORACLE_SEED"));
  } catch (const std::invalid_argument& wrong) {
    std::fprintf(stderr, "oracle: %s (see --help)\n", wrong.what());
    return 2;
  }
  if (options.help) {
    std::printf("%s", usage);
    return 0;
  }
  return run_all(options);
}

}  // namespace
}  // namespace shardplex::oracle

int main(int argc, char** argv) {
  try {
    return shardplex::oracle::run_program(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "oracle: %s\n", failure.what());
    return 1;
  }
}
