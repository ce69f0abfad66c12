// Changes of a move's row on its source, which is the truth about the move.
#pragma once

#include <pqxx/pqxx>

#include "operations/shard/move_entry.hpp"
#include "operations/shard/primary.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// f(transaction) in a transaction on the primary of the move's source. Throws CommandFailed where there is
/// none.
template <class F>
void on_source(const ShardMap& map, const MoveEntry& move, F f) {
  const auto primary = find_primary(map, map.shard(*map.find_shard(move.source)));
  pqxx::work transaction(*primary.connection);
  f(transaction);
  transaction.commit();
}

}  // namespace shardplex::operations
