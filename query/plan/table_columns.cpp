#include "query/plan/table_columns.hpp"

#include <utility>
#include <vector>

#include "query/plan/owned_slots.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex {

std::string qualified_name(const Table& table) {
  return quote_identifier(table.schema) + '.' + quote_identifier(table.name);
}

std::string stored_name(const Table& table) {
  if (!table.written) return qualified_name(table);
  return quote_identifier(table.written->schema) + '.' + quote_identifier(table.written->name);
}

std::string aliased_name(const Table& table) {
  return qualified_name(table) + " AS " + quote_identifier(table.name);
}

std::string column_sql(const Table& table, std::string_view column) {
  return quote_identifier(table.name) + '.' + quote_identifier(column);
}

std::string row_part_sql(const Table& table, std::string_view part) {
  if (part != whole_row) return column_sql(table, part);
  return '(' + quote_identifier(table.name) + ".*)::" + qualified_name(table);
}

std::string readable_sql(const std::string& alias, const Column& column) {
  std::string sql;
  sql.reserve(alias.size() + column.name.size() + column.function_schema.size() + 10);
  if (column.is_computed()) {
    append_identifier(sql, column.function_schema);
    sql += '.';
    append_identifier(sql, column.name);
    sql += '(';
    append_identifier(sql, alias);
    return sql += ".*)";
  }
  append_identifier(sql, alias);
  sql += '.';
  append_identifier(sql, column.name);
  return sql;
}

bool is_shown_as_json(const Column& column) {
  return !column.is_computed() && !column.representations.to_json.empty();
}

std::string shown_sql(const Column& column, std::string value) {
  if (!is_shown_as_json(column)) return value;
  return column.representations.to_json + '(' + value + ')';
}

std::string owned_slots_sql(const Table& table, std::string_view group) {
  return column_sql(table, slot_column) + " IN (" + select_owned_slots(quote_literal(group)) + ')';
}

std::string has_slot_sql(const Table& table, const std::string& of) {
  return '(' + column_sql(table, slot_column) + " IS NOT NULL OR shardplex.refuse_row_without_slot(" +
         quote_literal(of) + "))";
}

std::string view_rows_sql(const Table& table, std::string_view group) {
  if (!table.is_view()) return "";
  std::string sql = has_slot_sql(table, "the view " + table.name);
  // A shard drops the rows of slots that it has given away, and then counts as clean; the view keeps them.
  if (table.kind == TableKind::materialized_view)
    sql = and_also(std::move(sql), owned_slots_sql(table, group));
  return sql;
}

std::optional<std::string> nearest_column(const Table& table, std::string_view name) {
  std::vector<std::string> names;
  for (const auto& column : table.columns) names.push_back(column.name);
  return nearest(name, names);
}

Error unknown_column(const Table& table, std::string_view column) {
  auto hint = nearest_column(table, column);
  if (hint) hint = "Perhaps you meant to reference the column \"" + table.name + '.' + *hint + "\".";
  return {"42703", "column " + table.name + '.' + std::string(column) + " does not exist", std::nullopt,
          std::move(hint), std::nullopt};
}

Error represented_column(const Column& column) {
  return {
      "SHARD400", "This request is not served by this release",
      "Column " + column.name + " is of the domain " + column.type_name +
          ", whose casts show and read its values (domain representations), and the function " +
          column.representations.unsafe + " of one of them is not IMMUTABLE",
      "ALTER FUNCTION … IMMUTABLE on every shard where it depends on the value alone, or leave the column "
      "out: select= names the others.",
      std::nullopt};
}

Error unread_column(const Column& column, const std::string& what) {
  return {"SHARD400", "This request cannot be answered exactly",
          "Column " + column.name + ' ' + what + ", and its values are read by functions of its domain " +
              column.type_name + " (domain representations), which the router does not run",
          "Drop the casts from json and text to " + column.type_name + ", or use SQL.", std::nullopt};
}

Error conflicting_column(const Table& table, const Column& column) {
  return {
      "SHARD503", "Column " + column.name + " of " + table.name + " is not served while the shards differ",
      column.conflict, "Leave the column out (select= names the others), or make it the same on every shard.",
      std::nullopt};
}

Error refused_computed_column(const Table& table, const ComputedColumn& computed) {
  return {"SHARD404", "Computed column " + computed.column.name + " of " + table.name + " is not served",
          computed.refused, computed.works, std::nullopt};
}

std::optional<Error> column_refusal(const Table& table, const Column& column) {
  if (!column.representations.unsafe.empty()) return represented_column(column);
  if (!column.conflict.empty()) return conflicting_column(table, column);
  return std::nullopt;
}

Result<const Column*> require_column(const Table& table, std::string_view name) {
  const Column* column = table.find_readable(name);
  if (!column) return unknown_column(table, name);
  if (column->is_computed())
    if (const auto* computed = table.find_computed(name); !computed->refused.empty())
      return refused_computed_column(table, *computed);
  if (auto refusal = column_refusal(table, *column)) return *std::move(refusal);
  return column;
}

}  // namespace shardplex
