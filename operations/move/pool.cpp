#include "operations/move/pool.hpp"

#include <array>
#include <csignal>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "operations/move/display.hpp"
#include "operations/move/metrics.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/map_file.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

/// Set by the signal handler, read by every runner.
std::atomic<bool> stop_asked{false};
static_assert(std::atomic<bool>::is_always_lock_free);

/// While it lives, signals that would end the process ask the runners to stop instead; a second SIGINT or
/// SIGTERM ends it. One that was ignored before, as SIGHUP is under nohup, stays ignored; SIGPIPE does
/// not, as many programs have it ignored in those that they start.
class StopOnSignal {
 public:
  StopOnSignal() {
    stop_asked = false;
    for (std::size_t i = 0; i < signals.size(); ++i) {
      sigaction(signals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler == SIG_IGN && signals[i] != SIGPIPE) continue;
      struct sigaction action {};
      action.sa_handler = [](int) { stop_asked = true; };
      // A pipe that is closed, or a terminal that is gone, comes back with every line that is written to it.
      const bool comes_back = signals[i] == SIGPIPE || signals[i] == SIGHUP;
      action.sa_flags = comes_back ? 0 : static_cast<int>(SA_RESETHAND);
      sigaction(signals[i], &action, nullptr);
    }
  }
  ~StopOnSignal() {
    for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &before_[i], nullptr);
  }
  StopOnSignal(const StopOnSignal&) = delete;

 private:
  static constexpr std::array signals{SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  std::array<struct sigaction, signals.size()> before_{};
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
      rewrite_map_file(file_, ShardMap(map.cluster(), map.shards(), groups, map.tables(), map.relations(),
                                       map.views(), map.functions()));
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

MovesOutcome run_moves(const ShardMap& map, std::vector<MoveEntry> moves, Mover& mover,
                       const PoolOptions& options, const Terminal& terminal) {
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
  std::set<std::string> abort_expected;
  for (const auto& move : moves)
    if (move.phase == Phase::aborting || move.desired_state == DesiredState::abort)
      abort_expected.insert(move.id);
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
  auto problems = queue.problems();
  for (const auto& line : board.lines())
    if (line.entry.phase == Phase::aborted && !abort_expected.contains(line.entry.id))
      problems.push_back("move " + line.entry.id + " was aborted");
  if (stop_asked) problems.emplace_back("stopped by a signal; shardplex rebalance resume goes on");
  if (!problems.empty() && queue.left() > 0)
    problems.push_back(
        std::to_string(queue.left()) +
        " further moves were not begun; shardplex rebalance resume begins them, abort forgets them");
  return {board.lines(), std::move(problems)};
}

}  // namespace shardplex::operations
