// Whether shards that are made or added are alike in what decides answers beside the tables.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/process/terminal.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// A shard while it is looked at.
struct ShardUnderWay {
  std::string name;
  pqxx::transaction_base* transaction = nullptr;
};

/// Compares each with the first, once their tables are as they will be. CommandFailed with what makes answers
/// depend on the shard, where shards are being made; where all were made before, and init only brings them up
/// to date, that is warned of, as what may is always.
void require_alike(const std::vector<ShardUnderWay>& shards, const ShardMap& map, bool makes_shards,
                   const Terminal& terminal);

/// Compares a database that is to become a shard with one that is, before anything is made in it: what lacks
/// there is copied.
void require_fit(const ShardUnderWay& added, const ShardUnderWay& shard, const ShardMap& map,
                 const Terminal& terminal);

/// Warns where roles, grants or default privileges are not the same on all shards of the map, as far as the
/// role of the command line may see them. Precondition: they are initialised.
void warn_of_rights(const ShardMap& map, const Terminal& terminal);

}  // namespace shardplex::operations
