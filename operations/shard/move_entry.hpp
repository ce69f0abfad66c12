// A move of slots: what the journal in the shards says of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shard_map/shard_map.hpp"
#include "shard_map/slot_set.hpp"

namespace shardplex::operations {

/// What has been decided about a move, on the source's row. All else about it can be seen in the two shards.
enum class Phase : std::uint8_t {
  moving,      ///< towards the hand-over; everything can still be undone
  switching,   ///< the source has handed over: the target takes the slots, and replication turns round
  reversible,  ///< the target owns the slots; the source's copy follows it
  finishing,   ///< the source's copy goes
  finished,
  aborting,  ///< everything as before
  aborted,
  reversing,  ///< towards handing the slots back to the source
  returning,  ///< the source owns them again; the target's copy goes
  reversed,
};

std::string_view to_string(Phase phase);
std::optional<Phase> parse_phase(std::string_view name);

/// Nothing remains to be done, and nothing of the move is left in the shards but its row of history.
constexpr bool is_over(Phase phase) {
  return phase == Phase::finished || phase == Phase::aborted || phase == Phase::reversed;
}
/// The names of those phases, as an SQL list: "('finished', …)".
const std::string& phases_over_sql();

/// A mover has work to do without being told anything new.
constexpr bool is_under_way(Phase phase) {
  return !is_over(phase) && phase != Phase::reversible;
}

/// What a person has asked for.
enum class DesiredState : std::uint8_t { run, pause, abort };
std::string_view to_string(DesiredState desired_state);
std::optional<DesiredState> parse_desired_state(std::string_view name);

/// The source's row in shardplex.moves, as far as it does not change under the mover's hands.
struct MoveEntry {
  std::string id;
  int number = 0;  ///< order within what was asked for at once
  std::string group;
  SlotSet slots = SlotSet::none(1);
  std::string source, target;  ///< shards
  Phase phase = Phase::moving;
  DesiredState desired_state = DesiredState::run;
  std::string problem;     ///< why the mover stopped; empty where it did not
  std::string progress;    ///< JSON, see operations/move/progress.hpp
  std::string created_at;  ///< as PostgreSQL writes it

  std::string forward() const { return "shardplex_" + id + "_f"; }
  std::string reverse() const { return "shardplex_" + id + "_r"; }
};

/// A name for a move, such as m3f09ab12, that no other move has.
std::string new_move_id();

}  // namespace shardplex::operations
