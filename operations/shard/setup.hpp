// What makes a database a shard: the schema shardplex with its identity, how keys become slots, and the slot
// column.
#pragma once

#include <cstddef>
#include <pqxx/pqxx>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Runs config/schema/shardplex.sql, and writes down who the shard is where that is not known yet.
void write_identity(pqxx::transaction_base& transaction, const ShardMap& map, const Shard& shard);

/// Writes down how keys become slots; the number of definitions that were not there yet. Those that were are
/// left as they are.
std::size_t write_definitions(pqxx::transaction_base& transaction, const ShardMap& map);

/// Writes down the form of the keys of every sharded table that is there, where it is not known yet; how
/// many.
std::size_t write_key_forms(pqxx::transaction_base& transaction, const ShardMap& map);

/// Gives a sharded table its slot column; false where it has it. Precondition: the table exists, and without
/// the column it is empty.
bool add_slot_column(pqxx::transaction_base& transaction, const TablePlacement& placement);

}  // namespace shardplex::operations
