// The board of moves on standard error.
#pragma once

#include <memory>
#include <string>

#include "operations/move/board.hpp"
#include "operations/process/terminal.hpp"

namespace shardplex::operations {

/// Draws the board on standard error while it lives, on a thread of its own: on a tty a line per move,
/// redrawn a few times a second (activity, bar, rows, MB/s, lag, ETA, write pause); in a pipe a line whenever
/// a move's activity changes, and one every few seconds while it does not.
class BoardDisplay {
 public:
  BoardDisplay(const MoveBoard& board, const Terminal& terminal);
  ~BoardDisplay();
  BoardDisplay(const BoardDisplay&) = delete;
  /// Writes a line between the drawn ones.
  void say(const std::string& line);

 private:
  struct Drawing;
  std::unique_ptr<Drawing> drawing_;
};

}  // namespace shardplex::operations
