// A sharded table as a move sees it.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "query/plan/sql.hpp"
#include "shard_map/shard_map.hpp"
#include "shard_map/slot_set.hpp"

namespace shardplex::operations {

struct MovedTable {
  std::string name;                    ///< as in the map
  std::vector<std::string> columns;    ///< all that are stored as given, in order, the slot column included
  std::vector<std::string> generated;  ///< GENERATED ALWAYS AS … STORED: not copied, computed by the target
  std::vector<std::string> primary_key;  ///< empty only of a reference table that has none
};

/// The tables of the group, in the order of the map. Throws CommandFailed where one is missing or has no
/// primary key or slot column.
std::vector<MovedTable> read_moved_tables(pqxx::transaction_base& transaction, const ShardMap& map,
                                          const Group& group);

/// The reference tables of the map, in its order; those have no slot column, and need no primary key. Throws
/// CommandFailed where one is missing.
std::vector<MovedTable> read_reference_tables(pqxx::transaction_base& transaction, const ShardMap& map);

/// "public"."movies", quoted for SQL.
std::string qualified_name(const MovedTable& table);
/// A comma-separated list of quoted identifiers.
std::string quoted_list(const std::vector<std::string>& names);
/// The slots as a PostgreSQL array literal without quotes: {1,2,3}.
std::string array_literal(const SlotSet& slots);
using shardplex::array_literal;  // of texts

}  // namespace shardplex::operations
