#include <algorithm>
#include <charconv>
#include <utility>

#include "query/grammar/body.hpp"
#include "query/plan/expression.hpp"
#include "query/plan/key_filter.hpp"
#include "query/plan/plan.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

void append(std::string& list, std::string_view item) {
  if (!list.empty()) list += ", ";
  list += item;
}

// ---- What a table's placement says of its rows.

/// The columns that decide a row's slot, and their group. Lifetime: refers to what it is made of.
struct Routing {
  const Group* group = nullptr;  ///< nullptr for reference tables
  const ListStrategy* list = nullptr;
  /// The key; under list the list column after it; none for reference tables.
  std::vector<std::string> columns;

  Routing(const TablePlacement& placement, const ShardMap& map) : list(list_strategy(placement, map)) {
    if (!placement.group) return;
    group = &map.group(*placement.group);
    columns.push_back(placement.key);
    if (list) columns.push_back(list->column);
  }

  const std::string& key() const { return columns.front(); }
};

const Column& column_of(const Table& table, std::string_view name) {
  const Column* column = table.find_column(name);
  invariant(column != nullptr, "a served table has the columns its placement names");
  return *column;
}

// ---- Errors.

Error unknown_body_column(const Table& table, std::string_view column) {
  return {
      "PGRST204",
      "Could not find the '" + std::string(column) + "' column of '" + table.name + "' in the schema cache",
      std::nullopt, std::nullopt, std::nullopt};
}

Error invalid_body(std::string message) {
  return {"PGRST102", std::move(message), std::nullopt, std::nullopt, std::nullopt};
}

Error null_value(const Table& table, std::string_view column) {
  return {"23502",
          "null value in column \"" + std::string(column) + "\" of relation \"" + table.name +
              "\" violates not-null constraint",
          std::nullopt, std::nullopt, std::nullopt};
}

bool is_whole_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// PostgreSQL's words for text that is not a value of the column's type.
Error invalid_value(const Column& column, const std::string& text) {
  if (key_type(column) == KeyType::integer && is_whole_number(text))
    return {"22003", "value \"" + text + "\" is out of range for type " + column.type, std::nullopt,
            std::nullopt, std::nullopt};
  return {"22P02", "invalid input syntax for type " + column.type + ": \"" + text + '"',
          "Column " + column.name + " decides where the row is stored, so it has to be in its plain form.",
          std::nullopt, std::nullopt};
}

Error list_default_unknown(const Column& column) {
  return cannot_merge(
      "Column " + column.name + " decides where the row is stored, and only PostgreSQL knows its default.",
      "Say " + column.name + " in the body.");
}

// ---- Routing values, as they will be stored.

/// Text as an assignment to varchar(n) stores it: blanks past the end are cut, other characters refused
/// (22001).
Result<std::string> fit_length(const Column& column, std::string text) {
  constexpr std::string_view prefix = "character varying(";
  std::size_t length = 0;
  if (column.type.starts_with(prefix)) {
    const auto digits = std::string_view(column.type).substr(prefix.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), length);
    std::size_t characters = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool starts_character = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
      if (!starts_character || ++characters <= length) continue;
      if (text.find_first_not_of(' ', i) != std::string::npos)
        return Error{"22001", "value too long for type " + column.type, std::nullopt, std::nullopt,
                     std::nullopt};
      text.resize(i);
      break;
    }
  }
  return {boost::system::in_place_value, std::move(text)};
}

/// The text PostgreSQL would store and print for a key written as `value`.
Result<std::string> key_text(const Column& column, const BodyValue& value) {
  const auto type = key_type(column);
  invariant(type.has_value(), "a key is of a key type");
  if (value.kind == BodyValue::Kind::nested) return invalid_value(column, "…");
  auto text = canonical_text(*type, value.text);
  if (!text) return invalid_value(column, value.text);
  return fit_length(column, std::move(*text));
}

