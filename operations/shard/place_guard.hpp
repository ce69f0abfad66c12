// The trigger on each sharded table by which a shard looks at the rows that other triggers write
// (shardplex.check_place() in config/schema/shardplex.sql).
#pragma once

#include <cstdint>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

inline constexpr std::string_view place_guard = "shardplex_place";

enum class PlaceGuard : std::uint8_t {
  in_place,  ///< it fires for all that clients write and looks at what it has to; or there is no such table,
             ///< or a reference table
  absent,    ///< it lacks, is disabled or does not look at inserts, and nobody writes such rows as yet
  missed,  ///< the same, and somebody may: there are triggers in the database, or a foreign key updates rows
};

/// Whether the shard looks at what triggers and foreign keys write to the table.
PlaceGuard read_place_guard(pqxx::transaction_base& transaction, const TablePlacement& placement);

/// A sentence for a table whose trigger is not in place, with the command that mends it.
std::string guard_problem(const TablePlacement& placement);

/// That sentence for each of these tables of the map whose trigger is missed.
std::vector<std::string> missed_guards(pqxx::transaction_base& transaction, const ShardMap& map,
                                       const std::vector<std::string>& tables);

/// Gives a sharded table its trigger; false where it has it, and for a reference table. Updates are always
/// looked at, as foreign keys make them too. Inserts are where somebody has a trigger in the database: there
/// is nobody else to make them, and the look costs each insert 2 µs. Writers to the table wait until the
/// transaction ends, so it waits for them a second at most. Preconditions: the table exists, and the schema
/// shardplex is made.
bool guard_places(pqxx::transaction_base& transaction, const ShardMap& map, const TablePlacement& placement);

}  // namespace shardplex::operations
