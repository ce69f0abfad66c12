// How far a move is, in words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "operations/move/board.hpp"
#include "operations/move/progress.hpp"
#include "operations/move/steps.hpp"
#include "operations/shard/move_entry.hpp"

namespace shardplex::operations {

/// "copying", "catching up", "verifying", "cutting over", "switching", "reversible", …: what a person is told
/// of a phase and the step within it.
std::string_view activity(Phase phase, Step step);

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

}  // namespace shardplex::operations
