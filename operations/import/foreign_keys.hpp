// The foreign keys that an import does not bring, since shards cannot hold them.
#pragma once

#include <cstdint>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct DroppedForeignKey {
  std::uint32_t oid = 0;
  std::string table;  ///< where it begins, as SQL names it
  std::string name;
  std::string definition;  ///< as PostgreSQL writes it
  bool cascades = false;   ///< it does something ON DELETE or ON UPDATE
  std::string to_table;    ///< where it leads, by the name that a map has for it
  std::vector<std::string> to_columns;
  std::string text;  ///< "movies: foreign key owned leads to o.users, which is not in the map"
};

/// Those of the map's tables that may lead to a row on another shard or to a table outside the map, and those
/// that lead from outside the map to its tables. `catalogue` is the source's, with ForeignKeys::all.
std::vector<DroppedForeignKey> read_dropped_foreign_keys(pqxx::transaction_base& source, const ShardMap& map,
                                                         const ShardCatalogue& catalogue);

}  // namespace shardplex::operations
