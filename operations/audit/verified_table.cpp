#include "operations/audit/verified_table.hpp"

#include <algorithm>
#include <optional>
#include <variant>

#include "operations/compare/row_checksum.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/moved_table.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/owned_slots.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {

std::vector<const Column*> columns_of_key(const VerifiedTable& table) {
  std::vector<const Column*> columns;
  for (const auto& name : table.placement->key.names()) columns.push_back(table.table.find_column(name));
  return columns;
}

std::string has_key_sql(const VerifiedTable& table) {
  std::string sql;
  for (const Column* column : columns_of_key(table))
    if (!column->not_null) sql = and_also(std::move(sql), quote_identifier(column->name) + " IS NOT NULL");
  return sql;
}

std::string list_expression(const VerifiedTable& table) {
  return table.list != nullptr ? quote_identifier(table.list->column) + "::text" : "NULL::text";
}

VerifiedTable describe(pqxx::transaction_base& transaction, const VerifyScope& scope,
                       const TablePlacement& placement) {
  const std::string refused = "table " + placement.name + " cannot be verified: ";
  auto table = read_table(transaction, placement.name);
  if (!table) throw CommandFailed("table " + placement.name + " does not exist");
  if (!table->has_slot_column) throw CommandFailed(refused + "it has no column " + std::string(slot_column));
  if (table->primary_key.empty()) throw CommandFailed(refused + "it has no primary key");
  for (const auto& name : placement.key.names())
    if (const Column* column = table->find_column(name); column == nullptr || !key_type(*column))
      throw CommandFailed(refused + "it has no column " + name + " that could be " +
                          (placement.key.size() == 1 ? "" : "of ") + "its key");

  VerifiedTable verified{&placement, &scope.map.group(*placement.group)};
  verified.list = std::get_if<ListStrategy>(&verified.group->strategy);
  if (verified.list != nullptr && table->find_column(verified.list->column) == nullptr)
    throw CommandFailed(refused + "it has no column " + verified.list->column +
                        ", by which the map makes lists");
  verified.key_types = types_of_key(*table, placement.key).value();
  verified.name = quote_map_name(placement.name);
  const SlotSet& slots = scope.slots[placement.group->value];
  verified.condition =
      slots.is_all() ? "true" : quoted_slot_column + " = ANY ('" + array_literal(slots) + "'::integer[])";
  const auto in_key = [&](const std::string& column) {
    return std::ranges::find(table->primary_key, column) != table->primary_key.end();
  };
  verified.can_double = !std::ranges::all_of(placement.key.names(), in_key) ||
                        (verified.list != nullptr && !in_key(verified.list->column));
  verified.table = *std::move(table);
  return verified;
}

std::string key_hash(const VerifiedTable& table) {
  std::vector<HashedColumn> columns;
  for (const auto& name : table.table.primary_key)
    columns.push_back({name, table.table.find_column(name)->type});
  return row_hash(columns);
}

std::string key_texts(const VerifiedTable& table) {
  std::string texts;
  for (const auto& name : table.table.primary_key) texts += ", " + quote_identifier(name) + "::text";
  return texts;
}

PrimaryKey read_key(const pqxx::row& row, pqxx::row::size_type first) {
  PrimaryKey key;
  for (auto i = first; i < row.size(); ++i) key.push_back(row[i].as<std::string>());
  return key;
}

std::string name_row(const VerifiedTable& table, const PrimaryKey& key) {
  std::string text = table.placement->name;
  for (std::size_t i = 0; i < key.size(); ++i)
    text += (i == 0 ? " " : ", ") + table.table.primary_key[i] + "=" + key[i];
  return text;
}

std::string key_condition(const VerifiedTable& table, const PrimaryKey& key) {
  std::string sql;
  for (std::size_t i = 0; i < key.size(); ++i)
    sql += (i == 0 ? "" : " AND ") + quote_identifier(table.table.primary_key[i]) + " = " +
           quote_literal(key[i]);
  return sql;
}

}  // namespace shardplex::operations
