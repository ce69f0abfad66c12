#include "query/plan/write_parts.hpp"

#include <algorithm>
#include <utility>

#include "query/plan/key_filter.hpp"
#include "query/plan/returned_rows.hpp"
#include "query/plan/route.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"
#include "shard_map/contains_name.hpp"

namespace shardplex {
namespace {

Error unknown_body_column(const Table& table, std::string_view column) {
  auto hint = nearest_column(table, column);
  if (hint) hint = "Perhaps you meant the column '" + *hint + "'";
  return {
      "PGRST204",
      "Could not find the '" + std::string(column) + "' column of '" + table.name + "' in the schema cache",
      std::nullopt, std::move(hint), std::nullopt};
}

Error list_default_unknown(const Column& column) {
  return cannot_merge(
      "Column " + column.name + " decides where the row is stored, and only PostgreSQL knows its default.",
      "Say " + column.name + " in the body.");
}

/// The column's type, whatever the search path.
std::string type_sql(const Column& column) {
  if (column.type_schema == "pg_catalog") return column.type;
  return quote_identifier(column.type_schema) + '.' + quote_identifier(column.type_name);
}

/// The array of the column's type without its modifier, so that a value is not cut to fit before it is
/// assigned.
std::string array_type_sql(const Column& column) {
  return quote_identifier(column.type_schema) + '.' + quote_identifier(column.type_name) + "[]";
}

/// Whether a function of the database makes the column's values of those of a body.
bool is_read_from_json(const Column& column) {
  return !column.representations.from_json.empty();
}

/// json_to_recordset over the parameter, as a function with its column definitions. A column that
/// is_read_from_json() comes as json.
std::string recordset_sql(const RoutedTable& routed, const std::vector<std::string>& columns,
                          const std::string& param) {
  std::string definitions;
  for (const auto& name : columns)
    append_item(definitions,
                quote_identifier(name) + ' ' +
                    (is_read_from_json(routed.column(name)) ? "json" : type_sql(routed.column(name))));
  return "json_to_recordset(" + param + "::json) AS (" + definitions + ')';
}

/// The value of a column of the body, of which `value` is what recordset_sql() gives.
std::string read_sql(const Column& column, const std::string& value) {
  return is_read_from_json(column) ? column.representations.from_json + '(' + value + ')' : value;
}

bool is_any_read(const RoutedTable& routed, const std::vector<std::string>& json_columns) {
  return std::ranges::any_of(json_columns,
                             [&](const std::string& name) { return is_read_from_json(routed.column(name)); });
}

/// What an INSERT selects from `functions`, which give the columns of the body and then `given` more. Those
/// of unnest() are all called so.
std::string inserted_values(const RoutedTable& routed, const std::vector<std::string>& json_columns,
                            std::size_t given, const std::string& functions) {
  const std::string from = " FROM ROWS FROM (" + functions + ") AS r";
  if (!is_any_read(routed, json_columns)) return "r.*" + from;
  std::string names, values;
  for (std::size_t i = 0; i < json_columns.size() + given; ++i) {
    const std::string name = 'c' + std::to_string(i);
    append_item(names, name);
    append_item(values, i < json_columns.size() ? read_sql(routed.column(json_columns[i]), "r." + name)
                                                : "r." + name);
  }
  return values + from + '(' + names + ')';
}

/// What an UPDATE selects from the one row j of the body.
std::string assigned_values(const RoutedTable& routed, const std::vector<std::string>& json_columns) {
  if (!is_any_read(routed, json_columns)) return "j.*";
  std::string values;
  for (const auto& name : json_columns)
    append_item(values, read_sql(routed.column(name), "j." + quote_identifier(name)));
  return values;
}

/// Whether the row is new: whether ON CONFLICT has not come to replaced_sql. (xmax would tell as well, but a
/// partitioned table has none to return.)
std::string created_sql(const WritePlan& plan) {
  return plan.chooses_rows ? "false" : "(current_setting('shardplex.replaced', true) IS DISTINCT FROM 'yes')";
}

/// A condition that is evaluated once, also where no row was touched: a subquery that refers to nothing
/// outside.
std::string row_bounds_sql(const RowBounds& bounds, const std::string& counted, ExpressionWriter& writer) {
  const auto least = writer.param(std::to_string(bounds.least));
  const auto most = writer.param(bounds.most ? std::optional(std::to_string(*bounds.most)) : std::nullopt);
  return " WHERE (SELECT shardplex.check_rows(count(*), " + least + "::int8, " + most + "::int8) FROM w" +
         (counted.empty() ? ")" : " q WHERE " + counted + ')');
}

/// Which table a written row is in, for people. A view has no tableoid, and who may use it need not be let
/// into the schema of its table.
std::string table_of_row(const Table& table) {
  if (!table.written) return column_sql(table, "tableoid");
  return "(SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
         "WHERE n.nspname = " +
         quote_literal(table.written->schema) + " AND c.relname = " + quote_literal(table.written->name) +
         ')';
}

/// Fails the statement for a row that is not where it is looked for; null for any other.
std::string placement_check(const WritePlan& plan, const Table& table) {
  return "CASE WHEN " + plan.placed + " THEN NULL ELSE shardplex.refuse_misplaced_row(" +
         table_of_row(table) + ") END";
}

/// RETURNING and what wraps it.
Result<void> plan_returning(const ResolvedNode& tree, const RoutedTable& routed, const WriteRules& rules,
                            ExpressionWriter& writer, WritePlan& plan) {
  const Table& table = routed.table();
  const bool bounded = rules.bounds != RowBounds{};
  Result<ReturnedRows> returned = ReturnedRows{};
  if (plan.returns == WritePlan::Returns::representation)
    returned = shown_rows(tree, routed, rules, writer, plan);
  else if (plan.returns == WritePlan::Returns::primary_key)
    returned = written_keys(table);
  if (!returned) return returned.error();
  if (!plan.placed.empty()) append_item(returned->inner, placement_check(plan, table) + " AS placed");
  if (plan.reports_created) {
    append_item(returned->inner, created_sql(plan) + " AS created");
    append_item(returned->columns, "q.created");
  }
  // Rows without anything in them, however many, are not worth sending.
  plan.reports_count = plan.returns == WritePlan::Returns::nothing && !plan.reports_created &&
                       !plan.placed.empty() && plan.chooses_rows;
  if (plan.reports_count) returned->columns = "count(*)";
  if (plan.returns != WritePlan::Returns::representation && !bounded && !plan.reports_count) {
    if (!returned->inner.empty()) plan.tail = " RETURNING " + returned->inner;
    return {};
  }
  plan.head.sql = "WITH w AS (" + plan.head.sql;
  plan.tail = " RETURNING " + (returned->inner.empty() ? "1" : returned->inner) + ") SELECT " +
              returned->columns + " FROM w q" + returned->joins;
  if (bounded) plan.tail += row_bounds_sql(rules.bounds, returned->counted, writer);
  if (!returned->order.empty()) plan.tail += " ORDER BY " + returned->order;
  return {};
}

/// Asks which slots hold the rows that the filters match.
Result<Statement> locating_statement(const Query& query, const Table& table, const WritePlan& plan) {
  ExpressionWriter writer(table, 2);
  const auto filters = writer.filters(query.filters);
  if (!filters) return filters.error();
  Statement out{"SELECT DISTINCT " + plan.slot + "::int4 FROM " + aliased_name(table) +
                    " WHERE shardplex.check_epoch($1::bigint) AND " + and_also(*filters, plan.owned),
                {std::nullopt}};
  for (auto& param : std::move(writer).take_params()) out.params.push_back(std::move(param));
  return out;
}

/// PostgreSQL's error where the filters name the key by text that is no value of it. Left to the shards, the
/// write would be refused for touching all of them before one could say so.
std::optional<Error> wrong_key(const Query& query, const RoutedTable& routed) {
  for (const auto& name : routed.key().names()) {
    const Column& column = routed.column(name);
    const std::string* text = eq_value(query.filters, name);
    const auto type = key_type(column);
    if (!text || !type || !column.representations.from_text.empty()) continue;
    const bool is_read_alike = type == KeyType::integer || type == KeyType::boolean;
    const bool is_wrong = type == KeyType::enumeration ? !contains_name(column.enum_labels, *text)
                                                       : is_read_alike && !canonical_text(*type, *text);
    if (is_wrong) return invalid_value(column, *text);
  }
  return std::nullopt;
}

}  // namespace

void append_item(std::string& list, std::string_view item) {
  if (!list.empty()) list += ", ";
  list += item;
}

bool ParsedBody::sets(std::string_view column) const {
  return contains_name(columns, column);
}

BodyValue ParsedBody::value(std::string_view column, std::size_t row) const {
  const auto found = std::ranges::find(watched, column);
  if (found == watched.end() || !sets(column)) return {};
  return body.watched[static_cast<std::size_t>(found - watched.begin())][row];
}

Result<ParsedBody> parse_body(const Query& query, std::string_view text, const Table& table,
                              std::vector<std::string> watched) {
  auto body = read_body(text, watched, !query.columns.has_value());
  if (!body) return body.error();
  ParsedBody out{std::move(*body), {}, {}, std::move(watched)};
  for (const auto& name : query.columns ? *query.columns : out.body.keys) {
    const Column* column = table.find_column(name);
    if (!column) return unknown_body_column(table, name);
    if (auto refusal = column_refusal(table, *column)) return *std::move(refusal);
    if (contains_name(out.watched, name) && !column->representations.from_json.empty())
      return unread_column(*column, "decides where the row is stored");
    if (out.sets(name)) continue;
    out.columns.push_back(name);
    if (!contains_name(out.watched, name)) out.json_columns.push_back(name);
  }
  return out;
}

Result<std::optional<std::string>> inserted_list_value(const ParsedBody& body, std::size_t row,
                                                       const RoutedTable& routed) {
  const Column& column = routed.column(routed.list()->column);
  if (!body.sets(column.name) && column.has_default) return list_default_unknown(column);
  return list_value(column, body.value(column.name, row));
}

std::optional<Error> identity_refusal(const Table& table, const std::vector<std::string>& columns,
                                      bool inserts) {
  for (const auto& name : columns) {
    const Column* column = table.find_column(name);
    if (column == nullptr || !column->identity_always) continue;
    Error error{"428C9", "column \"" + name + "\" can only be updated to DEFAULT",
                "Column \"" + name + "\" is an identity column defined as GENERATED ALWAYS.", std::nullopt,
                std::nullopt};
    if (inserts) {
      error.message = "cannot insert a non-DEFAULT value into column \"" + name + '"';
      error.hint = "Use OVERRIDING SYSTEM VALUE to override.";
    }
    return error;
  }
  return std::nullopt;
}

std::string json_array(std::string_view body, bool is_array) {
  return is_array ? std::string(body) : '[' + std::string(body) + ']';
}

GivenColumn given_column(const RoutedTable& routed, const std::string& name) {
  return {name, array_type_sql(routed.column(name)), {}};
}

GivenColumn given_slots(const std::vector<Slot>& slots) {
  GivenColumn column{std::string(slot_column), "int4[]", {}};
  for (const Slot slot : slots) column.values.push_back(std::to_string(slot.value));
  return column;
}

SlotSet as_set(const std::vector<Slot>& slots, const Group& group) {
  SlotSet set = SlotSet::none(group.slot_count);
  for (const Slot slot : slots) set.insert(slot);
  return set;
}

std::string insert_sql(const RoutedTable& routed, const std::vector<std::string>& json_columns,
                       std::string rows_json, std::size_t rows, const std::vector<GivenColumn>& given,
                       ExpressionWriter& writer) {
  std::string targets, functions;
  if (!json_columns.empty())
    append_item(functions, recordset_sql(routed, json_columns, writer.param(std::move(rows_json))));
  for (const auto& name : json_columns) append_item(targets, quote_identifier(name));
  for (const auto& column : given) {
    append_item(functions,
                "unnest(" + writer.param(array_literal(column.values)) + "::" + column.array_type + ')');
    append_item(targets, quote_identifier(column.name));
  }
  const std::string into = "INSERT INTO " + aliased_name(routed.table());
  const bool overrides = std::ranges::any_of(given, [&](const GivenColumn& column) {
    const Column* found = routed.table().find_column(column.name);
    return found != nullptr && found->identity_always;
  });
  if (targets.empty())  // rows of defaults
    return into + " SELECT FROM generate_series(1, " + writer.param(std::to_string(rows)) + "::int8)";
  return into + " (" + targets + (overrides ? ") OVERRIDING SYSTEM VALUE" : ")") + " SELECT " +
         inserted_values(routed, json_columns, given.size(), functions);
}

std::string placed_as_given(const RoutedTable& routed, const std::vector<GivenColumn>& given,
                            std::size_t first_param, std::size_t rows) {
  std::string one, stored, wanted, arrays, names;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto& [name, array_type, values] = given[i];
    const std::string column = column_sql(routed.table(), name), alias = 'g' + std::to_string(i);
    const std::string array = '$' + std::to_string(first_param + i) + "::" + array_type;
    append_item(arrays, array);
    append_item(names, alias);
    const bool may_be_null = routed.list() && name == routed.list()->column;
    if (name != slot_column && !contains_name(routed.routing_columns(), name)) continue;
    one = and_also(std::move(one),
                   column + (may_be_null ? " IS NOT DISTINCT FROM (" : " = (") + array + ")[1]");
    const auto not_null = [&](const std::string& value) {
      return may_be_null ? "coalesce('+' || " + value + "::text, '-')" : value;
    };
    append_item(stored, not_null(column));
    append_item(wanted, not_null("g." + alias));
  }
  if (rows == 1) return one;
  return '(' + stored + ") IN (SELECT " + wanted + " FROM unnest(" + arrays + ") AS g(" + names + "))";
}

