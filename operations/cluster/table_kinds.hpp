// Whether the tables of a shard are of a kind that can be moved and replicated.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// A sentence for each table of the map that is partitioned, inherits or is inherited from, or is unlogged:
/// it could be served, but no slot of it could ever change hands. A table that is missing has none.
std::vector<std::string> table_kind_problems(pqxx::transaction_base& transaction, const ShardMap& map);

}  // namespace shardplex::operations
