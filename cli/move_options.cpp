#include "cli/move_options.hpp"

#include <chrono>
#include <cmath>

#include "cli/command_line.hpp"

namespace shardplex::cli {
namespace po = boost::program_options;

void add_pool_options(CommandOptions& options) {
  options.add_map("the shard map; rewritten as slots change hands");
  options.add()("parallel", po::value<int>()->value_name("N"), "moves at a time (default 1)")(
      "rate", po::value<double>()->value_name("MB/s"), "of all copies together (default: no limit)")(
      "max-lag", po::value<double>()->value_name("SECONDS"),
      "how far the target may be behind when writes are stopped (default 1)")(
      "max-pause", po::value<int>()->value_name("MS"),
      "writes go on where they were if a hand-over takes longer, and it is tried again (default 2000)")(
      "patience", po::value<int>()->value_name("SECONDS"),
      "for a server that is gone to come back (default 60)")(
      "jobs", po::value<int>()->value_name("N"), "connections per shard that compare rows (default 1)")(
      "metrics", po::value<std::string>()->value_name("ADDRESS:PORT"), "serve Prometheus metrics there");
  options.add_json("print what became of the moves as JSON");
}

PoolOptions read_pool_options(const GivenOptions& given) {
  PoolOptions options;
  options.map_file = given.map_file();
  options.parallel = static_cast<std::size_t>(given.positive<int>("parallel", 1));
  options.bytes_per_second = static_cast<std::uint64_t>(std::ceil(given.positive<double>("rate", 0) * 1e6));
  options.runner.max_lag = std::chrono::duration<double>(given.positive<double>("max-lag", 1));
  options.runner.max_pause = std::chrono::milliseconds(given.positive<int>("max-pause", 2000));
  options.runner.patience = std::chrono::seconds(given.positive<int>("patience", 60));
  options.runner.compare_jobs = given.positive<int>("jobs", 1);
  options.metrics = given.text("metrics");
  return options;
}

OtherMover other_mover(const GivenOptions& given) {
  return given.has("take-over") ? OtherMover::is_replaced : OtherMover::stays;
}

CommandOptions options_for_moves(const std::string& verb, const std::string& about) {
  CommandOptions options("rebalance " + verb + " --map FILE [MOVE…]", about);
  options.add_positional("move", -1);
  return options;
}

int nothing_to_do(const std::string& what, bool as_json, const Terminal& terminal) {
  if (as_json)
    terminal.out << "[]\n";
  else
    terminal.out << what << '\n';
  return exit_ok;
}

}  // namespace shardplex::cli