/// The list column's value as stored; nullopt is null.
Result<std::optional<std::string>> list_value(const Column& column, const BodyValue& value) {
  if (value.kind == BodyValue::Kind::null || value.kind == BodyValue::Kind::absent)
    return std::optional<std::string>();
  if (value.kind == BodyValue::Kind::nested || !canonical_text(KeyType::text, value.text))
    return invalid_value(column, value.kind == BodyValue::Kind::nested ? "…" : value.text);
  auto text = fit_length(column, value.text);
  if (!text) return text.error();
  return std::optional(std::move(*text));
}

std::string key_bytes(const Column& column, const std::string& text) {
  const auto bytes = canonical_bytes(*key_type(column), text);
  invariant(bytes.has_value(), "a key's canonical text has canonical bytes");
  return *bytes;
}

/// The key that the filters name by eq, as stored; nullopt where they do not.
std::optional<std::string> filtered_key(const Query& query, const Table& table, const Routing& routing) {
  if (!routing.group) return std::nullopt;
  const std::string* text = eq_value(query.filters, routing.key());
  return text ? canonical_text(*key_type(column_of(table, routing.key())), *text) : std::nullopt;
}

// ---- SQL.

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

std::string json_array(std::string_view body, bool is_array) {
  return is_array ? std::string(body) : '[' + std::string(body) + ']';
}

/// json_to_recordset over the parameter, as a function with its column definitions.
std::string recordset_sql(const Table& table, const std::vector<std::string>& columns,
                          const std::string& param) {
  std::string definitions;
  for (const auto& name : columns)
    append(definitions, quote_identifier(name) + ' ' + type_sql(column_of(table, name)));
  return "json_to_recordset(" + param + "::json) AS (" + definitions + ')';
}

/// A column whose values the router says, one per row.
struct GivenColumn {
  std::string name;
  std::string array_type;
  std::vector<std::optional<std::string>> values;
};

/// INSERT … SELECT of rows whose `json_columns` PostgreSQL reads out of `rows_json` and whose other columns
/// are `given`, side by side in body order.
std::string insert_sql(const Table& table, const std::vector<std::string>& json_columns,
                       std::string rows_json, std::size_t rows, const std::vector<GivenColumn>& given,
                       ExpressionWriter& writer) {
  std::string targets, functions;
  if (!json_columns.empty())
    append(functions, recordset_sql(table, json_columns, writer.param(std::move(rows_json))));
  for (const auto& name : json_columns) append(targets, quote_identifier(name));
  for (const auto& column : given) {
    append(functions,
           "unnest(" + writer.param(array_literal(column.values)) + "::" + column.array_type + ')');
    append(targets, quote_identifier(column.name));
  }
  const std::string into = "INSERT INTO " + aliased_name(table);
  if (targets.empty())  // rows of defaults
    return into + " SELECT FROM generate_series(1, " + writer.param(std::to_string(rows)) + "::int8)";
  return into + " (" + targets + ") SELECT r.* FROM ROWS FROM (" + functions + ") AS r";
}

/// SET of columns that PostgreSQL reads out of the one row of `rows_json`.
std::string assignment_sql(const Table& table, const std::vector<std::string>& json_columns,
                           std::string rows_json, ExpressionWriter& writer) {
  std::string targets;
  for (const auto& name : json_columns) append(targets, quote_identifier(name));
  return '(' + targets + ") = (SELECT j.* FROM ROWS FROM (" +
         recordset_sql(table, json_columns, writer.param(std::move(rows_json))) + ") AS j)";
}

// ---- What comes back.

/// Whether the row is new. A row that ON CONFLICT updated carries the updating transaction in xmax.
std::string created_sql(const WritePlan& plan, const Table& table) {
  return plan.chooses_rows ? "false" : '(' + column_sql(table, "xmax") + " = 0)";
}

