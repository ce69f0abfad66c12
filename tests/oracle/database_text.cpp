#include "tests/oracle/database_text.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <cstddef>
#include <sstream>

#include "tests/integration/request_text.hpp"
#include "tests/oracle/columns.hpp"

namespace shardplex::oracle {
namespace {

using integration::sql_identifier;

std::string listed(const std::vector<std::string>& parts) {
  std::string list;
  for (const auto& part : parts) list += (list.empty() ? "" : ", ") + part;
  return list;
}

std::string identifiers(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const auto& name : names) quoted.push_back(sql_identifier(name));
  return listed(quoted);
}

/// A name or a value in YAML.
std::string in_yaml(const std::string& text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

std::string in_yaml(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const auto& text : texts) quoted.push_back(in_yaml(text));
  return '[' + listed(quoted) + ']';
}

// ---- SQL.

std::string create_table(const Table& table, bool reversed) {
  std::vector<std::string> parts;
  for (const auto& column : table.sample.columns)
    if (!column.left_out)
      parts.push_back(sql_identifier(column.name) + ' ' + column.type +
                      (column.nulls == 0 ? " NOT NULL" : ""));
  if (reversed) std::ranges::reverse(parts);
  for (const auto& columns : table.also_unique) parts.push_back("UNIQUE (" + identifiers(columns) + ')');
  for (const auto& [key, is_kept, left_out] : table.keys)
    if (is_kept && !left_out)
      parts.push_back("CONSTRAINT " + sql_identifier(key.name) + " FOREIGN KEY (" + identifiers(key.columns) +
                      ") REFERENCES public." + key.foreign_table + " (" + identifiers(key.foreign_columns) +
                      ')');
  parts.push_back("PRIMARY KEY (" + identifiers(table.sample.primary_key) + ')');
  return "CREATE TABLE public." + table.sample.name + " (" + listed(parts) + ");\n";
}

std::string create_tables(const Schema& schema, bool reversed) {
  std::string sql = create_types();
  for (const auto& table : schema.tables)
    if (!table.sample.left_out) sql += create_table(table, reversed);
  return sql;
}

std::string create_view(const Schema& schema, const View& view) {
  const auto& table = schema.tables[view.table];
  std::vector<std::string> shown;
  if (table.group) shown.push_back("shardplex_slot");
  for (std::size_t i = 0; i < view.of.size(); ++i)
    if (const auto& column = view.sample.columns[i]; !column.left_out)
      shown.push_back(sql_identifier(view.of[i]) + " AS " + sql_identifier(column.name));
  return "CREATE VIEW public." + view.sample.name + " AS SELECT " + listed(shown) + " FROM public." +
         table.sample.name +
         (view.filled.empty() ? "" : " WHERE " + sql_identifier(view.filled) + " IS NOT NULL") + ";\n";
}

std::string create_views(const Schema& schema) {
  std::string sql;
  for (const auto& view : schema.views)
    if (!view.sample.left_out) sql += create_view(schema, view);
  if (!schema.computed) return sql;
  std::vector<const SampleTable*> tables;
  for (const auto& table : schema.tables)
    if (!table.sample.left_out) tables.push_back(&table.sample);
  return sql + integration::create_computed_columns(tables);
}

/// The names of those that are there.
std::vector<std::string> tables_of(const Schema& schema, std::size_t group) {
  std::vector<std::string> names;
  for (const auto& table : schema.tables)
    if (table.group == group && !table.sample.left_out) names.push_back(table.sample.name);
  return names;
}

// ---- The map.

std::string slots(std::size_t first, std::size_t end) {
  return '[' + std::to_string(first) + '-' + std::to_string(end - 1) + ']';
}

std::string group_in_map(const Group& group) {
  std::string text = "  " + group.name + ":\n    slots: " + std::to_string(group.slots) + "\n    strategy:";
  if (group.list_column.empty()) {
    text += " { hash: {} }\n";
  } else {
    const auto share = group.slots / (group.lists.size() + 1);
    std::size_t next = 0;
    text += "\n      list:\n        column: " + in_yaml(group.list_column) +
            "\n        spread_by: \"id\"\n        lists:\n";
    for (const auto& value : group.lists) {
      text += "          " + in_yaml(value) + ": " + slots(next, next + share) + '\n';
      next += share;
    }
    text += "        otherwise: " + slots(next, group.slots) + '\n';
  }
  return text + "@placement " + std::to_string(group.slots) + '\n';
}

/// "{ group: …, key: … }" or "{ reference: true }".
std::string place_in_map(const Schema& schema, const Table& table, const std::string& key) {
  if (!table.group) return "{ reference: true }";
  return "{ group: " + schema.groups[*table.group].name + ", key: " + in_yaml(key) + " }";
}

std::string map_of(const Schema& schema) {
  std::string text = "version: 1\ncluster: oracle\nshards:\n@shards\n", groups, relations, views;
  for (std::size_t i = 0; i < schema.groups.size(); ++i)
    if (!tables_of(schema, i).empty()) groups += group_in_map(schema.groups[i]);
  if (!groups.empty()) text += "groups:\n" + groups;
  text += "tables:\n";
  for (const auto& table : schema.tables) {
    const auto& sample = table.sample;
    if (sample.left_out) continue;
    text += "  " + sample.name + ": " + place_in_map(schema, table, sample.columns.front().name) + '\n';
    for (const auto& [key, is_kept, left_out] : table.keys)
      if (!is_kept && !left_out)
        relations += "  " + key.name + ": { table: " + sample.name + ", columns: " + in_yaml(key.columns) +
                     ", foreign_table: " + key.foreign_table +
                     ", foreign_columns: " + in_yaml(key.foreign_columns) + " }\n";
  }
  for (const auto& view : schema.views)
    if (!view.sample.left_out)
      views += "  " + view.sample.name + ": " +
               place_in_map(schema, schema.tables[view.table], view.sample.columns.front().name) + '\n';
  if (!relations.empty()) text += "relations:\n" + relations;
  if (!views.empty()) text += "views:\n" + views;
  return text;
}

}  // namespace

DatabaseText text_of(const Schema& schema, const Rows& rows) {
  DatabaseText text;
  text.tables_sql = create_tables(schema, false);
  text.reversed_sql = create_tables(schema, true);
  text.views_sql = create_views(schema);
  text.map = map_of(schema);
  const auto there = without_left_out(schema, rows);
  for (const auto& table : schema.tables)
    if (const auto& sample = table.sample; !sample.left_out)
      text.tables.push_back({sample.name, sample.primary_key, integration::ndjson_of(there.at(sample.name))});
  for (std::size_t i = 0; i < schema.groups.size(); ++i)
    if (auto names = tables_of(schema, i); !names.empty())
      text.groups.push_back({schema.groups[i].name, std::move(names)});
  return text;
}

std::string map_for(const std::string& map, const std::vector<std::pair<std::string, std::string>>& shards) {
  const std::string placement = "@placement ";
  std::istringstream lines(map);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    if (line == "@shards") {
      for (const auto& [name, conninfo] : shards)
        text += "  " + name + ": { primary: \"" + conninfo + "\" }\n";
    } else if (line.starts_with(placement)) {
      const auto count = std::stoul(line.substr(placement.size()));
      text += "    placement:\n";
      for (std::size_t i = 0; i < shards.size(); ++i)
        text += "      " + shards[i].first + ": " +
                slots(i * count / shards.size(), (i + 1) * count / shards.size()) + '\n';
    } else {
      text += line + '\n';
    }
  }
  return text;
}

}  // namespace shardplex::oracle
