// How far a move is, as the runner keeps it and the journal stores it.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "operations/move/steps.hpp"

namespace shardplex::operations {

/// A value. What is not known yet is nullopt or 0.
struct MoveProgress {
  Step step = Step::record_on_target;
  bool paused = false;
  std::string trouble;  ///< what holds it up while the mover still tries; "" for nothing
  std::optional<double> gives_up_in_seconds;  ///< where the trouble lasts; nullopt: not for that
  std::uint64_t rows = 0, bytes = 0;          ///< copied so far
  std::optional<std::uint64_t> total_rows;    ///< to be copied, about (the planner's estimate)
  double bytes_per_second = 0;                ///< over the last seconds of the copy, later over all of it
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

}  // namespace shardplex::operations