/// RETURNING and what wraps it. In body order for an INSERT, by primary key otherwise.
Result<void> plan_returning(const Query& query, const Table& table, ExpressionWriter& writer,
                            WritePlan& plan) {
  const std::string created = plan.reports_created ? created_sql(plan, table) : "";
  if (plan.returns == WritePlan::Returns::representation) {
    const auto selection = writer.select(query.select);
    if (!selection) return selection.error();
    std::string inner = selection->inner, order;
    for (std::size_t i = 0; plan.chooses_rows && i < table.primary_key.size(); ++i) {
      const std::string key = 'k' + std::to_string(i);
      append(inner, column_sql(table, table.primary_key[i]) + " AS " + key);
      append(order, "q." + key);
    }
    if (!created.empty()) append(inner, created + " AS created");
    plan.head.sql = "WITH w AS (" + plan.head.sql;
    plan.tail = " RETURNING " + inner + ") SELECT row_to_json(r.*)::text" +
                (created.empty() ? "" : ", q.created") + " FROM w q CROSS JOIN LATERAL (SELECT " +
                selection->outer + ") r" + (order.empty() ? "" : " ORDER BY " + order);
    return {};
  }
  std::string columns;
  if (plan.returns == WritePlan::Returns::primary_key)
    for (const auto& name : table.primary_key) append(columns, column_sql(table, name) + "::text");
  if (!created.empty()) append(columns, created);
  if (!columns.empty()) plan.tail = " RETURNING " + columns;
  return {};
}

WritePlan new_plan(const Table& table, const Routing& routing, const Preferences& prefer) {
  WritePlan plan;
  plan.table = table.name;
  plan.primary_key_columns = table.primary_key;
  if (prefer.returning == ReturnKind::representation) plan.returns = WritePlan::Returns::representation;
  if (routing.group) {
    plan.group = routing.group->name;
    plan.slot = column_sql(table, slot_column);
    plan.owned = owned_slots_sql(table, plan.group);
  }
  return plan;
}

/// The end of every plan: what comes back, and all parameters.
Result<WritePlan> finish(WritePlan plan, const Query& query, const Table& table, ExpressionWriter writer) {
  if (auto done = plan_returning(query, table, writer, plan); !done) return done.error();
  plan.head.params = std::move(writer).take_params();
  return plan;
}

// ---- Bodies.

/// A body, the columns it sets, and which of them PostgreSQL reads out of it.
struct ParsedBody {
  Body body;
  std::vector<std::string> columns;       ///< each once
  std::vector<std::string> json_columns;  ///< of these, all but the watched
  std::vector<std::string> watched;

  bool sets(std::string_view column) const { return contains(columns, column); }

  /// What row `row` says of a watched column: nothing where columns= leaves it out.
  BodyValue value(std::string_view column, std::size_t row) const {
    const auto found = std::ranges::find(watched, column);
    if (found == watched.end() || !sets(column)) return {};
    return body.watched[static_cast<std::size_t>(found - watched.begin())][row];
  }
};

Result<ParsedBody> parse_body(const Query& query, std::string_view text, const Table& table,
                              std::vector<std::string> watched) {
  auto body = read_body(text, watched, !query.columns.has_value());
  if (!body) return body.error();
  ParsedBody out{std::move(*body), {}, {}, std::move(watched)};
  for (const auto& name : query.columns ? *query.columns : out.body.keys) {
    if (!table.find_column(name)) return unknown_body_column(table, name);
    if (out.sets(name)) continue;
    out.columns.push_back(name);
    if (!contains(out.watched, name)) out.json_columns.push_back(name);
  }
  return out;
}

// ---- INSERT.

/// The key of one inserted row.
Result<std::string> inserted_key(const ParsedBody& body, std::size_t row, const Table& table,
                                 const Routing& routing, const NextKey& next_key) {
  const Column& column = column_of(table, routing.key());
  const BodyValue value = body.value(column.name, row);
  if (value.kind == BodyValue::Kind::text || value.kind == BodyValue::Kind::nested) {
    if (routing.list)
      return cannot_merge("A row's " + column.name + " cannot be chosen by the client: rows are placed by " +
                              routing.list->column + ", and the key could be taken on another list.",
                          "Leave " + column.name + " out; the answer carries the one handed out.");
    return key_text(column, value);
  }
  // Part of a key, or a reference to another row, is nothing that could be made up.
  if (table.primary_key != std::vector{column.name}) return null_value(table, column.name);
  return next_key(column);
}

