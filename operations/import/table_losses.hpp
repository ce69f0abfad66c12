// What becomes of the source's tables on the shards: made there without what an import does not bring, or,
// where they are there already, kept as they are.
#pragma once

#include <map>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/import/foreign_keys.hpp"
#include "operations/import/losses.hpp"
#include "operations/shard/table_structure.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// By table of the map, as far as they are there.
using TableStructures = std::map<std::string, TableStructure>;

TableStructures read_structures(pqxx::transaction_base& transaction, const ShardMap& map);

/// Without the foreign keys that are not brought.
void forget_foreign_keys(TableStructures& source, const std::vector<DroppedForeignKey>& dropped);

/// A shard as far as its tables are concerned.
struct ShardTables {
  std::string name;
  TableStructures structures;
};

/// Pure.
void find_table_losses(const TableStructures& source, const std::vector<ShardTables>& shards,
                       LossList& losses);

/// How a database sorts and what letters it knows.
struct Letters {
  std::string collation;                        ///< the default one, with its version where it has one
  std::string character_type;                   ///< LC_CTYPE
  std::map<std::string, std::string> versions;  ///< of the other collations: name -> version, "" for none
};

/// `map`: the other collations are those of columns of its tables; nullptr: all.
Letters read_letters(pqxx::transaction_base& transaction, const ShardMap* map);

/// Pure.
void find_letter_losses(const Letters& source, const std::string& shard, const Letters& there,
                        LossList& losses);

}  // namespace shardplex::operations
