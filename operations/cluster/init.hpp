// Makes the databases of a map its shards.
#pragma once

#include <optional>
#include <string>

#include "operations/process/terminal.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Checks all shards, then makes in each what is missing: its tables (by `schema_sql`, where given), the
/// schema shardplex, the slot columns, the directory of shards, and ownership of slots that nobody owns, as
/// the map places them. Safe to repeat. Tells what was done. Throws CommandFailed, with nothing changed where
/// a check failed, and where ownership has faults afterwards.
void initialise_cluster(const ShardMap& map, const std::optional<std::string>& schema_sql, bool dry_run,
                        const Terminal& terminal);

}  // namespace shardplex::operations
