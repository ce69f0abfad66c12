// rebalance status: the moves of all shards, as their journals have them, wherever the mover is.
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <sstream>
#include <thread>

#include "cli/command_line.hpp"
#include "operations/move/journal.hpp"
#include "operations/move/report.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;
namespace po = boost::program_options;

constexpr std::chrono::seconds watch_interval{1};

struct Asked {
  std::vector<std::string> ids;  ///< empty: all moves
  bool with_history = false;
};

struct MovesSeen {
  std::vector<MoveBoard::Line> lines;
  std::optional<MoverSeen> mover;
  std::vector<std::string> problems;  ///< shards that could not be read

  bool under_way() const {
    return std::ranges::any_of(lines, [](const auto& line) { return is_under_way(line.entry.phase); });
  }
};

/// Throws where a move is asked for that no journal has.
void keep_only(const std::vector<std::string>& ids, MovesSeen& seen) {
  if (ids.empty()) return;
  for (const auto& id : ids) {
    const bool known = std::ranges::any_of(seen.lines, [&](const auto& line) { return line.entry.id == id; });
    if (!known && seen.problems.empty()) throw CommandFailed("there is no move " + id);
  }
  std::erase_if(seen.lines,
                [&](const auto& line) { return std::ranges::find(ids, line.entry.id) == ids.end(); });
}

MovesSeen read_moves(const ShardMap& map, const Asked& asked) {
  ClusterJournal journal = read_cluster_journal(map, asked.with_history || !asked.ids.empty());
  MovesSeen seen{{}, std::move(journal.mover), std::move(journal.problems)};
  for (auto& entry : journal.moves) {
    auto& line = seen.lines.emplace_back(MoveBoard::Line{std::move(entry), {}, false});
    line.progress = parse_progress(line.entry.progress);
    line.running = seen.mover && is_under_way(line.entry.phase) && line.entry.problem.empty();
  }
  keep_only(asked.ids, seen);
  return seen;
}

/// "m1, m2" of the moves that are in a situation; "" for none.
std::string ids_where(const MovesSeen& seen, const std::function<bool(const MoveBoard::Line&)>& situation) {
  std::string ids;
  for (const auto& line : seen.lines)
    if (situation(line)) ids.append(ids.empty() ? "" : ", ").append(line.entry.id);
  return ids;
}

/// What a person can do, a line per situation.
std::vector<std::string> hints(const MovesSeen& seen) {
  std::vector<std::string> told;
  const auto add = [&](const std::string& ids, const std::string& hint) {
    if (!ids.empty()) told.push_back(ids + ": " + hint);
  };
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

std::string mover_text(const MovesSeen& seen) {
  if (!seen.mover) return "no mover is at work";
  return "at work: " + seen.mover->holder + ", since " + seen.mover->since;
}

void print(const MovesSeen& seen, const Terminal& terminal) {
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

json::object as_json(const ShardMap& map, const MovesSeen& seen) {
  json::value mover = nullptr;
  if (seen.mover) mover = {{"holder", seen.mover->holder}, {"since", seen.mover->since}};
  json::array hint_lines, problems;
  for (const auto& hint : hints(seen)) hint_lines.emplace_back(hint);
  for (const auto& problem : seen.problems) problems.emplace_back(problem);
  return {{"cluster", map.cluster()},
          {"mover", mover},
          {"moves", moves_json(seen.lines)},
          {"hints", hint_lines},
          {"problems", problems}};
}

/// Draws a screen anew each time.
void redraw(const MovesSeen& seen, const Terminal& terminal) {
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

  void tell(const MovesSeen& seen) {
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
    const MovesSeen seen = read_moves(map, asked);
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
  options.add()("map", po::value<std::string>()->value_name("FILE"), "the shard map")(
      "watch", "go on until nothing is under way; in a pipe, a line for each change")(
      "all", "moves that are over as well")("json", "print JSON");
  options.add_positional("move", -1);
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  if (values->contains("watch") && values->contains("json"))
    throw UsageError("--watch and --json do not go together");
  const std::string map_file = required_option(*values, "map", "--map FILE");
  Asked asked{{}, values->contains("all")};
  if (values->contains("move")) asked.ids = (*values)["move"].as<std::vector<std::string>>();
  const ShardMap map = load_shard_map(map_file);
  if (values->contains("watch")) return watch(map, asked, terminal), exit_ok;

  const MovesSeen seen = read_moves(map, asked);
  if (values->contains("json")) {
    terminal.out << as_json(map, seen) << '\n';
    return seen.problems.empty() ? exit_ok : exit_failed;
  }
  print(seen, terminal);
  if (!seen.problems.empty()) throw CommandFailed(seen.problems);
  return exit_ok;
}

}  // namespace shardplex::cli
