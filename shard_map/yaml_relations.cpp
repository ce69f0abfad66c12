#include "shard_map/yaml_relations.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "shard_map/map_name.hpp"
#include "shard_map/map_schemas.hpp"

namespace shardplex {
namespace {

constexpr std::size_t max_relations = 1024;
constexpr std::size_t max_columns = 32;  // of a key in PostgreSQL

constexpr std::string_view relation_example =
    "{ table: ratings, columns: [user_id], foreign_table: users, foreign_columns: [id] }";

}  // namespace

std::vector<MapRelation> YamlRelations::read(const YamlNode& node) {
  std::vector<MapRelation> relations;
  const auto all = yaml_.entries(node, "{ ratings_of_user: " + std::string(relation_example) + " }");
  if (!all) return relations;
  if (all->entries.size() > max_relations) {
    yaml_.report(node, "more than " + std::to_string(max_relations) + " relations");
    return relations;
  }
  std::set<std::pair<std::string, std::string>> called;  // the table, and what its schema calls the relation
  for (const auto& [name, relation] : all->entries) {
    relations.push_back(read_one(name, relation));
    const auto& read = relations.back();
    if (!called.emplace(read.table, name_within_schema(read)).second)
      yaml_.report(relation, "is called " + in_quotes(name_within_schema(read)) +
                                 " within its schema, as another relation of its table is");
  }
  return relations;
}

MapRelation YamlRelations::read_one(std::string_view name, const YamlNode& node) {
  MapRelation relation;
  relation.name = name;
  if (!is_name(name)) yaml_.report(node, std::string(name_rule));
  const auto fields =
      yaml_.fields(node, {"table", "columns", "foreign_table", "foreign_columns"}, relation_example);
  if (!fields) return relation;
  if (const YamlNode* table =
          yaml_.required(*fields, "table", "the table whose columns refer, as in table: ratings"))
    relation.table = read_table(*table);
  if (const YamlNode* table = yaml_.required(*fields, "foreign_table",
                                             "the table that is referred to, as in foreign_table: users"))
    relation.foreign_table = read_table(*table);
  check_schemas(node, relation);
  const YamlNode* columns = yaml_.required(*fields, "columns", "columns: [user_id]");
  const YamlNode* foreign = yaml_.required(*fields, "foreign_columns", "foreign_columns: [id]");
  const auto own = columns ? read_columns(*columns) : std::nullopt;
  const auto theirs = foreign ? read_columns(*foreign) : std::nullopt;
  if (!own || !theirs) return relation;
  if (own->size() != theirs->size())
    yaml_.report(*foreign, "has " + std::to_string(theirs->size()) + " columns for " +
                               std::to_string(own->size()) + " in columns; each is equal to one");
  relation.columns = *own;
  relation.foreign_columns = *theirs;
  return relation;
}

/// Embeds stay within the schema that a request names.
void YamlRelations::check_schemas(const YamlNode& node, const MapRelation& relation) {
  if (relation.table.empty() || relation.foreign_table.empty()) return;
  const auto schema = split_map_name(relation.table).schema;
  const auto foreign = split_map_name(relation.foreign_table).schema;
  if (schema != foreign)
    yaml_.report(node, "is between tables of the schemas " + in_quotes(schema) + " and " +
                           in_quotes(foreign) + "; no request sees both, so nothing could be embedded by it");
}

std::string YamlRelations::read_table(const YamlNode& node) {
  const auto name = yaml_.text(node);
  if (!name) return {};
  if (std::ranges::find(tables_, *name) == tables_.end())
    yaml_.report(node, "there is no table " + in_quotes(*name) + " in the map" + suggestion(*name, tables_));
  return *name;
}

std::optional<std::vector<std::string>> YamlRelations::read_columns(const YamlNode& node) {
  const auto items = yaml_.items(node, "[user_id]");
  if (!items) return std::nullopt;
  if (items->empty()) {
    yaml_.report(node, "names no column; at least one is needed");
    return std::nullopt;
  }
  if (items->size() > max_columns) {
    yaml_.report(node, "more than " + std::to_string(max_columns) + " columns");
    return std::nullopt;
  }
  std::vector<std::string> columns;
  for (const YamlNode& item : *items) {
    auto name = read_column(item);
    if (!name.empty() && std::ranges::find(columns, name) != columns.end())
      yaml_.report(item, "column " + in_quotes(name) + " is given twice");
    columns.push_back(std::move(name));
  }
  return columns;
}

std::string YamlRelations::read_column(const YamlNode& node) {
  auto name = yaml_.text(node);
  if (!name) return {};
  if (!is_name(*name)) yaml_.report(node, std::string(name_rule));
  if (*name == slot_column)
    yaml_.report(node, "the router fills this column itself, and it relates nothing; name another");
  return *std::move(name);
}

}  // namespace shardplex
