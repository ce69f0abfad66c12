// What a person decides about moves that have begun: to go on, to pause, to abort, to reverse, to finish.
#pragma once

#include <optional>
#include <vector>

#include "operations/move/pool.hpp"
#include "operations/process/terminal.hpp"
#include "operations/shard/move_entry.hpp"
#include "operations/shard/mover.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Writes what is asked for into the sources' rows, from where a mover at work, or the next one, takes it. It
/// takes no lock, so it can come from any machine.
void set_desired_state(const ShardMap& map, const std::vector<MoveEntry>& moves, DesiredState desired_state);

/// Takes moves that rest into `phase` (finishing or reversing), and sees them to their end.
MovesOutcome end_windows(const ShardMap& map, std::vector<MoveEntry> moves, Phase phase, Mover& mover,
                         const PoolOptions& pool, const Terminal& terminal);

/// Has the moves aborted by the mover at work or, where none is, by this process. What this process did;
/// nullopt where it was the other. Whether all were aborted is then to be asked of require_aborted(). While
/// it waits for the other it says so; one that has been silent for mover_silence is replaced, or
/// CommandFailed says that it hangs.
std::optional<MovesOutcome> abort_moves(const ShardMap& map, const std::vector<MoveEntry>& moves,
                                        OtherMover other, const PoolOptions& pool, const Terminal& terminal);

/// Throws CommandFailed where one of the moves did not come to be aborted, or its source does not say.
void require_aborted(const ShardMap& map, const std::vector<MoveEntry>& moves);

/// Whether a move in this phase can still be aborted.
bool can_be_aborted(Phase phase);

}  // namespace shardplex::operations
