#include "query/plan/expression.hpp"

#include <algorithm>
#include <array>

#include "query/plan/owned_slots.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex {
namespace {

// ---- Casts.

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Lower case, as PostgreSQL folds what is not quoted; single spaces between words, none at the ends.
std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (!is_space(c))
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

/// SQL's spellings that are not the name of a type in pg_type.
std::string_view type_name_of(std::string_view spelling) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 19> names{{
      {"smallint", "int2"},
      {"int", "int4"},
      {"integer", "int4"},
      {"bigint", "int8"},
      {"real", "float4"},
      {"float", "float8"},
      {"double precision", "float8"},
      {"dec", "numeric"},
      {"decimal", "numeric"},
      {"boolean", "bool"},
      {"char", "bpchar"},
      {"character", "bpchar"},
      {"character varying", "varchar"},
      {"char varying", "varchar"},
      {"bit varying", "varbit"},
      {"time without time zone", "time"},
      {"time with time zone", "timetz"},
      {"timestamp without time zone", "timestamp"},
      {"timestamp with time zone", "timestamptz"},
  }};
  const auto found =
      std::ranges::find(names, spelling, &std::pair<std::string_view, std::string_view>::first);
  return found == names.end() ? spelling : found->second;
}

/// Takes "(10)" or "(10, 2)" out of `type`, wherever it stands ("timestamp(3) with time zone"), and returns
/// it without spaces; "" where there is none, nullopt where the parentheses hold anything else.
std::optional<std::string> take_modifiers(std::string& type) {
  const auto open = type.find('(');
  if (open == std::string::npos) return "";
  const auto close = type.find(')', open);
  if (close == std::string::npos) return std::nullopt;
  std::string modifiers = type.substr(open, close + 1 - open);
  std::erase(modifiers, ' ');
  bool after_digit = false;
  for (const char c : std::string_view(modifiers).substr(1)) {
    if (!is_digit(c) && !after_digit) return std::nullopt;
    if (!is_digit(c) && c != ',' && c != ')') return std::nullopt;
    after_digit = is_digit(c);
  }
  if (std::ranges::count(modifiers, ',') > 1) return std::nullopt;
  type = folded(type.substr(0, open) + ' ' + type.substr(close + 1));
  return modifiers;
}

std::string take_array_suffix(std::string& type) {
  std::string suffix;
  while (type.ends_with("[]")) {
    type = folded(type.substr(0, type.size() - 2));
    suffix += "[]";
  }
  return suffix;
}

// ---- Operators.

std::string_view operator_sql(Operator op) {
  switch (op) {
    case Operator::eq:
    case Operator::in:
      return "=";
    case Operator::neq:
      return "<>";
    case Operator::gt:
      return ">";
    case Operator::gte:
      return ">=";
    case Operator::lt:
      return "<";
    case Operator::lte:
      return "<=";
    case Operator::like:
      return "LIKE";
    case Operator::ilike:
      return "ILIKE";
    case Operator::match:
      return "~";
    case Operator::imatch:
      return "~*";
    case Operator::is:
      return "IS";
    case Operator::isdistinct:
      return "IS DISTINCT FROM";
    case Operator::cs:
      return "@>";
    case Operator::cd:
      return "<@";
    case Operator::ov:
      return "&&";
    case Operator::sl:
      return "<<";
    case Operator::sr:
      return ">>";
    case Operator::nxr:
      return "&<";
    case Operator::nxl:
      return "&>";
    case Operator::adj:
      return "-|-";
    case Operator::fts:
    case Operator::plfts:
    case Operator::phfts:
    case Operator::wfts:
      return "@@";
  }
  return "";
}

/// The function that reads a full-text operand; "" for any other operator.
std::string_view query_function(Operator op) {
  switch (op) {
    case Operator::fts:
      return "to_tsquery";
    case Operator::plfts:
      return "plainto_tsquery";
    case Operator::phfts:
      return "phraseto_tsquery";
    case Operator::wfts:
      return "websearch_to_tsquery";
    default:
      return "";
  }
}

std::string_view truth_sql(IsValue value) {
  switch (value) {
    case IsValue::null:
      return "NULL";
    case IsValue::not_null:
      return "NOT NULL";
    case IsValue::true_:
      return "TRUE";
    case IsValue::false_:
      return "FALSE";
    case IsValue::unknown:
      return "UNKNOWN";
  }
  return "";
}

// ---- Select.

bool is_json(const Column& column) {
  return column.type_schema == "pg_catalog" && (column.type_name == "json" || column.type_name == "jsonb");
}

