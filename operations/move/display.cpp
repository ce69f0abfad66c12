#include "operations/move/display.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <thread>
#include <utility>

#include "operations/move/progress_text.hpp"

namespace shardplex::operations {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds tick{250};
/// A pipe is told of a move that goes on as before so often.
constexpr std::chrono::seconds pipe_interval{5};
/// More moves than this are not drawn, since what has scrolled off a terminal cannot be redrawn.
constexpr std::size_t most_lines = 16;

std::string bar(double done) {
  constexpr std::size_t cells = 16;
  const auto full = static_cast<std::size_t>(done * static_cast<double>(cells));
  return "[" + std::string(full, '#') + std::string(cells - full, '-') + "]";
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

/// As many bytes as fit; names and problems may be UTF-8, which is not cut in the middle of a character.
std::string cut(std::string text, std::size_t width) {
  if (text.size() <= width) return text;
  while (width > 0 && (static_cast<unsigned char>(text[width]) & 0xC0) == 0x80) --width;
  text.resize(width);
  return text;
}

/// What is drawn of the board: moves that are being worked on before those that wait, the rest as a number.
std::vector<std::string> drawn_lines(std::vector<MoveBoard::Line> lines, std::size_t width) {
  std::ranges::stable_partition(
      lines, [](const MoveBoard::Line& line) { return line.running || !line.entry.problem.empty(); });
  std::vector<std::string> drawn;
  for (const auto& line : lines) {
    if (drawn.size() == most_lines) {
      drawn.push_back("and " + std::to_string(lines.size() - most_lines) + " more");
      break;
    }
    std::string text = padded(line.entry.id + " " + line.entry.source + " -> " + line.entry.target, 28) +
                       " " + padded(state_text(line), 20) + " ";
    if (const auto done = copied_fraction(line)) text += bar(*done) + " ";
    drawn.push_back(cut(text + details_text(line), width));
  }
  return drawn;
}

}  // namespace

struct BoardDisplay::Drawing {
  Drawing(const MoveBoard& shown, const Terminal& on) : board(shown), terminal(on) {
    thread = std::thread([this] { run(); });
  }
  ~Drawing() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    thread.join();
    terminal.err_is_tty ? clear() : tell_changes();
    terminal.err << std::flush;
  }

  void run() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      terminal.err_is_tty ? draw() : tell_changes();
      wake.wait_for(lock, tick, [this] { return stopping; });
    }
  }

  void say(const std::string& line) {
    const std::lock_guard lock(mutex);
    if (terminal.err_is_tty) clear();
    terminal.err << line << '\n';
    if (terminal.err_is_tty) draw();
    terminal.err << std::flush;
  }

  void clear() {
    if (height > 0) terminal.err << "\033[" << height << "A\r\033[J";
    height = 0;
  }

  void draw() {
    std::string text = height > 0 ? "\033[" + std::to_string(height) + "A\r" : "";
    const auto drawn = drawn_lines(board.lines(), terminal.width - 1);
    for (const auto& line : drawn) text += line + "\033[K\n";
    text += "\033[J";
    height = drawn.size();
    terminal.err << text << std::flush;
  }

  /// A line for each move that has begun and whose state has changed, or has not been told for a while.
  void tell_changes() {
    const auto now = Clock::now();
    for (const auto& line : board.lines()) {
      const std::string state = state_text(line);
      const auto found = told.find(line.entry.id);
      if (found == told.end() && !line.running && line.entry.problem.empty()) continue;
      const bool changed = found == told.end() || found->second.state != state;
      if (!changed && (!line.running || now - found->second.at < pipe_interval)) continue;
      terminal.err << line_text(line) << '\n' << std::flush;
      told[line.entry.id] = {state, now};
    }
  }

  struct Told {
    std::string state;
    Clock::time_point at;
  };

  const MoveBoard& board;
  const Terminal& terminal;
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  std::size_t height = 0;            // lines that are on the screen
  std::map<std::string, Told> told;  // what a pipe has been told, by move
  std::thread thread;
};

BoardDisplay::BoardDisplay(const MoveBoard& board, const Terminal& terminal)
    : drawing_(std::make_unique<Drawing>(board, terminal)) {}

BoardDisplay::~BoardDisplay() = default;

void BoardDisplay::say(const std::string& line) {
  drawing_->say(line);
}

}  // namespace shardplex::operations
