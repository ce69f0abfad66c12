#include "query/plan/expression.hpp"

#include <algorithm>
#include <array>

#include "query/plan/cast_type.hpp"
#include "query/plan/feature_rows.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"
#include "query/plan/value_type.hpp"

namespace shardplex {
namespace {

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

JsonType json_type(const Column& column, bool in_utc) {
  if (is_shown_as_json(column)) return shardplex::json_type("pg_catalog", "json", in_utc);
  const bool is_domain = !column.base_type_name.empty();
  return shardplex::json_type(is_domain ? column.base_type_schema : column.type_schema,
                              is_domain ? column.base_type_name : column.type_name, in_utc);
}

/// Of the item's value. Precondition: it is one of the table's, and its cast is one.
JsonType json_type(const Table& table, const SelectItem& item, bool in_utc) {
  const Column& column = *table.find_readable(item.field.column);
  if (!item.cast && item.field.path.empty()) return json_type(column, in_utc);
  const auto type = type_of(table, item.field, item.cast);
  return type && type->built_in ? shardplex::json_type("pg_catalog", type->name, in_utc) : JsonType{};
}

/// An item of a selection.
struct ShownItem {
  std::string value;        ///< where the table is
  std::string_view name;    ///< as the client sees it
  std::string_view column;  ///< that it is; "" for what is made of one
  JsonType type;
  bool json_already;
  const Column* geometry = nullptr;  ///< set: it is shown as the geometry of a Feature, of this column
};

void append_shown(Selection& out, const ShownItem& item) {
  const std::string number = 'c' + std::to_string(out.columns.size());
  if (!out.columns.empty())
    for (auto* list : {&out.inner, &out.outer, &out.values}) *list += ", ";
  out.inner.append(item.value).append(" AS ").append(number);
  const std::string value = "q." + number;
  const std::string shown = item.geometry ? feature_geometry_sql(*item.geometry, value) : value;
  out.outer.append(shown).append(" AS ");
  append_identifier(out.outer, item.name);
  out.values += out.row.sql(item.type, shown);
  out.row.add(item.name, item.type);
  out.columns.emplace_back(item.column);
  out.json_already.push_back(item.json_already);
}

}  // namespace

std::string ExpressionWriter::param(std::optional<std::string> value) {
  if (shared_ != nullptr) return shared_->param(std::move(value));
  params_.push_back(std::move(value));
  return '$' + std::to_string(first_param_ + params_.size() - 1);
}

Result<std::string> ExpressionWriter::field(const Field& field) {
  const auto column = require_column(table_, field.column);
  if (!column) return column.error();
  std::string sql = readable_sql(alias_, **column);
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
  const Column& column = *table_.find_readable(condition.field.column);
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
  else if (condition.quantifier == Quantifier::any || condition.op == Operator::in)
    *sql += "ANY(" + operand(condition) + ')';
  else if (condition.quantifier == Quantifier::all)
    *sql += "ALL(" + operand(condition) + ')';
  else
    *sql += operand(condition);
  return sql;
}

/// The function by which PostgREST has the condition's text read; "" for none.
const std::string& ExpressionWriter::reading_function(const Condition& condition) const {
  static const std::string none;
  const Column& column = *table_.find_readable(condition.field.column);
  if (column.is_computed() || !condition.field.path.empty()) return none;
  // A pattern is no value.
  const bool is_pattern = condition.op == Operator::like || condition.op == Operator::ilike;
  if (is_pattern || condition.op == Operator::isdistinct) return none;
  return column.representations.from_text;
}

std::string ExpressionWriter::operand(const Condition& condition) {
  const bool is_list = condition.op == Operator::in;
  const std::string value = param(is_list ? array_literal(condition.list) : condition.value);
  const auto& function = reading_function(condition);
  if (function.empty()) return value;
  if (is_list) return "SELECT " + function + "(v.v) FROM unnest(" + value + "::text[]) AS v(v)";
  return function + '(' + value + "::text)";
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
  if (is_shown_as_json(column)) return true;
  static constexpr std::array<std::string_view, 5> types{"json", "jsonb", "hstore", "geometry", "geography"};
  const std::string_view type = column.base_type_name.empty() ? column.type_name : column.base_type_name;
  return std::ranges::find(types, type) != types.end();
}

bool is_json_already(const Table& table, const SelectItem& item) {
  if (item.cast) return *item.cast == "json" || *item.cast == "jsonb";
  if (!item.field.path.empty()) return !item.field.path.back().as_text;
  const Column* column = table.find_readable(item.field.column);
  return column && is_json_already(*column);
}

Result<std::string> ExpressionWriter::value(const SelectItem& item) {
  auto value = field(item.field);
  if (!value) return value;
  if (item.field.path.empty())
    *value = shown_sql(*table_.find_readable(item.field.column), *std::move(value));
  if (!item.cast) return value;
  const auto type = cast_type_sql(*item.cast);
  if (!type) return type.error();
  return sql_text("CAST(" + *value + " AS " + *type + ')');
}

Result<Selection> ExpressionWriter::select(const std::vector<SelectItem>& items, RowText row) {
  constexpr std::size_t usual_item_bytes = 40;
  Selection out;
  out.row = std::move(row);
  const bool in_utc = out.row.in_utc();
  const bool features = is_feature(out.row.format());
  const auto geometry = features ? shown_geometry(items, table_) : std::nullopt;
  const auto expected = std::max(items.size(), table_.columns.size());
  for (auto* list : {&out.inner, &out.outer, &out.values}) list->reserve(expected * usual_item_bytes);
  out.columns.reserve(expected);

  // The geometry of a Feature is the first member, wherever it was asked for.
  const auto add_geometry = [&]() -> std::optional<Error> {
    const Column& column = *geometry->column;
    if (const auto usable = require_column(table_, column.name); !usable) return usable.error();
    const bool is_named = !items.empty() && !items[geometry->item].star;
    const std::string name = is_named ? output_name(items[geometry->item]) : column.name;
    append_shown(out, {readable_sql(alias_, column), name, column.name, JsonType{JsonKind::json, false}, true,
                       &column});
    return std::nullopt;
  };
  const auto add_all_columns = [&](const Column* but_for) -> std::optional<Error> {
    for (const auto& column : table_.columns) {
      if (&column == but_for) continue;
      if (auto refusal = column_refusal(table_, column)) return refusal;
      append_shown(out, {shown_sql(column, readable_sql(alias_, column)), column.name,
                         is_shown_as_json(column) ? std::string_view() : column.name,
                         json_type(column, in_utc), is_json_already(column)});
    }
    return std::nullopt;
  };
  if (geometry)
    if (auto refusal = add_geometry()) return *std::move(refusal);
  const Column* first_geometry = geometry ? geometry->column : nullptr;
  if (items.empty())
    if (auto refusal = add_all_columns(first_geometry)) return *std::move(refusal);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const SelectItem& item = items[i];
    const bool shows_geometry = geometry && geometry->item == i;
    if (item.star) {
      if (auto refusal = add_all_columns(shows_geometry ? first_geometry : nullptr))
        return *std::move(refusal);
      continue;
    }
    if (shows_geometry) continue;
    auto value = this->value(item);
    if (!value) return value.error();
    const std::string name = output_name(item);
    const bool is_column =
        item.field.path.empty() && !item.cast && !is_shown_as_json(*table_.find_readable(item.field.column));
    append_shown(out, {std::move(*value), name, is_column ? std::string_view(item.field.column) : "",
                       json_type(table_, item, in_utc), is_json_already(table_, item)});
  }
  if (features && !geometry) return geometry_missing();
  return out;
}

}  // namespace shardplex
