// rebalance status: the moves of all shards, as their journals have them, wherever the mover is.
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <ranges>
#include <sstream>
#include <thread>

#include "cli/command_line.hpp"
#include "cli/moves_output.hpp"
#include "operations/move/progress_text.hpp"
#include "operations/move/status.hpp"
#include "operations/process/failure.hpp"
#include "operations/process/json_values.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds watch_interval{1};

struct Asked {
  std::vector<std::string> ids;  ///< empty: all moves
  bool with_history = false;
};

/// "m1, m2" of the moves that are in a situation; "" for none.
std::string ids_where(const MovesStatus& seen, const std::function<bool(const MoveBoard::Line&)>& situation) {
  return joined(seen.lines | std::views::filter(situation), [](const auto& line) { return line.entry.id; });
}

/// What a person can do, a line per situation.
std::vector<std::string> hints(const MovesStatus& seen) {
  std::vector<std::string> told;
  const auto add = [&](const std::string& ids, const std::string& hint) {
    if (!ids.empty()) told.push_back(ids + ": " + hint);
  };
  for (const auto& fence : seen.fences) {
    const bool alive = seen.mover && !seen.mover->is_silent();
    add(fence.move,
        to_string(fence) +
            (alive        ? ""
             : seen.mover ? "; the mover does not answer: 'shardplex rebalance resume --take-over'"
                          : "; no mover is at work: 'shardplex rebalance resume' lets them in at once"));
  }
  for (const auto& [id, fault] : seen.broken_ways_back)
    add(id, "there is no way back: " + fault + "; 'reverse' would be refused, 'finish' works");
  if (seen.mover && seen.mover->is_silent())
    add(ids_where(seen, [](const auto& line) { return is_under_way(line.entry.phase); }),
        "the mover has not been heard of for long; 'shardplex rebalance resume --take-over' goes on in its "
        "place, "
        "'abort --take-over' undoes it");
  const auto idle = [&](const MoveBoard::Line& line, bool before_hand_over) {
    return !seen.mover && is_under_way(line.entry.phase) &&
           (line.entry.phase == Phase::moving) == before_hand_over;
  };
  add(ids_where(seen, [&](const auto& line) { return idle(line, true); }),
      "no mover is at work; 'shardplex rebalance resume' goes on, 'abort' undoes it");
  add(ids_where(seen, [&](const auto& line) { return idle(line, false); }),
      "no mover is at work; 'shardplex rebalance resume' goes on");
  add(ids_where(
          seen,
          [&](const auto& line) { return seen.mover && line.entry.desired_state == DesiredState::pause; }),
      "asked to pause; 'shardplex rebalance resume' goes on");
  add(ids_where(seen, [](const auto& line) { return line.entry.phase == Phase::reversible; }),
      "'shardplex rebalance finish' deletes the old copy, 'reverse' gives the slots back");
  return told;
}

std::string mover_text(const MovesStatus& seen) {
  if (!seen.mover) return "no mover is at work";
  const bool silent = seen.mover->is_silent();
  return std::string(silent ? "hangs: " : "at work: ") + seen.mover->holder + ", since " + seen.mover->since;
}

void print(const MovesStatus& seen, const Terminal& terminal) {
  terminal.out << mover_text(seen) << '\n';
  if (seen.lines.empty()) {
    if (seen.problems.empty()) terminal.out << "no moves\n";
    return;
  }
  terminal.out << '\n';
  print_moves(seen.lines, terminal);
  terminal.out << '\n';
  for (const auto& line : seen.lines)
    if (!line.entry.problem.empty())
      terminal.out << terminal.paint_out(Colour::red, line.entry.id) << ": " << line.entry.problem << '\n';
  for (const auto& hint : hints(seen)) terminal.out << hint << '\n';
}