/// The list column's value of one inserted row; nullopt is null.
Result<std::optional<std::string>> inserted_list_value(const ParsedBody& body, std::size_t row,
                                                       const Table& table, const ListStrategy& list) {
  const Column& column = column_of(table, list.column);
  if (!body.sets(column.name) && column.has_default) return list_default_unknown(column);
  return list_value(column, body.value(column.name, row));
}

GivenColumn given(const Table& table, const std::string& name) {
  return {name, array_type_sql(column_of(table, name)), {}};
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

/// The columns that decide the rows' slots and the slots themselves, noted in the plan. Precondition: the
/// table is sharded.
Result<std::vector<GivenColumn>> route_rows(const ParsedBody& body, const Table& table,
                                            const Routing& routing, const NextKey& next_key,
                                            WritePlan& plan) {
  std::vector<GivenColumn> columns;
  for (const auto& name : routing.columns) columns.push_back(given(table, name));
  std::vector<Slot> slots;
  for (std::size_t row = 0; row < body.body.rows; ++row) {
    std::optional<std::string> list;
    if (routing.list) {
      auto value = inserted_list_value(body, row, table, *routing.list);
      if (!value) return value.error();
      list = std::move(*value);
      columns.back().values.push_back(list);
    }
    auto key = inserted_key(body, row, table, routing, next_key);
    if (!key) return key.error();
    slots.push_back(slot_of_row(*routing.group, key_bytes(column_of(table, routing.key()), *key), list));
    columns.front().values.push_back(std::move(*key));
  }
  columns.push_back(given_slots(slots));
  plan.slots = as_set(slots, *routing.group);
  return columns;
}

// ---- UPDATE and DELETE.

std::optional<Error> paging_refusal(const Query& query, std::string_view method) {
  if (!query.limit && query.offset == 0 && query.order.empty()) return std::nullopt;
  return cannot_merge("A " + std::string(method) +
                          " with limit, offset or order would have to pick its rows "
                          "over all shards at once.",
                      "Name the rows by filters.");
}

/// Asks which slots hold the rows that the filters match.
Result<Statement> locating_statement(const Query& query, const Table& table, const WritePlan& plan) {
  ExpressionWriter writer(table, 2);
  const auto filters = writer.filters(query.filters);
  if (!filters) return filters.error();
  Statement out{"SELECT DISTINCT " + plan.slot + " FROM " + aliased_name(table) +
                    " WHERE shardplex.check_epoch($1::bigint) AND " + and_also(*filters, plan.owned),
                {std::nullopt}};
  for (auto& param : std::move(writer).take_params()) out.params.push_back(std::move(param));
  return out;
}

/// PostgreSQL's error where the filters name the key by text that is no value of it. Left to the shards, the
/// write would be refused for touching all of them before one could say so.
std::optional<Error> wrong_key(const Query& query, const Table& table, const Routing& routing) {
  const Column& column = column_of(table, routing.key());
  const std::string* text = eq_value(query.filters, column.name);
  if (!text || key_type(column) != KeyType::integer || canonical_text(KeyType::integer, *text))
    return std::nullopt;
  return invalid_value(column, *text);
}

/// The rows that the filters choose: WHERE, candidate slots, and how to find the slot where the key is named
/// but not its list.
Result<void> choose_rows(const Query& query, const Table& table, const TablePlacement& placement,
                         const ShardMap& map, ExpressionWriter& writer, WritePlan& plan) {
  auto filters = writer.filters(query.filters);
  if (!filters) return filters.error();
  plan.where = std::move(*filters);
  if (!placement.group) return {};
  const Routing routing(placement, map);
  if (auto problem = wrong_key(query, table, routing)) return std::move(*problem);
  plan.slots = candidate_slots(query.filters, table, placement, map);
  if (!routing.list || eq_value(query.filters, routing.list->column) || !filtered_key(query, table, routing))
    return {};
  auto locate = locating_statement(query, table, plan);
  if (!locate) return locate.error();
  plan.locate = std::move(*locate);
  return {};
}

/// Sets the columns that decide the slot: the key to what it is, the list column and with it the slot to what
/// the body says. SHARD400 where rows would have to move that are not known by their key.
Result<std::string> routing_assignments(const ParsedBody& body, const Query& query, const Table& table,
                                        const Routing& routing, ExpressionWriter& writer, WritePlan& plan) {
  std::string sql;
  const auto key = filtered_key(query, table, routing);
  if (routing.group && body.sets(routing.key())) {
    const Column& column = column_of(table, routing.key());
    const BodyValue value = body.value(column.name, 0);
    const auto text = key_text(column, value);
    if (value.kind != BodyValue::Kind::text || (text && text.value() != key))
      return cannot_merge("A change of " + column.name + " moves the row to another slot.",
                          "Insert the row anew and delete the old one.");
    if (!text) return text;
    append(sql, quote_identifier(column.name) + " = " + writer.param(*text));
  }
  if (routing.list && body.sets(routing.list->column)) {
    const Column& column = column_of(table, routing.list->column);
    const auto value = list_value(column, body.value(column.name, 0));
    if (!value) return value.error();
    append(sql, quote_identifier(column.name) + " = " + writer.param(*value));
    const std::string* filtered = eq_value(query.filters, column.name);
    if (!filtered || *filtered != *value) {
      if (!key)
        return cannot_merge(
            "A change of " + column.name + " moves rows to other slots, so they have to be known.",
            "Name one row by " + routing.key() + "=eq.…");
      plan.new_slot = slot_of_row(*routing.group, key_bytes(column_of(table, routing.key()), *key), *value);
      append(sql, quote_identifier(slot_column) + " = " + writer.param(std::to_string(plan.new_slot->value)));
    }
  }
  return {boost::system::in_place_value, std::move(sql)};
}

/// What becomes of `plan` where the body sets no column.
WritePlan change_nothing(WritePlan plan, const Routing& routing) {
  if (routing.group) plan.slots = SlotSet::none(routing.group->slot_count);
  plan.chooses_rows = false;
  plan.head.sql = "SELECT WHERE false";
  return plan;
}

// ---- PUT.

/// The primary key's values as the filters say them; PGRST105 where they say anything else.
Result<std::vector<std::string>> put_key(const Query& query, const Table& table) {
  std::vector<std::string> values;
  for (const auto& name : table.primary_key)
    if (const std::string* value = eq_value(query.filters, name)) values.push_back(*value);
  if (values.size() != table.primary_key.size() || values.size() != query.filters.size())
    return Error{"PGRST105", "Filters must include all and only primary key columns with 'eq' operators",
                 std::nullopt, std::nullopt, std::nullopt};
  return values;
}

/// Brings the key's values into their stored form and holds the body to them (PGRST115).
Result<void> agree_on_key(const ParsedBody& body, const Table& table, std::vector<std::string>& values) {
  const auto stored = [](const Column& column, const BodyValue& value) -> Result<std::string> {
    if (key_type(column)) return key_text(column, value);
    return {boost::system::in_place_value, value.text};
  };
  const Error disagreement{"PGRST115", "Payload values do not match URL in primary key column(s)",
                           std::nullopt, std::nullopt, std::nullopt};
  if (body.body.rows != 1) return disagreement;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Column& column = column_of(table, table.primary_key[i]);
    auto in_url = stored(column, {BodyValue::Kind::text, values[i]});
    if (!in_url) return in_url.error();
    values[i] = std::move(*in_url);
    const BodyValue value = body.value(column.name, 0);
    if (value.kind == BodyValue::Kind::absent) continue;
    if (value.kind != BodyValue::Kind::text) return disagreement;
    const auto in_body = stored(column, value);
    if (!in_body || *in_body != values[i]) return disagreement;
  }
  return {};
}

