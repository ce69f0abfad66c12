#include "query/catalogue/find_relation.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <utility>
#include <vector>

#include "shard_map/contains_name.hpp"
#include "shard_map/joined.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex {
namespace {

// ---- What names a relation. A composite key has no column that could, and many to many neither key nor
// constraint of its own.

bool by_constraint(const Relation& relation, std::string_view name) {
  return !relation.junction && relation.constraint == name;
}
bool by_column(const Relation& relation, std::string_view name) {
  return relation.columns.size() == 1 && relation.columns.front().column == name;
}
bool by_foreign_column(const Relation& relation, std::string_view name) {
  return relation.columns.size() == 1 && relation.columns.front().foreign_column == name;
}
bool by_junction(const Relation& relation, std::string_view name) {
  return relation.junction && relation.junction->table == name;
}

bool is_meant_of_self(const Relation& relation, std::string_view target,
                      const std::optional<std::string>& hint) {
  const bool of_children =
      target == relation.foreign_table && relation.cardinality == Cardinality::one_to_many;
  if (hint) return of_children && by_foreign_column(relation, *hint);
  return of_children || (by_column(relation, target) && relation.cardinality == Cardinality::many_to_one);
}

bool is_meant(const Relation& relation, std::string_view target, const std::optional<std::string>& hint) {
  if (relation.function) return relation.function->name == target;
  if (relation.is_self()) return is_meant_of_self(relation, target, hint);
  if (!hint) {
    const bool by_key = by_constraint(relation, target) || by_column(relation, target);
    return target == relation.foreign_table || (by_key && !relation.foreign_end.is_view);
  }
  return target == relation.foreign_table &&
         (by_constraint(relation, *hint) || by_column(relation, *hint) ||
          by_foreign_column(relation, *hint) || by_junction(relation, *hint));
}

// ---- Errors.

std::string in_quotes(std::string_view text) {
  return '\'' + std::string(text) + '\'';
}

std::optional<std::string> instead(std::string_view word, const std::vector<std::string>& candidates) {
  if (contains_name(candidates, word)) return std::nullopt;
  const auto found = nearest(word, candidates);
  if (!found) return std::nullopt;
  return "Perhaps you meant " + in_quotes(*found) + " instead of " + in_quotes(word) + '.';
}

/// What there is instead of a relation that the target could mean: a key to a table of another schema. ""
/// where there is none.
std::string leads_elsewhere(const Table& table, std::string_view target) {
  for (const auto& key : table.keys_to_other_schemas) {
    const std::string_view there = key.foreign_table;
    const bool is_column = key.columns.size() == 1 && key.columns.front() == target;
    if (!there.ends_with('.' + std::string(target)) && key.name != target && !is_column) continue;
    return " The foreign key " + in_quotes(key.name) +
           " leads to a table of another schema, and relations are within one schema.";
  }
  return "";
}

Error no_relation(const Relations& relations, const Table& table, std::string_view target,
                  const std::optional<std::string>& hint) {
  const auto& from = relations.from(table.name);
  std::vector<std::string> foreign;
  for (const auto& relation : from)
    foreign.push_back(relation.function ? relation.function->name : relation.foreign_table);
  const std::string both = in_quotes(table.name) + " and " + in_quotes(target);
  return {.code = "PGRST200",
          .message = "Could not find a relationship between " + both + " in the schema cache",
          .details = "Searched for a foreign key relationship between " + both +
                     (hint ? " using the hint " + in_quotes(*hint) : "") + " in the schema " +
                     in_quotes(table.schema) + ", but no matches were found." +
                     leads_elsewhere(table, target),
          .hint = from.empty() ? instead(table.name, relations.tables()) : instead(target, foreign),
          .status = std::nullopt};
}

/// (a, b) of one end of the pairs.
std::string column_list(const std::vector<ColumnPair>& pairs, std::string ColumnPair::*end) {
  std::vector<std::string> names;
  for (const auto& pair : pairs) names.push_back(pair.*end);
  return '(' + joined(names) + ')';
}

/// By which constraints and columns the relation goes.
std::string described(const Relation& relation) {
  if (const auto& function = relation.function)
    return function->schema + '.' + function->name + '(' + relation.table + ')';
  if (const auto& junction = relation.junction)
    return junction->table + " using " + junction->constraint +
           column_list(junction->columns, &ColumnPair::foreign_column) + " and " +
           junction->foreign_constraint + column_list(junction->foreign_columns, &ColumnPair::foreign_column);
  return relation.constraint + " using " + relation.table +
         column_list(relation.columns, &ColumnPair::column) + " and " + relation.foreign_table +
         column_list(relation.columns, &ColumnPair::foreign_column);
}

/// What tells the relation from others: written behind the target it is found.
const std::string& hint_for(const Relation& relation) {
  return relation.junction ? relation.junction->table : relation.constraint;
}

Error several_relations(const std::vector<const Relation*>& candidates, std::string_view target) {
  boost::json::array details;
  std::vector<std::string> hints;
  for (const Relation* relation : candidates) {
    details.push_back({{"cardinality", std::string(to_string(relation->cardinality))},
                       {"embedding", relation->table + " with " + relation->foreign_table},
                       {"relationship", described(*relation)}});
    // No hint leads to a function, nor away from it: its name alone says that it is meant.
    if (!relation->function) hints.push_back(in_quotes(relation->foreign_table + '!' + hint_for(*relation)));
  }
  return {.code = "PGRST201",
          .message = "Could not embed because more than one relationship was found for " +
                     in_quotes(candidates.front()->table) + " and " + in_quotes(target),
          .details = boost::json::serialize(details),
          .hint = "Try changing " + in_quotes(target) + " to one of the following: " + joined(hints) +
                  ". Find the desired relationship in the 'details' key.",
          .status = std::nullopt,
          .details_are_json = true};
}

}  // namespace

Result<const Relation*> find_relation(const Relations& relations, const Table& table, std::string_view target,
                                      const std::optional<std::string>& hint) {
  std::vector<const Relation*> candidates;
  for (const Relation& relation : relations.from(table.name))
    if (is_meant(relation, target, hint)) candidates.push_back(&relation);
  if (candidates.empty()) return no_relation(relations, table, target, hint);
  if (candidates.size() > 1) return several_relations(candidates, target);
  return candidates.front();
}

}  // namespace shardplex
