// The source as it was when an import began: whatever it has got since that the import would not bring is
// told before the cutover.
#pragma once

#include <map>
#include <pqxx/pqxx>
#include <set>
#include <string>
#include <vector>

#include "operations/import/losses.hpp"
#include "operations/import/table_losses.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// What a foreign key that was not brought leads to.
struct DroppedReference {
  std::string table;                 ///< as in the map
  std::vector<std::string> columns;  ///< of it
  std::string text;                  ///< DroppedForeignKey::text
  bool operator==(const DroppedReference&) const = default;
};

struct ImportBaseline {
  std::map<LossKind, std::set<std::string>> losses;  ///< of the source alone
  TableStructures structures;
  std::vector<DroppedReference> references;
};

ImportBaseline read_baseline(pqxx::transaction_base& source, const ShardMap& map);

/// JSON text, and back.
std::string to_json(const ImportBaseline& baseline);
ImportBaseline parse_baseline(const std::string& json);

/// Of the imports that this shard knows of: who refers to its rows may not be seen any more.
std::vector<DroppedReference> read_dropped_references(pqxx::transaction_base& shard);

/// What has come since `before` and is not accepted. Pure.
std::vector<ImportLoss> losses_since(const ImportBaseline& before, const ImportBaseline& now,
                                     const AcceptedLosses& accepted);

}  // namespace shardplex::operations