/// ON CONFLICT on the primary key: every other column to what the new row has in it, defaults included.
std::string on_conflict_sql(const Table& table) {
  std::string target, assignments;
  const auto assign = [&](std::string_view name) {
    append(assignments, quote_identifier(name) + " = EXCLUDED." + quote_identifier(name));
  };
  for (const auto& name : table.primary_key) append(target, quote_identifier(name));
  for (const auto& column : table.columns)
    if (!column.generated && !contains(table.primary_key, column.name)) assign(column.name);
  if (assignments.empty()) assign(table.primary_key.front());  // so that the row there is returned
  return " ON CONFLICT (" + target + ") DO UPDATE SET " + assignments;
}

/// PUT where the primary key decides the slot, or on a reference table: create the row or replace it.
void put_by_insert(const ParsedBody& body, std::string_view text, const std::vector<std::string>& key,
                   const Table& table, const Routing& routing, ExpressionWriter& writer, WritePlan& plan) {
  const auto value_of = [&](std::string_view column) -> const std::string& {
    const auto found = std::ranges::find(table.primary_key, column);
    return key[static_cast<std::size_t>(found - table.primary_key.begin())];
  };
  std::vector<GivenColumn> columns;
  for (const auto& name : table.primary_key) {
    columns.push_back(given(table, name));
    columns.back().values.push_back(value_of(name));
  }
  if (routing.group) {
    const auto bytes = key_bytes(column_of(table, routing.key()), value_of(routing.key()));
    const auto list =
        routing.list ? std::optional<std::string>(value_of(routing.list->column)) : std::nullopt;
    const std::vector slots{slot_of_row(*routing.group, bytes, list)};
    columns.push_back(given_slots(slots));
    plan.slots = as_set(slots, *routing.group);
  }
  plan.chooses_rows = false;
  plan.head.sql =
      insert_sql(table, body.json_columns, json_array(text, body.body.is_array), 1, columns, writer) +
      on_conflict_sql(table);
}

