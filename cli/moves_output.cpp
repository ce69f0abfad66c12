#include "cli/moves_output.hpp"

#include <string>

#include "operations/move/progress_text.hpp"
#include "operations/process/failure.hpp"
#include "operations/process/json_values.hpp"
#include "operations/process/progress.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;

/// As the YAML writes them where that is short, else the beginning and how many there are.
std::string slots_text(const SlotSet& slots, bool is_tty) {
  constexpr std::size_t most = 24;
  std::string text = slots.to_string();
  if (!is_tty || text.size() <= most) return text;
  return text.substr(0, text.rfind(',', most - 2)) + ", … (" + std::to_string(slots.size()) + ")";
}

Colour colour_of(const MoveBoard::Line& line) {
  if (!line.entry.problem.empty()) return Colour::red;
  if (line.entry.phase == Phase::finished || line.entry.phase == Phase::reversible) return Colour::green;
  return line.progress.paused ? Colour::yellow : Colour::none;
}

}  // namespace

void print_moves(const std::vector<MoveBoard::Line>& moves, const Terminal& terminal) {
  constexpr auto right = TextTable::Align::right;
  TextTable table({{"MOVE"},
                   {"GROUP"},
                   {"SLOTS"},
                   {"FROM"},
                   {"TO"},
                   {"PHASE"},
                   {"ROWS", right},
                   {"MB/s", right},
                   {"LAG", right},
                   {"ETA", right},
                   {"PAUSE", right},
                   {"SINCE"}});
  const auto or_dash = [](std::string text) { return text.empty() ? std::string("-") : text; };
  for (const auto& line : moves) {
    const MoveEntry& entry = line.entry;
    const MoveProgress& progress = line.progress;
    const auto eta = eta_seconds(line);
    table.add({entry.id,
               entry.group,
               slots_text(entry.slots, terminal.out_is_tty),
               entry.source,
               entry.target,
               {state_text(line), colour_of(line)},
               rows_text(line),
               progress.bytes_per_second > 0 ? rate_text(progress) : "-",
               is_over(entry.phase) ? "-" : or_dash(lag_text(progress)),
               eta ? minutes_and_seconds(*eta) : "-",
               progress.write_pause_ms ? pause_text(*progress.write_pause_ms) : "-",
               entry.created_at.substr(0, entry.created_at.find('.'))});
  }
  table.print(terminal);
}

boost::json::array moves_json(const std::vector<MoveBoard::Line>& moves) {
  json::array array;
  for (const auto& line : moves) {
    const MoveEntry& entry = line.entry;
    json::object object{{"id", entry.id},
                        {"number", entry.number},
                        {"group", entry.group},
                        {"slots", entry.slots.to_string()},
                        {"source", entry.source},
                        {"target", entry.target},
                        {"phase", to_string(entry.phase)},
                        {"wanted", to_string(entry.desired_state)},
                        {"problem", text_or_null(entry.problem)},
                        {"created_at", entry.created_at},
                        {"running", line.running},
                        {"activity", activity(entry.phase, line.progress.step)}};
    for (auto& member : progress_json(line.progress)) object.insert(std::move(member));
    array.push_back(std::move(object));
  }
  return array;
}

void print_outcome(const MovesOutcome& outcome, bool as_json, const Terminal& terminal) {
  if (as_json)
    terminal.out << moves_json(outcome.moves) << '\n';
  else
    print_moves(outcome.moves, terminal);
  if (!outcome.problems.empty()) throw CommandFailed(outcome.problems);
}

}  // namespace shardplex::cli
