// What the commands that run moves have in common.
#pragma once

#include <string>

#include "cli/options.hpp"
#include "operations/move/pool.hpp"
#include "operations/shard/mover.hpp"

namespace shardplex::cli {

/// The options that every command shares which runs moves: --map, --parallel, --rate, --max-lag, --max-pause,
/// --patience, --jobs, --metrics, --json.
void add_pool_options(CommandOptions& options);
/// Throws UsageError on values that make no sense.
PoolOptions read_pool_options(const GivenOptions& given);

/// What --take-over says; false where the command does not have it.
OtherMover other_mover(const GivenOptions& given);

/// Of "rebalance VERB --map FILE [MOVE…]"; the moves are the texts "move".
CommandOptions options_for_moves(const std::string& verb, const std::string& about);

/// Says so, with --json as an empty list.
int nothing_to_do(const std::string& what, bool as_json, const Terminal& terminal);

}  // namespace shardplex::cli
