#include "operations/import/tables.hpp"

#include <algorithm>

#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

constexpr const char* table_sql = R"sql(
SELECT c.relkind, c.relpersistence, c.relreplident, greatest(c.reltuples, 0) AS rows, c.relispartition,
       EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)) AS inherits,
       coalesce((SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
                  WHERE x.indrelid = c.oid AND x.indisreplident), '') AS identity_index
  FROM pg_class c WHERE c.oid = to_regclass($1))sql";

// computed: GENERATED … STORED; value: the default's SQL; counted: by a sequence; owned: and by its own.
constexpr const char* column_sql = R"sql(
SELECT a.attname, a.attgenerated <> '' AS computed, a.attidentity = 'a' AS always,
       CASE a.attgenerated WHEN '' THEN coalesce(pg_get_expr(d.adbin, d.adrelid), '') ELSE '' END AS value,
       a.attidentity <> '' OR (a.attgenerated = '' AND coalesce(pg_get_expr(d.adbin, d.adrelid), '') ~ '\mnextval\(') AS counted,
       pg_get_serial_sequence($1::text, a.attname) IS NOT NULL AS owned
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum)sql";

std::string qualified(const std::string& name) {
  return quote_map_name(name);
}

/// What decides the shard: the key and, under the list strategy, the list's column.
std::vector<std::string> deciding_columns(const ShardMap& map, const TablePlacement& placement) {
  if (placement.reference) return {};
  std::vector<std::string> names = placement.key.names();
  if (const auto* list = std::get_if<ListStrategy>(&map.group(*placement.group).strategy))
    names.push_back(list->column);
  return names;
}

/// What is no ordinary table is in no catalogue, and yet there.
void check_kind(pqxx::transaction_base& source, const TablePlacement& placement,
                std::vector<std::string>& problems) {
  const auto found = source.exec_params(table_sql, qualified(placement.name));
  if (found.empty()) return problems.push_back("it has no table " + placement.name);
  const auto row = found[0];
  const auto say = [&](const std::string& what) { problems.push_back(placement.name + ": " + what); };
  if (row["relkind"].as<std::string>() != "r")
    return say("it is not an ordinary table; views, partitioned and foreign tables cannot be imported");
  if (row["inherits"].as<bool>()) say("it inherits, or is inherited from; such tables cannot be imported");
  if (row["relpersistence"].as<std::string>() != "p")
    say("it is UNLOGGED or TEMPORARY; its changes cannot be followed");
}

/// What routers do for a row without this column, which decides the shard (docs/api.md, "Keys").
GivenBy giver_of(const ShardMap& map, const TablePlacement& placement, const Table& table,
                 const Column& column, bool has_own_sequence) {
  if (!placement.key.is(column.name) || table.primary_key != std::vector{column.name}) return GivenBy::nobody;
  if (column.type_name == "int8" || column.type_name == "uuid") return GivenBy::routers;
  const bool hashed = std::holds_alternative<HashStrategy>(map.group(*placement.group).strategy);
  const bool small = column.type_name == "int4" || column.type_name == "int2";
  return hashed && small && has_own_sequence ? GivenBy::first_sequence : GivenBy::nobody;
}

/// As the column will be on the shards (ImportRunner::uncounted_keys_sql()).
void uncount(Column& column, GivenBy by) {
  if (by == GivenBy::routers || by == GivenBy::nobody) column.has_default = false;
  if (by != GivenBy::each_shard) column.generated = false;
}

void read_counted(pqxx::transaction_base& source, const ShardMap& map, const TablePlacement& placement,
                  Table& table, ImportSource& read) {
  const auto deciding = deciding_columns(map, placement);
  for (const auto& row : source.exec_params(column_sql, qualified(table.name))) {
    const auto name = row["attname"].as<std::string>();
    const auto column = std::ranges::find(table.columns, name, &Column::name);
    if (name == slot_column) read.problems.push_back(table.name + ": it has a column " + name + " already");
    if (column == table.columns.end()) continue;
    if (row["computed"].as<bool>() && std::ranges::count(table.primary_key, name) > 0)
      read.problems.push_back(table.name + ": its primary key holds the generated column " + name);
    CountedColumn counted{table.name, name, row["value"].as<std::string>(), row["counted"].as<bool>()};
    if (std::ranges::count(deciding, name) > 0) {
      if (!counted.has_sequence && counted.value.empty()) continue;
      counted.by = giver_of(map, placement, table, *column, row["owned"].as<bool>());
    } else if (!counted.has_sequence) {
      continue;
    }
    if (counted.has_sequence) uncount(*column, counted.by);
    read.counted.push_back(std::move(counted));
  }
}

