#include "operations/import/inventory.hpp"

#include <algorithm>

namespace shardplex::operations {
namespace {

/// As it will be on the shards.
void forget_foreign_keys(ShardCatalogue& source, const std::vector<DroppedForeignKey>& dropped) {
  for (const auto& key : dropped)
    if (const auto table = source.tables.find(key.table); table != source.tables.end())
      std::erase_if(table->second.foreign_keys, [&](const ForeignKey& one) { return one.name == key.name; });
}

std::string told_of(const CountedColumn& column) {
  return column.table + ": column " + column.column +
         (column.has_sequence ? " takes its values from a sequence" : " has the default " + column.value);
}

void find_losses_of_counted(const ShardMap& map, const std::vector<CountedColumn>& counted,
                            LossList& losses) {
  for (const auto& column : counted) {
    if (column.by == GivenBy::nobody) losses.add(LossKind::ids_not_given, told_of(column));
    if (column.by == GivenBy::each_shard)
      losses.add(LossKind::ids_repeat,
                 told_of(column) +
                     (map.find_table(column.table)->reference ? ", so the shards' copies would differ" : ""));
  }
}

/// One of its kind and name on all shards is as good.
bool is_missing(const LeftObject& left, const std::vector<ShardInventory>& shards) {
  if (!left.may_be_there || shards.empty()) return true;
  return std::ranges::any_of(shards, [&](const ShardInventory& shard) {
    return std::ranges::any_of(shard.missing, [&](const SchemaObject& object) {
      return object.kind == left.object.kind && object.identity == left.object.identity;
    });
  });
}

}  // namespace

SourceInventory read_source_inventory(pqxx::transaction_base& transaction, const ShardMap& map,
                                      ImportSource& source) {
  SourceInventory found;
  found.letters = read_letters(transaction, &map);
  found.structures = read_structures(transaction, map);
  found.counted = source.counted;
  found.dropped = read_dropped_foreign_keys(transaction, map, source.catalogue);
  read_other_losses(transaction, found.losses);
  read_constraints_per_shard(transaction, map, found.losses);
  // What a table that is not there would need cannot be told.
  if (source.catalogue.tables.size() == map.tables().size())
    found.left = read_left_objects(transaction, map, read_import_objects(transaction, map, source.catalogue));
  forget_foreign_keys(source.catalogue, found.dropped);
  forget_foreign_keys(found.structures, found.dropped);
  return found;
}

ShardInventory read_shard_inventory(pqxx::transaction_base& transaction, const ShardMap& map,
                                    const std::string& name, const SourceInventory& source) {
  ShardInventory found;
  found.name = name;
  found.letters = read_letters(transaction, nullptr);
  found.structures = read_structures(transaction, map);
  found.missing = missing_left_objects(transaction, source.left);
  return found;
}

std::vector<ImportLoss> find_losses(const ShardMap& map, const SourceInventory& source,
                                    const std::vector<ShardInventory>& shards) {
  LossList losses = source.losses;
  std::vector<ShardTables> tables;
  for (const auto& shard : shards) {
    find_letter_losses(source.letters, shard.name, shard.letters, losses);
    tables.push_back({shard.name, shard.structures});
  }
  find_losses_of_counted(map, source.counted, losses);
  for (const auto& key : source.dropped)
    losses.add(key.cascades ? LossKind::cascades : LossKind::foreign_keys, key.text);
  find_table_losses(source.structures, tables, losses);
  for (const auto& left : source.left)
    if (is_missing(left, shards)) losses.add(left.loss, left.object.kind + " " + left.object.identity);
  return losses.all();
}

std::vector<std::string> warnings_of_counted(const std::vector<CountedColumn>& counted) {
  std::vector<std::string> warnings;
  for (const auto& column : counted)
    if (column.by == GivenBy::routers)
      warnings.push_back(told_of(column) + "; on the shards routers give ids of their own instead");
  return warnings;
}

}  // namespace shardplex::operations
