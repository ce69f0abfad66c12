#include "operations/import/table_losses.hpp"

#include <algorithm>
#include <set>
#include <span>

#include "query/plan/sql.hpp"
#include "shard_schema/catalogue_rows.hpp"

namespace shardplex::operations {
namespace {

// Of the triggers a dump brings all but those that look like the program's own
// (operations/shard/schema_dump).
constexpr std::string_view own_trigger = "shardplex", fence_trigger = "shardplex_import_fence";

const std::string letters_sql =
    std::string("SELECT CASE d.datlocprovider WHEN 'i' THEN 'ICU ' ELSE '' END || ") +
    std::string(database_collation_sql) +
    " || coalesce(' of version ' || pg_database_collation_actual_version(d.oid), ''), d.datctype "
    "FROM pg_database d WHERE d.datname = current_database()";

// $1: tables whose columns have the collation; null: all collations.
constexpr const char* versions_sql = R"sql(
SELECT DISTINCT l.collname, coalesce(pg_collation_actual_version(l.oid), '')
  FROM pg_collation l
 WHERE l.collprovider <> 'd' AND l.collnamespace = 'pg_catalog'::regnamespace
   AND l.collencoding IN (-1, (SELECT encoding FROM pg_database WHERE datname = current_database()))
   AND ($1::text[] IS NULL OR EXISTS (SELECT FROM pg_attribute a WHERE a.attcollation = l.oid AND NOT a.attisdropped
                                         AND a.attrelid IN (SELECT to_regclass(name) FROM unnest($1::text[]) AS n(name)))))sql";

/// "SELECT (name) of app" -> "app".
std::string grantee_of(const std::string& privilege) {
  const auto of = privilege.rfind(" of ");
  return of == std::string::npos ? privilege : privilege.substr(of + 4);
}

/// Of a table that the import makes.
void find_losses_of_made(const std::string& table, const TableStructure& structure, LossList& losses) {
  std::set<std::string> grantees;
  bool has_policies = false;
  for (const auto& [part, definition] : structure.parts) {
    const auto& [kind, name] = part;
    if (kind == "privilege") grantees.insert(grantee_of(name));
    if (kind == "rule") losses.add(LossKind::rules, table + ": " + name);
    if (kind == "trigger" && name.starts_with(own_trigger) && name != fence_trigger)
      losses.add(LossKind::triggers, table + ": " + name);
    if (kind == "policy") losses.add(LossKind::policies, table + ": " + name);
    if (kind == "policy") has_policies = true;
  }
  const auto security = structure.parts.find({"setting", "row-level security"});
  if (!has_policies && security != structure.parts.end() && security->second != "off")
    losses.add(LossKind::policies, table + ": it is " + security->second);
  for (const auto& grantee : grantees) losses.add(LossKind::grants, table + ": of " + grantee);
}

}  // namespace

TableStructures read_structures(pqxx::transaction_base& transaction, const ShardMap& map) {
  TableStructures structures;
  for (const auto& placement : map.tables())
    if (auto structure = read_table_structure(transaction, placement.name)) {
      structure->forget_column(std::string(slot_column));
      structures.emplace(placement.name, *std::move(structure));
    }
  return structures;
}

void forget_foreign_keys(TableStructures& source, const std::vector<DroppedForeignKey>& dropped) {
  for (const auto& key : dropped)
    if (const auto table = source.find(key.table); table != source.end())
      table->second.parts.erase({"constraint", key.definition});
}

void find_table_losses(const TableStructures& source, const std::vector<ShardTables>& shards,
                       LossList& losses) {
  for (const auto& [table, structure] : source) {
    const bool made = std::ranges::any_of(
        shards, [&](const ShardTables& shard) { return !shard.structures.contains(table); });
    if (made) find_losses_of_made(table, structure, losses);
    for (const auto& shard : shards) {
      const auto there = shard.structures.find(table);
      if (there == shard.structures.end()) continue;
      for (const auto& difference : structure_differences(there->second, structure, "the source"))
        losses.add(difference.privilege ? LossKind::grants : LossKind::tables_differ,
                   shard.name + ": " + table + ": " + difference.text);
    }
  }
}

Letters read_letters(pqxx::transaction_base& transaction, const ShardMap* map) {
  Letters letters;
  const auto row = transaction.exec1(letters_sql);
  letters.collation = row[0].as<std::string>();
  letters.character_type = row[1].as<std::string>();
  std::optional<std::string> tables;
  if (map != nullptr) {
    std::vector<std::string> names;
    for (const auto& table : map->tables()) names.push_back(quote_map_name(table.name));
    tables = array_literal(std::span<const std::string>(names));
  }
  for (const auto& found : transaction.exec_params(versions_sql, tables))
    letters.versions[found[0].as<std::string>()] = found[1].as<std::string>();
  return letters;
}

void find_letter_losses(const Letters& source, const std::string& shard, const Letters& there,
                        LossList& losses) {
  if (source.collation != there.collation)
    losses.add(LossKind::order, "the default collation is " + source.collation + " on the source and " +
                                    there.collation + " on " + shard);
  if (source.character_type != there.character_type)
    losses.add(LossKind::letters,
               source.character_type + " on the source and " + there.character_type + " on " + shard);
  for (const auto& [name, version] : source.versions) {
    const auto found = there.versions.find(name);
    if (found == there.versions.end())
      losses.add(LossKind::order, shard + " has no collation " + name + ", which columns of the source have");
    else if (found->second != version)
      losses.add(LossKind::order, "collation " + name + " is of version " + version + " on the source and " +
                                      found->second + " on " + shard);
  }
}

}  // namespace shardplex::operations
