// Which moves a command is about.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operations/process/terminal.hpp"
#include "operations/shard/move_entry.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// The moves of all shards. Throws CommandFailed where a shard cannot be read, as its moves would be
/// overlooked.
std::vector<MoveEntry> all_moves(const ShardMap& map, bool with_history = false);

/// The moves whose source answers; another shard that is down must not keep them from going on.
std::vector<MoveEntry> reachable_moves(const ShardMap& map, const Terminal& terminal);

/// Those named or, where none is, all whose phase `fits`. Throws CommandFailed where one that is named is not
/// known, or is in another phase; then `otherwise` says what it takes.
std::vector<MoveEntry> choose_moves(const std::vector<MoveEntry>& moves, std::span<const std::string> ids,
                                    const std::function<bool(Phase)>& fits, std::string_view otherwise);

/// "m3f09ab12, m70c1d2e9".
std::string ids_of(const std::vector<MoveEntry>& moves);

}  // namespace shardplex::operations