/// PUT under list, where the key does not tell the slot: replace the row where it is. One that is nowhere
/// cannot be created, because its key could be taken on another list by then.
Result<void> put_by_update(const ParsedBody& body, std::string_view text, const Query& query,
                           const Table& table, const Routing& routing, ExpressionWriter& writer,
                           WritePlan& plan) {
  const auto list = inserted_list_value(body, 0, table, *routing.list);
  if (!list) return list.error();
  const auto key = filtered_key(query, table, routing);
  invariant(key.has_value(), "PUT names the whole primary key");
  plan.new_slot = slot_of_row(*routing.group, key_bytes(column_of(table, routing.key()), *key), *list);

  std::string sql;
  if (!body.json_columns.empty())
    append(sql, assignment_sql(table, body.json_columns, json_array(text, body.body.is_array), writer));
  append(sql, quote_identifier(routing.list->column) + " = " + writer.param(*list));
  append(sql, quote_identifier(slot_column) + " = " + writer.param(std::to_string(plan.new_slot->value)));
  for (const auto& column : table.columns)
    if (!column.generated && !contains(body.watched, column.name) && !body.sets(column.name))
      append(sql, quote_identifier(column.name) + " = DEFAULT");
  plan.head.sql = "UPDATE " + aliased_name(table) + " SET " + sql;
  plan.not_located = cannot_merge(
      "No row has this key, and a row whose key is chosen by the client cannot be created, because "
      "the table is placed by " +
          routing.list->column + " and the key alone could be taken on another list.",
      "POST the row without its key; the answer carries the one handed out.");
  return {};
}

}  // namespace

Statement WritePlan::statement(std::optional<Slot> pinned, bool only_owned) const {
  Statement out = head;
  if (chooses_rows) {
    std::string condition = where;
    if (pinned) {
      out.params.push_back(std::to_string(pinned->value));
      condition = and_also(std::move(condition), slot + " = $" + std::to_string(out.params.size()));
    }
    if (only_owned) condition = and_also(std::move(condition), owned);
    if (!condition.empty()) out.sql += " WHERE " + condition;
  }
  out.sql += tail;
  return out;
}

Result<WritePlan> plan_insert(const Query& query, std::string_view text, const Preferences& prefer,
                              const Table& table, const TablePlacement& placement, const ShardMap& map,
                              const NextKey& next_key) {
  const Routing routing(placement, map);
  const auto body = parse_body(query, text, table, routing.columns);
  if (!body) return body.error();
  WritePlan plan = new_plan(table, routing, prefer);
  if (prefer.returning == ReturnKind::headers_only) plan.returns = WritePlan::Returns::primary_key;
  plan.chooses_rows = false;
  plan.row_count = body->body.rows;

  std::vector<GivenColumn> columns;
  if (routing.group) {
    auto routed = route_rows(*body, table, routing, next_key, plan);
    if (!routed) return routed.error();
    columns = std::move(*routed);
  }
  ExpressionWriter writer(table, 1);
  plan.head.sql = insert_sql(table, body->json_columns, json_array(text, body->body.is_array),
                             body->body.rows, columns, writer);
  return finish(std::move(plan), query, table, std::move(writer));
}

