#include "cli/move_options.hpp"

#include <chrono>
#include <cmath>

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;

template <class Number>
Number positive(const po::variables_map& values, const char* name, Number otherwise) {
  if (!values.contains(name)) return otherwise;
  const auto value = values[name].as<Number>();
  if (!(value > 0)) throw UsageError(std::string("--") + name + " takes a number above 0");
  return value;
}

}  // namespace

void add_pool_options(CommandOptions& options) {
  options.add()("map", po::value<std::string>()->value_name("FILE"),
                "the shard map; rewritten as slots change hands")(
      "parallel", po::value<int>()->value_name("N"), "moves at a time (default 1)")(
      "rate", po::value<double>()->value_name("MB/s"), "of all copies together (default: no limit)")(
      "max-lag", po::value<double>()->value_name("SECONDS"),
      "how far the target may be behind when writes are stopped (default 1)")(
      "max-pause", po::value<int>()->value_name("MS"),
      "writes go on where they were if a hand-over takes longer, and it is tried again (default 2000)")(
      "patience", po::value<int>()->value_name("SECONDS"),
      "for a server that is gone to come back (default 60)")(
      "jobs", po::value<int>()->value_name("N"), "connections per shard that compare rows (default 1)")(
      "metrics", po::value<std::string>()->value_name("ADDRESS:PORT"), "serve Prometheus metrics there")(
      "json", "print what became of the moves as JSON");
}

PoolOptions read_pool_options(const po::variables_map& values) {
  PoolOptions options;
  options.map_file = required_option(values, "map", "--map FILE");
  options.parallel = static_cast<std::size_t>(positive<int>(values, "parallel", 1));
  options.bytes_per_second = static_cast<std::uint64_t>(std::ceil(positive<double>(values, "rate", 0) * 1e6));
  options.runner.max_lag = std::chrono::duration<double>(positive<double>(values, "max-lag", 1));
  options.runner.max_pause = std::chrono::milliseconds(positive<int>(values, "max-pause", 2000));
  options.runner.patience = std::chrono::seconds(positive<int>(values, "patience", 60));
  options.runner.compare_jobs = positive<int>(values, "jobs", 1);
  if (values.contains("metrics")) options.metrics = values["metrics"].as<std::string>();
  options.json = values.contains("json");
  return options;
}

}  // namespace shardplex::cli