std::string placed_as_decided(const RoutedTable& routed, const KeyTexts& key, Slot slot,
                              const std::optional<std::string>* list, ExpressionWriter& writer) {
  const Table& table = routed.table();
  std::string sql;
  for (std::size_t i = 0; i < key.size(); ++i)
    sql = and_also(std::move(sql), column_sql(table, routed.key().names()[i]) + " = " + writer.param(key[i]));
  sql +=
      " AND " + column_sql(table, slot_column) + " = " + writer.param(std::to_string(slot.value)) + "::int4";
  if (list != nullptr)
    sql +=
        " AND " + column_sql(table, routed.list()->column) + " IS NOT DISTINCT FROM " + writer.param(*list);
  return sql;
}

namespace {

/// A column that decides where a row is looked for. Of a key whose equal values have several texts it is the
/// one that all of them share: a change may spell the key anew.
std::string placing_value_sql(const RoutedTable& routed, const std::string& name) {
  const std::string value = column_sql(routed.table(), name);
  if (!routed.key().contains(name)) return value;
  const auto type = key_type(routed.column(name));
  if (type == KeyType::numeric) return "pg_catalog.trim_scale(" + value + ')';
  if (type == KeyType::citext) return "pg_catalog.lower(" + value + "::text)";
  return value;
}

/// What decides where a row is looked for, as one text of the row as it is where this stands.
std::string place_sql(const RoutedTable& routed) {
  std::string columns;
  for (const auto& name : routed.routing_columns()) append_item(columns, placing_value_sql(routed, name));
  append_item(columns, column_sql(routed.table(), slot_column));
  return "ROW(" + columns + ")::text";
}

}  // namespace