JsonType json_type(const Column& column) {
  return shardplex::json_type(column.type_schema, column.type_name);
}

std::vector<SelectItem> expanded(const std::vector<SelectItem>& items, const Table& table) {
  std::vector<SelectItem> out;
  const auto add_all_columns = [&] {
    for (const auto& column : table.columns)
      out.push_back({false, {column.name, {}}, std::nullopt, std::nullopt});
  };
  for (const auto& item : items) {
    if (item.star)
      add_all_columns();
    else
      out.push_back(item);
  }
  if (items.empty()) add_all_columns();
  return out;
}

}  // namespace

std::string qualified_name(const Table& table) {
  return quote_identifier(table.schema) + '.' + quote_identifier(table.name);
}

std::string aliased_name(const Table& table) {
  return qualified_name(table) + " AS " + quote_identifier(table.name);
}

std::string column_sql(const Table& table, std::string_view column) {
  return quote_identifier(table.name) + '.' + quote_identifier(column);
}

std::string owned_slots_sql(const Table& table, std::string_view group) {
  return column_sql(table, slot_column) + " IN (" + select_owned_slots(quote_literal(group)) + ')';
}

std::string view_rows_sql(const Table& table, std::string_view group) {
  if (!table.is_view()) return "";
  std::string sql = '(' + column_sql(table, slot_column) +
                    " IS NOT NULL OR shardplex.refuse_row_without_slot(" + quote_literal(table.name) + "))";
  // A shard drops the rows of slots that it has given away, and then counts as clean; the view keeps them.
  if (table.kind == TableKind::materialized_view)
    sql = and_also(std::move(sql), owned_slots_sql(table, group));
  return sql;
}

Result<std::string> cast_type_sql(std::string_view cast) {
  const auto refusal = [&] {
    return Error{"PGRST100", "\"" + std::string(cast) + "\" is not the name of a type", std::nullopt,
                 "Cast to a type by its name, with digits as modifiers: text, int4, numeric(10,2), text[].",
                 std::nullopt};
  };
  std::string type = folded(cast);
  const std::string array_suffix = take_array_suffix(type);
  auto modifiers = take_modifiers(type);
  if (!modifiers) return refusal();
  const std::string_view name = type_name_of(type);
  if (name.empty() || name.find_first_of(" ()[]") != std::string_view::npos) return refusal();
  // SQL's bare character is character(1).
  if (name == "bpchar" && type != "bpchar" && modifiers->empty()) *modifiers = "(1)";
  return sql_text(quote_identifier(name) + *modifiers + array_suffix);
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
  return {"SHARD400", "This request is not served by this release",
          "Column " + column.name + " is of the domain " + column.type_name +
              ", which has casts to show and read its values by (domain representations)",
          "Leave the column out: select= names the others.", std::nullopt};
}

Error conflicting_column(const Table& table, const Column& column) {
  return {
      "SHARD503", "Column " + column.name + " of " + table.name + " is not served while the shards differ",
      column.conflict, "Leave the column out (select= names the others), or make it the same on every shard.",
      std::nullopt};
}

Result<const Column*> require_column(const Table& table, std::string_view name) {
  const Column* column = table.find_column(name);
  if (!column) return unknown_column(table, name);
  if (column->has_representations) return represented_column(*column);
  if (!column->conflict.empty()) return conflicting_column(table, *column);
  return column;
}

std::string and_also(std::string left, std::string_view right) {
  if (!left.empty() && !right.empty()) left += " AND ";
  return left += right;
}

std::string ExpressionWriter::param(std::optional<std::string> value) {
  if (shared_ != nullptr) return shared_->param(std::move(value));
  params_.push_back(std::move(value));
  return '$' + std::to_string(first_param_ + params_.size() - 1);
}

Result<std::string> ExpressionWriter::field(const Field& field) {
  const auto column = require_column(table_, field.column);
  if (!column) return column.error();
  std::string sql = quote_identifier(alias_) + '.' + quote_identifier(field.column);
  if (field.path.empty()) return sql_text(std::move(sql));
  if (!is_json(**column)) sql = "to_jsonb(" + sql + ')';
  for (const auto& step : field.path) {
    sql += step.as_text ? "->>" : "->";
    // The type is said, because -> takes a key as well as an index.
    if (const auto* key = std::get_if<std::string>(&step.to))
      sql += param(*key) + "::text";
    else
      sql += param(std::to_string(std::get<std::int32_t>(step.to))) + "::int4";
  }
  return sql_text('(' + sql + ')');
}