std::size_t index_of(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) throw CommandFailed("the source has no column " + name + " that could be copied");
  return static_cast<std::size_t>(found - names.begin());
}

ImportTable read_import_table(pqxx::transaction_base& source, const ShardMap& map,
                              const TablePlacement& placement) {
  const auto found = read_table(source, placement.name);
  if (!found) throw CommandFailed("the source has no table " + placement.name);
  ImportTable table;
  table.name = placement.name;
  const auto deciding = deciding_columns(map, placement);
  for (const auto& row : source.exec_params(column_sql, qualified(table.name))) {
    const auto name = row["attname"].as<std::string>();
    if (row["computed"].as<bool>()) {
      table.generated.push_back(name);
      continue;
    }
    table.columns.push_back(name);
    table.never_updated.push_back(row["always"].as<bool>() && std::ranges::count(deciding, name) == 0);
  }
  for (const auto& name : found->primary_key) {
    table.primary_key.push_back(index_of(table.columns, name));
    table.key_types.push_back(found->find_column(name)->type);
  }
  const auto row = source.exec_params1(table_sql, qualified(table.name));
  table.identity = row["relreplident"].as<std::string>()[0];
  table.identity_index = row["identity_index"].as<std::string>();
  table.estimated_rows = row["rows"].as<double>();
  if (placement.reference) return table;
  ImportSharding sharding;
  sharding.group = &map.group(*placement.group);
  for (const auto& name : placement.key.names()) sharding.key.push_back(index_of(table.columns, name));
  sharding.key_types = types_of_key(*found, placement.key).value();
  if (const auto* list = std::get_if<ListStrategy>(&sharding.group->strategy))
    sharding.list = index_of(table.columns, list->column);
  table.sharding = sharding;
  return table;
}

}  // namespace

bool ImportTable::needs_full_identity() const {
  if (identity == 'i' || identity == 'n') return true;
  if (!sharding) return false;
  const auto in_key = [&](std::size_t column) { return std::ranges::count(primary_key, column) > 0; };
  return !std::ranges::all_of(sharding->key, in_key) || (sharding->list && !in_key(*sharding->list));
}

ImportSource read_import_source(pqxx::transaction_base& source, const ShardMap& map) {
  ImportSource read;
  read.catalogue = read_catalogue(source, map, ForeignKeys::all);
  for (const auto& placement : map.tables()) {
    check_kind(source, placement, read.problems);
    const auto found = read.catalogue.tables.find(placement.name);
    if (found == read.catalogue.tables.end()) continue;
    read_counted(source, map, placement, found->second, read);
    found->second.has_slot_column = !placement.reference;
  }
  return read;
}

std::vector<ImportTable> read_import_tables(pqxx::transaction_base& source, const ShardMap& map) {
  std::vector<ImportTable> tables;
  for (const auto& placement : map.tables()) tables.push_back(read_import_table(source, map, placement));
  return tables;
}

ImportPlace place_of(const ImportTable& table, const ImportKey& key,
                     std::optional<std::string_view> list_value) {
  const ImportSharding& sharding = *table.sharding;
  std::vector<std::string> columns;
  columns.reserve(key.size());
  for (std::size_t i = 0; i < key.size(); ++i) {
    const KeyType type = sharding.key_types[i];
    auto canonical = key[i] ? canonical_bytes(type, *key[i]) : std::nullopt;
    if (!canonical)
      throw CommandFailed(table.name + ": a row's " + table.columns[sharding.key[i]] + " is " +
                          (key[i] ? "\"" + *key[i] + "\"" : "null") + ", which decides no slot" +
                          (type == KeyType::citext ? " (of citext only ASCII does)" : ""));
    columns.push_back(*std::move(canonical));
  }
  const Slot slot = slot_of_row(*sharding.group, joined_bytes(columns), list_value);
  return {slot, sharding.group->placement[slot.value]};
}

std::string qualified_name(const ImportTable& table) {
  return qualified(table.name);
}

std::string altered_table(const ImportTable& table) {
  return "table " + table.name +
         " was altered on the source since the import began; undo that, or abort the import and begin again";
}

}  // namespace shardplex::operations