Result<WritePlan> plan_update(const Query& query, std::string_view text, const Preferences& prefer,
                              const Table& table, const TablePlacement& placement, const ShardMap& map) {
  if (auto refusal = paging_refusal(query, "PATCH")) return *refusal;
  const Routing routing(placement, map);
  const auto body = parse_body(query, text, table, routing.columns);
  if (!body) return body.error();
  if (body->body.rows > 1) return invalid_body("The body of a PATCH has to be one object");
  WritePlan plan = new_plan(table, routing, prefer);
  ExpressionWriter writer(table, 1);
  if (auto chosen = choose_rows(query, table, placement, map, writer, plan); !chosen) return chosen.error();
  if (body->body.rows == 0 || body->columns.empty())
    return change_nothing(new_plan(table, routing, prefer), routing);

  std::string assignments;
  if (!body->json_columns.empty())
    append(assignments,
           assignment_sql(table, body->json_columns, json_array(text, body->body.is_array), writer));
  const auto routed = routing_assignments(*body, query, table, routing, writer, plan);
  if (!routed) return routed.error();
  if (!routed->empty()) append(assignments, *routed);
  plan.head.sql = "UPDATE " + aliased_name(table) + " SET " + assignments;
  return finish(std::move(plan), query, table, std::move(writer));
}

Result<WritePlan> plan_delete(const Query& query, const Preferences& prefer, const Table& table,
                              const TablePlacement& placement, const ShardMap& map) {
  if (auto refusal = paging_refusal(query, "DELETE")) return *refusal;
  WritePlan plan = new_plan(table, Routing(placement, map), prefer);
  ExpressionWriter writer(table, 1);
  if (auto chosen = choose_rows(query, table, placement, map, writer, plan); !chosen) return chosen.error();
  plan.head.sql = "DELETE FROM " + aliased_name(table);
  return finish(std::move(plan), query, table, std::move(writer));
}

Result<WritePlan> plan_put(const Query& query, std::string_view text, const Preferences& prefer,
                           const Table& table, const TablePlacement& placement, const ShardMap& map) {
  if (query.limit || query.offset != 0)
    return Error{"PGRST114", "limit/offset querystring parameters are not allowed for PUT", std::nullopt,
                 std::nullopt, std::nullopt};
  auto key = put_key(query, table);
  if (!key) return key.error();
  const Routing routing(placement, map);
  std::vector<std::string> watched = table.primary_key;
  for (const auto& name : routing.columns)
    if (!contains(watched, name)) watched.push_back(name);
  const auto body = parse_body(query, text, table, std::move(watched));
  if (!body) return body.error();
  if (auto agreed = agree_on_key(*body, table, *key); !agreed) return agreed.error();

  WritePlan plan = new_plan(table, routing, prefer);
  plan.reports_created = true;
  ExpressionWriter writer(table, 1);
  const auto in_key = [&](const std::string& name) { return contains(table.primary_key, name); };
  if (std::ranges::all_of(routing.columns, in_key)) {
    put_by_insert(*body, text, *key, table, routing, writer, plan);
  } else if (routing.list && in_key(routing.key())) {
    if (auto chosen = choose_rows(query, table, placement, map, writer, plan); !chosen) return chosen.error();
    if (auto done = put_by_update(*body, text, query, table, routing, writer, plan); !done)
      return done.error();
  } else {
    return cannot_merge("The primary key of " + table.name + " does not contain " + routing.key() +
                            ", so a row named by it could be on any shard.",
                        "POST new rows, and PATCH those that are there.");
  }
  return finish(std::move(plan), query, table, std::move(writer));
}

}  // namespace shardplex