Result<std::string> ExpressionWriter::full_text(const Condition& condition) {
  auto vector = field(condition.field);
  if (!vector) return vector;
  const std::string config = condition.language ? param(*condition.language) + "::regconfig, " : "";
  const Column& column = *table_.find_column(condition.field.column);
  const bool is_tsvector =
      condition.field.path.empty() && (column.type_name == "tsvector" || column.base_type_name == "tsvector");
  if (!is_tsvector) *vector = "to_tsvector(" + config + *vector + ')';
  return sql_text(*vector + " @@ " + std::string(query_function(condition.op)) + '(' + config +
                  param(condition.value) + ')');
}

Result<std::string> ExpressionWriter::comparison(const Condition& condition) {
  if (!query_function(condition.op).empty()) return full_text(condition);
  auto sql = field(condition.field);
  if (!sql) return sql;
  *sql += ' ' + std::string(operator_sql(condition.op)) + ' ';
  if (condition.op == Operator::is)
    *sql += truth_sql(condition.is_value);
  else if (condition.op == Operator::in)
    *sql += "ANY(" + param(array_literal(condition.list)) + ')';
  else if (condition.quantifier == Quantifier::any)
    *sql += "ANY(" + param(condition.value) + ')';
  else if (condition.quantifier == Quantifier::all)
    *sql += "ALL(" + param(condition.value) + ')';
  else
    *sql += param(condition.value);
  return sql;
}

Result<std::string> ExpressionWriter::condition(const Condition& condition) {
  if (about_embed_)
    if (auto about_embed = about_embed_(condition)) return *std::move(about_embed);
  auto sql = comparison(condition);
  if (sql && condition.negated) *sql = "NOT (" + *sql + ')';
  return sql;
}

Result<std::string> ExpressionWriter::logic(const Logic& logic) {
  std::string sql;
  for (const auto& child : logic.children) {
    const auto part = filter(child);
    if (!part) return part;
    if (!sql.empty()) sql += logic.disjunction ? " OR " : " AND ";
    sql += *part;
  }
  return sql_text((logic.negated ? "NOT (" : "(") + sql + ')');
}

Result<std::string> ExpressionWriter::filter(const Filter& filter) {
  if (const auto* single = std::get_if<Condition>(&filter.node)) return condition(*single);
  return logic(*std::get<std::shared_ptr<const Logic>>(filter.node));
}

Result<std::string> ExpressionWriter::filters(const std::vector<Filter>& filters) {
  std::string sql;
  for (const auto& each : filters) {
    const auto part = filter(each);
    if (!part) return part;
    sql = and_also(std::move(sql), *part);
  }
  return sql_text(std::move(sql));
}

bool is_json_already(const Column& column) {
  static constexpr std::array<std::string_view, 5> types{"json", "jsonb", "hstore", "geometry", "geography"};
  const std::string_view type = column.base_type_name.empty() ? column.type_name : column.base_type_name;
  return std::ranges::find(types, type) != types.end();
}

bool is_json_already(const Table& table, const SelectItem& item) {
  if (item.cast) return *item.cast == "json" || *item.cast == "jsonb";
  if (!item.field.path.empty()) return !item.field.path.back().as_text;
  const Column* column = table.find_column(item.field.column);
  return column && is_json_already(*column);
}

Result<std::string> ExpressionWriter::value(const SelectItem& item) {
  auto value = field(item.field);
  if (!value || !item.cast) return value;
  const auto type = cast_type_sql(*item.cast);
  if (!type) return type.error();
  return sql_text("CAST(" + *value + " AS " + *type + ')');
}

Result<Selection> ExpressionWriter::select(const std::vector<SelectItem>& items, RowText row) {
  Selection out;
  out.row = std::move(row);
  std::size_t number = 0;
  for (const auto& item : expanded(items, table_)) {
    const auto value = this->value(item);
    if (!value) return value.error();
    const std::string name = 'c' + std::to_string(number);
    if (number++ > 0) {
      out.inner += ", ";
      out.outer += ", ";
      out.values += ", ";
    }
    const bool is_column = item.field.path.empty() && !item.cast;
    const JsonType type = is_column ? json_type(*table_.find_column(item.field.column)) : JsonType{};
    out.inner += *value + " AS " + name;
    out.outer += "q." + name + " AS " + quote_identifier(output_name(item));
    out.values += out.row.sql(type, "q." + name);
    out.row.add(output_name(item), type);
    out.columns.push_back(is_column ? item.field.column : "");
    out.json_already.push_back(is_json_already(table_, item));
  }
  return out;
}

}  // namespace shardplex
