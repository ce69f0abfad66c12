// The trigger on each sharded table by which a shard looks at the rows that other triggers write
// (shardplex.check_place() in config/schema/shardplex.sql).
#pragma once

#include <pqxx/pqxx>
#include <string_view>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

inline constexpr std::string_view place_guard = "shardplex_place";

/// True where the table has its trigger, as guard_places() would make it.
bool is_guarded(pqxx::transaction_base& transaction, const TablePlacement& placement);

/// Gives a sharded table its trigger; false where it has it, and for a reference table. Updates are always
/// looked at, as foreign keys make them too. Inserts are where somebody has a trigger in the database: there
/// is nobody else to make them, and the look costs each insert 2 µs. Writers to the table wait until the
/// transaction ends, so it waits for them a second at most. Preconditions: the table exists, and the schema
/// shardplex is made.
bool guard_places(pqxx::transaction_base& transaction, const ShardMap& map, const TablePlacement& placement);

}  // namespace shardplex::operations
