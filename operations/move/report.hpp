// How far moves are: kept by the runner, shown on a terminal, in a pipe, in the journal and to Prometheus.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operations/move/steps.hpp"
#include "operations/process/terminal.hpp"
#include "operations/shard/move_entry.hpp"

namespace shardplex::operations {

/// A value. What is not known yet is nullopt or 0.
struct MoveProgress {
  Step step = Step::record_on_target;
  bool paused = false;
  std::uint64_t rows = 0, bytes = 0;        ///< copied so far
  std::optional<std::uint64_t> total_rows;  ///< to be copied, about (the planner's estimate)
  double bytes_per_second = 0;              ///< over the last seconds of the copy, later over all of it
  std::uint64_t compared_rows = 0, deleted_rows = 0;
  std::optional<std::uint64_t> lag_bytes;  ///< WAL of the source that the target has not confirmed
  std::optional<double> lag_seconds;       ///< from a marker's commit to its arrival
  std::optional<double> write_pause_ms;    ///< from the fence to the target's ownership
  int cutover_attempts = 0;
  int start_overs = 0;
  double seconds = 0;  ///< since this mover took it up
};

/// Every member, by its name; null where it is not known.
boost::json::object progress_json(const MoveProgress& progress);

/// The JSON of shardplex.moves.progress. Unknown members are ignored on reading, bad JSON reads as nothing.
std::string to_json(const MoveProgress& progress);
MoveProgress parse_progress(std::string_view json);

/// "copying", "catching up", "verifying", "cutting over", "switching", "reversible", …: what a person is told
/// of a phase and the step within it.
std::string_view activity(Phase phase, Step step);

/// The moves of this process. Any thread.
class MoveBoard {
 public:
  struct Line {
    MoveEntry entry;  ///< phase and problem are kept up to date
    MoveProgress progress;
    bool running = false;  ///< a runner is at it
  };
  void put(const MoveEntry& entry);  ///< replaces the line of that move
  void update(const std::string& id, const std::function<void(Line&)>& change);
  std::vector<Line> lines() const;  ///< by creation and number

 private:
  mutable std::mutex mutex_;
  std::vector<Line> lines_;
};

// What is known of how far a move is, as text for people; "" or nullopt where nothing is.

std::string rate_text(const MoveProgress& progress);  ///< "84.2", MB/s
std::string pause_text(double write_pause_ms);        ///< "12 ms"
std::string lag_text(const MoveProgress& progress);   ///< "4.0 KiB / 0.02 s"
std::string rows_text(const MoveBoard::Line& line);   ///< "1,200 of ~2,400"
/// Seconds until the rows are copied; nullopt where that cannot be told, as while nothing is copied.
std::optional<double> eta_seconds(const MoveBoard::Line& line);

/// "copying", or with what holds it up: "copying, paused", "verifying, stopped", "preparing, waiting".
std::string state_text(const MoveBoard::Line& line);
/// What is known of how far it is and what is wrong: "1,200 of ~2,400 rows  84.2 MB/s  ETA 0:12".
std::string details_text(const MoveBoard::Line& line);
/// "m3f09ab12 alpha -> beta  copying  1,200 of ~2,400 rows …": a move on one line.
std::string line_text(const MoveBoard::Line& line);
/// From 0 to 1 while rows are being copied and their number is known.
std::optional<double> copied_fraction(const MoveBoard::Line& line);

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

/// Serves the board to Prometheus at http://address:port/metrics while it lives (shardplex_move_*, labels
/// move, group, source, target). Throws CommandFailed where the port is taken.
class MoverMetrics {
 public:
  MoverMetrics(const MoveBoard& board, const std::string& address_and_port);
  ~MoverMetrics();
  MoverMetrics(const MoverMetrics&) = delete;

 private:
  struct Exposed;
  std::unique_ptr<Exposed> exposed_;
};

}  // namespace shardplex::operations
