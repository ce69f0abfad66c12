#include <utility>

#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"
#include "query/plan/write_parts.hpp"
#include "shard_map/contains_name.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

/// PostgreSQL's words for a column of a conflict target that is not there.
Error no_such_target(const std::string& column) {
  return {"42703", "column \"" + column + "\" does not exist", std::nullopt, std::nullopt, std::nullopt};
}

/// Rows that are equal by the target are on one shard only where it has all that decides the slot.
std::optional<Error> target_refusal(const std::vector<std::string>& target, const RoutedTable& routed) {
  for (const auto& name : target)
    if (routed.table().find_column(name) == nullptr) return no_such_target(name);
  for (const auto& name : routed.routing_columns())
    if (!contains_name(target, name))
      return cannot_merge(
          "Duplicates are told by " + joined(target) + ", which does not contain " + name +
              ". So a row with the same values could be on any shard, and nothing keeps them "
              "unique over shards.",
          "Name in on_conflict= a unique constraint that contains " + joined(routed.routing_columns()) + '.');
  return std::nullopt;
}

/// What an existing row is changed to: all that the body names, also where a row lacks it. Generated columns
/// follow from the others.
std::string merged_assignments(const ParsedBody& body, const Table& table) {
  std::string assignments;
  const auto assign = [&](const std::string& name) {
    const Column* column = table.find_column(name);
    if (column == nullptr || column->generated) return;
    append_item(assignments, quote_identifier(name) + " = EXCLUDED." + quote_identifier(name));
  };
  for (const auto& name : body.columns) assign(name);
  for (const auto& name : body.defaulted) assign(name);
  return assignments;
}

}  // namespace

Result<std::string> conflict_sql(const Query& query, const Preferences& prefer, const ParsedBody& body,
                                 const RoutedTable& routed) {
  const auto& target = query.on_conflict ? *query.on_conflict : routed.table().written_key();
  if (!prefer.resolution || target.empty()) return sql_text("");
  if (auto refusal = target_refusal(target, routed)) return *std::move(refusal);
  std::string columns;
  for (const auto& name : target) append_item(columns, quote_identifier(name));
  const std::string on_target = " ON CONFLICT (" + columns + ") DO ";
  const auto assignments = merged_assignments(body, routed.table());
  if (prefer.resolution == Resolution::ignore_duplicates || assignments.empty())
    return sql_text(on_target + "NOTHING");
  return sql_text(on_target + "UPDATE SET " + assignments + " WHERE " + std::string(replaced_sql));
}

}  // namespace shardplex
