#include "query/plan/value_type.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "query/plan/cast_type.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"

namespace shardplex {
namespace {

/// What PostgreSQL's messages call types whose names in pg_type are others.
std::string shown_name(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 14> names{{
      {"int2", "smallint"},
      {"int4", "integer"},
      {"int8", "bigint"},
      {"float4", "real"},
      {"float8", "double precision"},
      {"bool", "boolean"},
      {"varchar", "character varying"},
      {"bpchar", "character"},
      {"varbit", "bit varying"},
      {"time", "time without time zone"},
      {"timetz", "time with time zone"},
      {"timestamp", "timestamp without time zone"},
      {"timestamptz", "timestamp with time zone"},
      {"char", "\"char\""},
  }};
  if (name.starts_with('_')) return shown_name(name.substr(1)) + "[]";
  const auto found = std::ranges::find(names, name, &std::pair<std::string_view, std::string_view>::first);
  return std::string(found == names.end() ? name : found->second);
}

/// "numeric(3,1)" → "numeric"; "timestamp(3) with time zone" → "timestamp with time zone".
std::string without_modifiers(std::string type) {
  const auto open = type.find('(');
  const auto close = type.find(')', open);
  if (open != std::string::npos && close != std::string::npos) type.erase(open, close + 1 - open);
  return type;
}

/// Whether a cast by this name means a type of pg_catalog, which PostgreSQL looks through first.
bool is_own_type(std::string_view name) {
  static constexpr std::array<std::string_view, 52> without_sort_kind{
      "json",           "jsonb",         "money",         "inet",
      "cidr",           "macaddr",       "macaddr8",      "bit",
      "varbit",         "xml",           "tid",           "xid",
      "xid8",           "cid",           "pg_lsn",        "point",
      "line",           "lseg",          "box",           "path",
      "polygon",        "circle",        "tsvector",      "tsquery",
      "jsonpath",       "int4range",     "int8range",     "numrange",
      "tsrange",        "tstzrange",     "daterange",     "int4multirange",
      "int8multirange", "nummultirange", "tsmultirange",  "tstzmultirange",
      "datemultirange", "regclass",      "regproc",       "regprocedure",
      "regoper",        "regoperator",   "regtype",       "regrole",
      "regnamespace",   "regconfig",     "regdictionary", "regcollation",
      "refcursor",      "pg_snapshot",   "txid_snapshot", "char"};
  if (name.starts_with('_')) name.remove_prefix(1);
  return sort_kind(name, false) != SortKind::none ||
         std::ranges::find(without_sort_kind, name) != without_sort_kind.end();
}

bool is_text(std::string_view name) {
  if (name.starts_with('_')) name.remove_prefix(1);
  return name == "text" || name == "varchar" || name == "bpchar" || name == "citext";
}

std::string qualified_type(const std::string& schema, const std::string& name) {
  return quote_identifier(schema) + '.' + quote_identifier(name);
}

std::string collate_sql(const Column& column) {
  return column.collation_sql.empty() ? "" : " COLLATE " + column.collation_sql;
}

/// `sql` is what cast_type_sql() writes: "name"(modifiers)[].
ValueType cast_type(std::string sql, const Column& column, bool of_path) {
  ValueType type;
  type.name = sql.substr(1, sql.find('"', 1) - 1);
  if (sql.ends_with("[]")) type.name.insert(0, "_");
  type.shown = shown_name(type.name);
  // By what a name that was cast to compares depends on what it was cast from.
  type.built_in = is_own_type(type.name) && type.name != "name";
  type.may_be_domain = !type.built_in;
  if (!of_path && is_text(type.name)) type.collate = collate_sql(column);
  type.declared = type.sql = std::move(sql);
  return type;
}

/// Of a place inside a column, which is looked for in the column's value as jsonb unless that is json itself.
ValueType path_type(const Column& column, const Field& field) {
  if (field.path.back().as_text) return built_in_type("text");
  const bool is_json = column.type_schema == "pg_catalog" && column.type_name == "json";
  return built_in_type(is_json ? "json" : "jsonb");
}

}  // namespace

ValueType built_in_type(std::string name) {
  ValueType type;
  type.schema = "pg_catalog";
  type.declared = type.sql = qualified_type(type.schema, name);
  type.shown = shown_name(name);
  type.built_in = true;
  type.name = std::move(name);
  return type;
}

ValueType type_of(const Column& column) {
  ValueType type;
  const bool is_domain = !column.base_type_name.empty();
  type.schema = is_domain ? column.base_type_schema : column.type_schema;
  type.name = is_domain ? column.base_type_name : column.type_name;
  type.sql = qualified_type(type.schema, type.name);
  type.declared = qualified_type(column.type_schema, column.type_name);
  type.shown = without_modifiers(column.type);
  type.collate = collate_sql(column);
  type.built_in = type.schema == "pg_catalog";
  type.enum_labels = column.enum_labels;
  return type;
}

Result<ValueType> type_of(const Table& table, const Field& field, const std::optional<std::string>& cast) {
  const auto column = require_column(table, field.column);
  if (!column) return column.error();
  if (cast) {
    auto sql = cast_type_sql(*cast);
    if (!sql) return sql.error();
    return cast_type(std::move(*sql), **column, !field.path.empty());
  }
  return field.path.empty() ? type_of(**column) : path_type(**column, field);
}

SortKind sort_kind(const ValueType& type) {
  return type.built_in ? sort_kind(type.name, false) : SortKind::none;
}

bool sorts_by_collation(SortKind kind) {
  return kind == SortKind::text || kind == SortKind::bpchar;
}

bool compares_by_default_collation(const ValueType& type) {
  // citext folds letters by the default collation, and jsonb compares its texts by it, whatever the column's.
  for (const auto* name : {"citext", "_citext", "jsonb", "_jsonb"})
    if (type.name == name) return true;
  // That of a column, which the type names, is the same on every shard.
  return type.built_in && type.collate.empty() && is_text(type.name);
}

bool finds_functions_of(const ValueType& type) {
  return type.built_in || type.schema == "public" || !type.enum_labels.empty() || type.name.starts_with('_');
}

std::string has_labels(const ValueType& type) {
  if (type.enum_labels.empty()) return "";
  return "(SELECT pg_catalog.enum_range(NULL::" + type.sql +
         ")::text[] = " + quote_literal(array_literal(type.enum_labels)) + "::text[])";
}

std::string is_of_type(const std::string& value, const ValueType& type) {
  const std::string found = "pg_catalog.pg_typeof(" + value + ')';
  const bool is_integer = type.name == "int2" || type.name == "int4" || type.name == "int8";
  if (is_integer && type.declared == type.sql)
    return found + " IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)";
  return and_also(found + " = " + quote_literal(type.declared) + "::regtype", has_labels(type));
}

/// A cast of character(n) to text would cut its blanks off.
std::string text_sql(const ValueType& type, const std::string& value) {
  if (type.name == "bpchar") return "pg_catalog.textin(pg_catalog.bpcharout(" + value + "))";
  return "CAST(" + value + " AS text)";
}

std::string value_sql(const ValueType& type, const std::string& text) {
  return "CAST(" + text + " AS " + type.sql + ')' + type.collate;
}

}  // namespace shardplex
