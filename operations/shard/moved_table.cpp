#include "operations/shard/moved_table.hpp"

#include <algorithm>

#include "operations/process/failure.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::operations {
namespace {

constexpr const char* columns_sql = R"sql(
SELECT a.attname, a.attgenerated <> '' AS generated
  FROM pg_attribute a
 WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum)sql";

constexpr const char* primary_key_sql = R"sql(
SELECT a.attname
  FROM pg_index x
 CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, position)
  JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
 WHERE x.indrelid = to_regclass($1) AND x.indisprimary AND k.position <= x.indnkeyatts
 ORDER BY k.position)sql";

/// Sorts the columns into those that are stored as given and those that PostgreSQL computes.
void read_columns(pqxx::transaction_base& transaction, MovedTable& table) {
  for (const auto& row : transaction.exec_params(columns_sql, qualified_name(table))) {
    auto& columns = row["generated"].as<bool>() ? table.generated : table.columns;
    columns.push_back(row["attname"].as<std::string>());
  }
  if (table.columns.empty()) throw CommandFailed("table " + table.name + " does not exist");
}

void require_slot_column(const MovedTable& table) {
  if (std::ranges::find(table.columns, slot_column) == table.columns.end())
    throw CommandFailed("table " + table.name + " has no column " + std::string(slot_column) +
                        " (shardplex cluster init adds it)");
}

void read_primary_key(pqxx::transaction_base& transaction, MovedTable& table) {
  for (const auto& row : transaction.exec_params(primary_key_sql, qualified_name(table)))
    table.primary_key.push_back(row[0].as<std::string>());
}

void require_primary_key(const MovedTable& table) {
  if (table.primary_key.empty()) throw CommandFailed("table " + table.name + " has no primary key");
}

}  // namespace

std::vector<MovedTable> read_moved_tables(pqxx::transaction_base& transaction, const ShardMap& map,
                                          const Group& group) {
  std::vector<MovedTable> tables;
  for (const auto& placement : map.tables()) {
    if (placement.reference || map.group(*placement.group).name != group.name) continue;
    MovedTable& table = tables.emplace_back(MovedTable{placement.name, {}, {}, {}});
    read_columns(transaction, table);
    require_slot_column(table);
    read_primary_key(transaction, table);
    require_primary_key(table);
  }
  return tables;
}

std::vector<MovedTable> read_reference_tables(pqxx::transaction_base& transaction, const ShardMap& map) {
  std::vector<MovedTable> tables;
  for (const auto& placement : map.tables()) {
    if (!placement.reference) continue;
    MovedTable& table = tables.emplace_back(MovedTable{placement.name, {}, {}, {}});
    read_columns(transaction, table);
    read_primary_key(transaction, table);
  }
  return tables;
}

std::string qualified_name(const MovedTable& table) {
  return quote_map_name(table.name);
}

std::string quoted_list(const std::vector<std::string>& names) {
  return joined(names, quote_identifier);
}

std::string array_literal(const SlotSet& slots) {
  std::string literal;
  slots.for_each(
      [&](Slot slot) { literal.append(literal.empty() ? "{" : ",").append(std::to_string(slot.value)); });
  return literal.empty() ? "{}" : literal + "}";
}

}  // namespace shardplex::operations
