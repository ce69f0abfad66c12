// What makes a database a shard: the schema shardplex with its identity, how keys become slots, and the slot
// column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// Runs config/schema/shardplex.sql, which may be run again. It makes no shard: that is one by its identity.
void make_schema(pqxx::transaction_base& transaction);

/// The same, and writes down who the shard is where that is not known yet.
void write_identity(pqxx::transaction_base& transaction, const ShardMap& map, const Shard& shard);

/// Gives the shard the n-th node numbers to promise ids under (shard_schema/row_ids.hpp), where it has none
/// yet and there are some. `after_ms`: nobody may have been promised anything under them from there on;
/// nullopt where nobody ever was. False where nothing was given. Precondition: no other shard has these.
bool give_node_numbers(pqxx::transaction_base& transaction, std::int32_t nth,
                       std::optional<std::int64_t> after_ms);

/// No ids are promised here that are of a time before `until_ms`: they may have been, by a server whose word
/// this one does not have.
void promise_no_ids_before(pqxx::transaction_base& transaction, std::int64_t until_ms);

/// The history of this server has this ruling of an operator on its timeline from now on, or a later one that
/// it had (ServerStatus::ruling). A schema of before there were such does not keep it.
void set_ruling(pqxx::transaction_base& transaction, std::int64_t ruling);

/// Writes down how keys become slots; the number of definitions that were not there yet. Those that were are
/// left as they are.
std::size_t write_definitions(pqxx::transaction_base& transaction, const ShardMap& map);

/// Writes down the form of the keys of every sharded table that is there, and the labels of enums that decide
/// its slots, where they are not known yet; of how many tables. Labels that contradict those that are known
/// change nothing: definition_problems() tells of them.
std::size_t write_key_forms(pqxx::transaction_base& transaction, const ShardMap& map);

/// Gives a sharded table its slot column; false where it has it. Precondition: the table exists, and without
/// the column it is empty.
bool add_slot_column(pqxx::transaction_base& transaction, const TablePlacement& placement);

/// Whether the table has an index that finds the rows of a slot; true for a reference table, which has no
/// slots.
bool has_slot_index(pqxx::transaction_base& transaction, const TablePlacement& placement);

/// SQL that makes that index. It holds up writers to the table until it is done.
std::string slot_index_sql(const std::string& table);

/// Makes the index beside writers, after removing what an attempt that did not come to its end has left.
/// Precondition: no transaction is open. Throws pqxx's exceptions.
void build_slot_index(pqxx::connection& connection, const TablePlacement& placement);

}  // namespace shardplex::operations