std::string remember_place_sql(const RoutedTable& routed) {
  return "set_config('shardplex.place', " + place_sql(routed) + ", true) IS NOT NULL";
}

std::string slot_as_it_is_sql(const RoutedTable& routed, const std::string& condition) {
  return quote_identifier(slot_column) + " = CASE WHEN " + condition + " THEN " +
         column_sql(routed.table(), slot_column) + " END";
}

std::string placed_as_before(const RoutedTable& routed) {
  return "current_setting('shardplex.place', true) = " + place_sql(routed);
}

std::string assignment_sql(const RoutedTable& routed, const std::vector<std::string>& json_columns,
                           const std::string& rows_param, const std::string& condition) {
  std::string targets;
  for (const auto& name : json_columns) append_item(targets, quote_identifier(name));
  return '(' + targets + ") = (SELECT " + assigned_values(routed, json_columns) + " FROM ROWS FROM (" +
         recordset_sql(routed, json_columns, rows_param) + ") AS j" +
         (condition.empty() ? "" : " WHERE " + condition) + ')';
}

WritePlan new_write_plan(const RoutedTable& routed, const Preferences& prefer) {
  const Table& table = routed.table();
  WritePlan plan;
  plan.table = table.name;
  plan.primary_key_columns = table.written_key();
  if (prefer.returning == ReturnKind::representation) plan.returns = WritePlan::Returns::representation;
  if (const Group* group = routed.group()) {
    plan.group = group->name;
    plan.slot = column_sql(table, slot_column);
    plan.owned = owned_slots_sql(table, plan.group);
  }
  return plan;
}

Result<WritePlan> finish_write_plan(WritePlan plan, const ResolvedNode& tree, const RoutedTable& routed,
                                    const WriteRules& rules, ExpressionWriter writer) {
  if (auto done = plan_returning(tree, routed, rules, writer, plan); !done) return done.error();
  plan.head.params = std::move(writer).take_params();
  return plan;
}

Result<void> choose_rows(const Query& query, const RoutedTable& routed, ExpressionWriter& writer,
                         WritePlan& plan) {
  auto filters = writer.filters(query.filters);
  if (!filters) return filters.error();
  plan.where = std::move(*filters);
  if (!routed.group_id()) return {};
  if (auto problem = wrong_key(query, routed)) return std::move(*problem);
  plan.slots = candidate_slots(query.filters, routed);
  if (!routed.list() || eq_value(query.filters, routed.list()->column) || !filtered_key(query, routed))
    return {};
  auto locate = locating_statement(query, routed.table(), plan);
  if (!locate) return locate.error();
  plan.locate = std::move(*locate);
  return {};
}

}  // namespace shardplex
