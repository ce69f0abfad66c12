#include "rebalance/move_pool.hpp"

#include <cmath>
#include <csignal>
#include <mutex>
#include <thread>

#include "rebalance/map_file.hpp"
#include "rebalance/move_report.hpp"
#include "rebalance/server.hpp"

namespace shardplex::rebalance {
namespace {

namespace po = boost::program_options;

/// Set by the signal handler, read by every runner.
std::atomic<bool> stop_asked{false};
static_assert(std::atomic<bool>::is_always_lock_free);

/// While it lives, SIGINT and SIGTERM ask the runners to stop; a second one ends the process.
class StopOnSignal {
 public:
  StopOnSignal() {
    stop_asked = false;
    for (const int signal : {SIGINT, SIGTERM}) {
      struct sigaction action {};
      action.sa_handler = [](int) { stop_asked = true; };
      action.sa_flags = static_cast<int>(SA_RESETHAND);
      sigaction(signal, &action, nullptr);
    }
  }
  ~StopOnSignal() {
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
  }
  StopOnSignal(const StopOnSignal&) = delete;
};

/// Writes new owners into the map file, one change at a time.
class MapKeeper {
 public:
  explicit MapKeeper(std::string file, const Terminal& terminal)
      : file_(std::move(file)), terminal_(terminal) {}

  void owner_changed(const MoveEntry& move, const std::string& owner) {
    const std::lock_guard lock(mutex_);
    try {
      const ShardMap map = load_shard_map(file_);
      const auto shard = map.find_shard(owner);
      const auto group = map.find_group(move.group);
      if (!shard || !group)
        throw CommandFailed(file_ + " has no shard " + owner + " or no group " + move.group);
      std::vector<Group> groups = map.groups();
      move.slots.for_each([&](Slot slot) { groups[group->value].placement.at(slot.value) = *shard; });
      rewrite_map_file(file_, ShardMap(map.cluster(), map.shards(), groups, map.tables()));
    } catch (const CommandFailed& failure) {
      // The shards say who owns what, and routers ask them: the file is for people and for first starts.
      terminal_.warning("the map file was not brought up to date: " + failure.problems.front());
    }
  }

 private:
  std::string file_;
  const Terminal& terminal_;
  std::mutex mutex_;
};

template <class Number>
Number positive(const po::variables_map& values, const char* name, Number otherwise) {
  if (!values.contains(name)) return otherwise;
  const auto value = values[name].as<Number>();
  if (!(value > 0)) throw UsageError(std::string("--") + name + " takes a number above 0");
  return value;
}

/// The moves that are left to begin, and what went wrong. Any thread.
class Queue {
 public:
  explicit Queue(std::vector<MoveEntry> moves) : moves_(std::move(moves)) {}
  std::optional<MoveEntry> next() {
    const std::lock_guard lock(mutex_);
    if (next_ == moves_.size() || !problems_.empty() || stop_asked) return std::nullopt;
    return moves_[next_++];
  }
  void fail(std::string problem) {
    const std::lock_guard lock(mutex_);
    problems_.push_back(std::move(problem));
  }
  std::vector<std::string> problems() const { return problems_; }
  std::size_t left() const { return moves_.size() - next_; }

 private:
  std::mutex mutex_;
  std::vector<MoveEntry> moves_;
  std::size_t next_ = 0;
  std::vector<std::string> problems_;
};

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

void run_moves(const ShardMap& map, std::vector<MoveEntry> moves, Mover& mover, const PoolOptions& options,
               const Terminal& terminal) {
  MoveBoard board;
  for (const auto& move : moves) board.put(move);
  std::optional<MoverMetrics> metrics;
  if (options.metrics) metrics.emplace(board, *options.metrics);
  MapKeeper keeper(options.map_file, terminal);
  RateLimit rate(options.bytes_per_second);
  RunnerOptions runner_options = options.runner;
  runner_options.stop = &stop_asked;
  runner_options.owner_changed = [&](const MoveEntry& move, const std::string& owner) {
    keeper.owner_changed(move, owner);
  };
  const StopOnSignal stop_on_signal;
  Queue queue(std::move(moves));
  {
    const BoardDisplay display(board, terminal);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < options.parallel; ++i)
      threads.emplace_back([&] {
        while (auto move = queue.next()) {
          const std::string name = "move " + move->id + ": ";
          try {
            MoveRunner(map, std::move(*move), mover, board, rate, runner_options).run();
          } catch (const std::exception& error) {
            queue.fail(name + one_line(error.what()));
          }
        }
      });
  }
  if (options.json)
    terminal.out << moves_json(board.lines()) << '\n';
  else
    print_moves(board.lines(), terminal);
  auto problems = queue.problems();
  if (stop_asked) problems.emplace_back("stopped by a signal; shardplex rebalance resume goes on");
  if (!problems.empty() && queue.left() > 0)
    problems.push_back(
        std::to_string(queue.left()) +
        " further moves were not begun; shardplex rebalance resume begins them, abort forgets them");
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

}  // namespace shardplex::rebalance