json::object as_json(const ShardMap& map, const MovesStatus& seen) {
  json::value mover = nullptr;
  if (seen.mover)
    mover = {{"holder", seen.mover->holder},
             {"since", seen.mover->since},
             {"silent_seconds", seen.mover->silent_seconds}};
  json::array fences, broken;
  for (const auto& fence : seen.fences)
    fences.push_back({{"move", fence.move},
                      {"shard", fence.shard},
                      {"slots", fence.slots},
                      {"seconds", or_null(fence.seconds)}});
  for (const auto& [id, fault] : seen.broken_ways_back) broken.push_back({{"move", id}, {"problem", fault}});
  return {{"cluster", map.cluster()},
          {"mover", mover},
          {"moves", moves_json(seen.lines)},
          {"fences", fences},
          {"broken_ways_back", broken},
          {"hints", json_array(hints(seen))},
          {"problems", json_array(seen.problems)}};
}

/// Draws a screen anew each time.
void redraw(const MovesStatus& seen, const Terminal& terminal) {
  std::ostringstream screen;
  print(seen,
        {terminal.in, screen, terminal.err, true, terminal.err_is_tty, terminal.colour, terminal.width});
  for (const auto& problem : seen.problems)
    screen << terminal.paint_out(Colour::red, "error:") << ' ' << problem << '\n';
  terminal.out << "\033[H\033[J" << screen.str() << std::flush;
}

/// Writes a line for whatever has changed since it was last told.
class ChangeLog {
 public:
  explicit ChangeLog(const Terminal& terminal) : terminal_(terminal) {}

  void tell(const MovesStatus& seen) {
    tell_once("mover", mover_text(seen), mover_text(seen));
    for (const auto& line : seen.lines) tell_once(line.entry.id, state_text(line), line_text(line));
    for (const auto& problem : seen.problems) tell_once(problem, "", "error: " + problem);
    std::erase_if(told_, [&](const auto& entry) {  // a shard that is lost again is told again
      return entry.second.empty() && std::ranges::find(seen.problems, entry.first) == seen.problems.end();
    });
    terminal_.out << std::flush;
  }

 private:
  void tell_once(const std::string& about, const std::string& state, const std::string& line) {
    const auto [found, first] = told_.try_emplace(about, state);
    if (!first && found->second == state) return;
    found->second = state;
    terminal_.out << line << '\n';
  }

  const Terminal& terminal_;
  std::map<std::string, std::string> told_;  // by what it is about: the state; of problems ""
};

/// Until no move is under way and every shard has said so.
void watch(const ShardMap& map, const Asked& asked, const Terminal& terminal) {
  ChangeLog log(terminal);
  while (true) {
    const MovesStatus seen = read_moves_status(map, asked.ids, asked.with_history);
    terminal.out_is_tty ? redraw(seen, terminal) : log.tell(seen);
    if (!seen.under_way() && seen.problems.empty()) return;
    std::this_thread::sleep_for(watch_interval);
  }
}

}  // namespace

int rebalance_status(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "rebalance status --map FILE [--watch] [--all] [--json] [MOVE…]",
      "Shows who moves slots, how far each move is, and what can be done about it, as the shards have it\n"
      "written down. Exits with 1 where a shard cannot be read.");
  options.add_map();
  options.add()("watch", "go on until nothing is under way; in a pipe, a line for each change")(
      "all", "moves that are over as well");
  options.add_json();
  options.add_positional("move", -1);
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  if (given->has("watch") && given->json()) throw UsageError("--watch and --json do not go together");
  const Asked asked{given->texts("move"), given->has("all")};
  const ShardMap map = given->map();
  if (given->has("watch")) return watch(map, asked, terminal), exit_ok;

  const MovesStatus seen = read_moves_status(map, asked.ids, asked.with_history);
  if (given->json()) {
    terminal.out << as_json(map, seen) << '\n';
    return seen.problems.empty() ? exit_ok : exit_failed;
  }
  print(seen, terminal);
  if (!seen.problems.empty()) throw CommandFailed(seen.problems);
  return exit_ok;
}

}  // namespace shardplex::cli
