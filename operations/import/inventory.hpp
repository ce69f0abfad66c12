// What decides, on the source and on each shard, what an import changes or leaves behind.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/import/foreign_keys.hpp"
#include "operations/import/left_behind.hpp"
#include "operations/import/losses.hpp"
#include "operations/import/table_losses.hpp"
#include "operations/import/tables.hpp"

namespace shardplex::operations {

struct SourceInventory {
  Letters letters;
  TableStructures structures;
  std::vector<CountedColumn> counted;
  std::vector<DroppedForeignKey> dropped;
  std::vector<LeftObject> left;
  LossList losses;  ///< that no shard has a say in
};

struct ShardInventory {
  std::string name;
  Letters letters;
  TableStructures structures;
  std::vector<SchemaObject> missing;  ///< of what the import leaves behind
};

/// Takes the foreign keys that are not brought out of the source's catalogue.
SourceInventory read_source_inventory(pqxx::transaction_base& transaction, const ShardMap& map,
                                      ImportSource& source);

ShardInventory read_shard_inventory(pqxx::transaction_base& transaction, const ShardMap& map,
                                    const std::string& name, const SourceInventory& source);

/// Pure. `shards`: those that were reached.
std::vector<ImportLoss> find_losses(const ShardMap& map, const SourceInventory& source,
                                    const std::vector<ShardInventory>& shards);

/// A sentence for each column whose values routers give, otherwise than the source. Pure.
std::vector<std::string> warnings_of_counted(const std::vector<CountedColumn>& counted);

}  // namespace shardplex::operations
