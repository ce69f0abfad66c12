#include "operations/import/foreign_keys.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "query/catalogue/relations.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/map_name.hpp"
#include "shard_schema/map_name_sql.hpp"

namespace shardplex::operations {
namespace {

// Of pg_constraint k. The table to which a key leads has the name that a map has for it.
const std::string key_columns = R"sql(
       k.oid, k.conname, pg_get_constraintdef(k.oid) AS definition,
       k.confdeltype NOT IN ('a', 'r') OR k.confupdtype NOT IN ('a', 'r') AS cascades,
       (SELECT )sql" + map_name_sql("s.nspname", "c.relname") +
                                R"sql(
          FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace WHERE c.oid = k.confrelid) AS to_table,
       (SELECT json_agg(a.attname ORDER BY n.place) FROM unnest(k.confkey) WITH ORDINALITY AS n(number, place)
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = n.number)::text AS to_columns)sql";

const std::string keys_sql = "SELECT" + key_columns + R"sql(
  FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = to_regclass($1) ORDER BY k.conname)sql";

// $1: the map's tables. Partitions repeat the key of their table.
const std::string keys_from_outside_sql = R"sql(
WITH mapped AS (SELECT to_regclass(name)::oid AS oid, ordinality FROM unnest($1::text[]) WITH ORDINALITY AS n(name))
SELECT k.conrelid::regclass::text AS from_table, k.confrelid::regclass::text AS to_shown,)sql" +
                                          key_columns + R"sql(
  FROM pg_constraint k
 WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid IN (SELECT oid FROM mapped)
   AND k.conrelid NOT IN (SELECT oid FROM mapped WHERE oid IS NOT NULL)
 ORDER BY from_table, k.conname)sql";

bool maps_onto(const ForeignKey& key, const std::string& column, const std::string& foreign_column) {
  for (std::size_t i = 0; i < key.columns.size(); ++i)
    if (key.columns[i] == column && key.foreign_columns[i] == foreign_column) return true;
  return false;
}

/// Why rows that the key ties together could be on different shards.
std::optional<std::string> problem_of(const ShardMap& map, const TablePlacement& from,
                                      const ForeignKey& key) {
  const TablePlacement* to = map.find_table(key.foreign_table);
  if (to == nullptr) return "which is not in the map";
  if (to->reference) return std::nullopt;
  if (from.reference) return "which is sharded, while " + from.name + " is whole on every shard";
  if (*from.group != *to->group) return "which is in another group";
  const auto* list = std::get_if<ListStrategy>(&map.group(*from.group).strategy);
  const auto &own = from.key.names(), &foreign = to->key.names();
  for (std::size_t i = 0; i < own.size(); ++i)
    if (!maps_onto(key, own[i], foreign[i]))
      return "but not from shard key to shard key, so the rows may be on different shards";
  if (list != nullptr && !maps_onto(key, list->column, list->column))
    return "but not from shard key to shard key, so the rows may be on different shards";
  return std::nullopt;
}

/// What becomes of the relation that the key makes.
std::string kept_for_embeds(const ShardMap& map, const std::string& table, const ForeignKey& key) {
  if (map.find_table(key.foreign_table) == nullptr) return "";
  if (split_map_name(table).schema != split_map_name(key.foreign_table).schema) return "";
  const auto declares = [&](const DeclaredKey& declared) {
    return declared.table == table && relate_the_same(declared.key, key);
  };
  return std::ranges::any_of(declared_keys(map), declares)
             ? "; the map declares it as a relation"
             : "; relations: in the map can declare it for embeds";
}

std::string actions_of(const std::string& definition) {
  const auto from = definition.find(" ON ");
  return from == std::string::npos ? "" : " (" + definition.substr(from + 1) + ")";
}

DroppedForeignKey dropped_key(const pqxx::row& row, const std::string& table) {
  DroppedForeignKey key;
  key.oid = row["oid"].as<std::uint32_t>();
  key.table = table;
  key.name = row["conname"].as<std::string>();
  key.definition = row["definition"].as<std::string>();
  key.cascades = row["cascades"].as<bool>();
  key.to_table = row["to_table"].as<std::string>();
  key.to_columns = boost::json::value_to<std::vector<std::string>>(
      boost::json::parse(row["to_columns"].as<std::string>()));
  return key;
}

}  // namespace

std::vector<DroppedForeignKey> read_dropped_foreign_keys(pqxx::transaction_base& source, const ShardMap& map,
                                                         const ShardCatalogue& catalogue) {
  std::vector<DroppedForeignKey> dropped;
  std::vector<std::string> names;
  for (const auto& placement : map.tables()) names.push_back(quote_map_name(placement.name));
  for (const auto& [name, table] : catalogue.tables)
    for (const auto& row : source.exec_params(keys_sql, quote_map_name(name))) {
      const auto key =
          std::ranges::find(table.foreign_keys, row["conname"].as<std::string>(), &ForeignKey::name);
      if (key == table.foreign_keys.end()) continue;
      const auto problem = problem_of(map, *map.find_table(name), *key);
      if (!problem) continue;
      dropped.push_back(dropped_key(row, name));
      dropped.back().text = name + ": foreign key " + key->name + " leads to " + key->foreign_table + ", " +
                            *problem + actions_of(dropped.back().definition) +
                            kept_for_embeds(map, name, *key);
    }
  for (const auto& row :
       source.exec_params(keys_from_outside_sql, array_literal(std::span<const std::string>(names)))) {
    dropped.push_back(dropped_key(row, row["from_table"].as<std::string>()));
    dropped.back().text = dropped.back().table + ", which is not in the map: foreign key " +
                          dropped.back().name + " leads to " + row["to_shown"].as<std::string>() +
                          actions_of(dropped.back().definition);
  }
  return dropped;
}

}  // namespace shardplex::operations
