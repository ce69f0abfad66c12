// What of the source's database an import does not bring: all that no table of the map needs, and more.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/import/losses.hpp"
#include "operations/shard/schema_dump.hpp"
#include "query/catalogue/catalogue.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// What an import makes on the shards: the tables of the map with their parts and all that these need, but
/// for the foreign keys that shards cannot hold. `catalogue` is the source's.
std::vector<SchemaObject> read_import_objects(pqxx::transaction_base& source, const ShardMap& map,
                                              const ShardCatalogue& catalogue);

struct LeftObject {
  LossKind loss = LossKind::objects;
  SchemaObject object;
  /// Whether it is no loss where all shards have one of its kind and name; false of what holds rows.
  bool may_be_there = false;
};

/// The objects of the database that are not among `brought`. Tables of the map are always left out, and so is
/// what belongs to an extension, a table, a view or a type.
std::vector<LeftObject> read_left_objects(pqxx::transaction_base& source, const ShardMap& map,
                                          const std::vector<SchemaObject>& brought);

/// Those of them that may be there already, and are not.
std::vector<SchemaObject> missing_left_objects(pqxx::transaction_base& shard,
                                               const std::vector<LeftObject>& left);

/// Publications, subscriptions and replication slots of others, and large objects.
void read_other_losses(pqxx::transaction_base& source, LossList& losses);

/// Unique indexes and exclusion constraints of the map's sharded tables that rows of several shards can
/// break.
void read_constraints_per_shard(pqxx::transaction_base& source, const ShardMap& map, LossList& losses);

}  // namespace shardplex::operations
