#include <algorithm>
#include <utility>

#include "query/plan/expression.hpp"
#include "query/plan/key_filter.hpp"
#include "query/plan/not_planned.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/stored_values.hpp"
#include "query/plan/table_columns.hpp"
#include "query/plan/write_parts.hpp"
#include "shard_map/contains_name.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

/// The primary key's values as the filters say them; PGRST105 where they say anything else.
Result<std::vector<std::string>> put_key(const Query& query, const Table& table) {
  std::vector<std::string> values;
  for (const auto& name : table.primary_key)
    if (const std::string* value = eq_value(query.filters, name)) values.push_back(*value);
  if (values.empty() || values.size() != table.primary_key.size() || values.size() != query.filters.size())
    return Error{"PGRST105", "Filters must include all and only primary key columns with 'eq' operators",
                 std::nullopt, std::nullopt, std::nullopt};
  return values;
}

/// Texts of values that are equal in PostgreSQL, as far as that is known of the column's type.
bool name_one_value(const Column& column, const std::string& a, const std::string& b) {
  const auto type = key_type(column);
  const auto bytes = type ? canonical_bytes(*type, a) : std::nullopt;
  return a == b || (bytes && bytes == canonical_bytes(*type, b));
}

/// Brings the key's values into their stored form and holds the body to them (PGRST115). What is stored is
/// spelled as in the body.
Result<void> agree_on_key(const ParsedBody& body, const RoutedTable& routed,
                          std::vector<std::string>& values) {
  const auto stored = [&](const Column& column, const BodyValue& value) -> Result<std::string> {
    const auto type = key_type(column);
    if (type && (routed.key().contains(column.name) || canonical_text(*type, value.text)))
      return key_text(column, value);
    return {boost::system::in_place_value, value.text};
  };
  const Error disagreement{"PGRST115", "Payload values do not match URL in primary key column(s)",
                           std::nullopt, std::nullopt, std::nullopt};
  if (body.body.rows != 1) return disagreement;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Column& column = routed.column(routed.table().primary_key[i]);
    auto in_url = stored(column, {BodyValue::Kind::text, values[i]});
    if (!in_url) return in_url.error();
    values[i] = std::move(*in_url);
    const BodyValue value = body.value(column.name, 0);
    if (value.kind == BodyValue::Kind::absent) continue;
    if (value.kind != BodyValue::Kind::text) return disagreement;
    auto in_body = stored(column, value);
    if (!in_body || !name_one_value(column, *in_body, values[i])) return disagreement;
    values[i] = std::move(*in_body);
  }
  return {};
}

/// ON CONFLICT on the primary key: every other column to what the new row has in it, defaults included.
std::string on_conflict_sql(const Table& table) {
  std::string target, assignments;
  const auto assign = [&](std::string_view name) {
    append_item(assignments, quote_identifier(name) + " = EXCLUDED." + quote_identifier(name));
  };
  for (const auto& name : table.primary_key) append_item(target, quote_identifier(name));
  for (const auto& column : table.columns)
    if (!column.generated && !contains_name(table.primary_key, column.name)) assign(column.name);
  if (assignments.empty()) assign(table.primary_key.front());  // so that the row there is returned
  return " ON CONFLICT (" + target + ") DO UPDATE SET " + assignments + " WHERE " + std::string(replaced_sql);
}

/// PUT where the primary key decides the slot, or on a reference table: create the row or replace it.
void put_by_insert(const ParsedBody& body, std::string_view text, const std::vector<std::string>& key,
                   const RoutedTable& routed, ExpressionWriter& writer, WritePlan& plan) {
  const Table& table = routed.table();
  const auto value_of = [&](std::string_view column) -> const std::string& {
    const auto found = std::ranges::find(table.primary_key, column);
    return key[static_cast<std::size_t>(found - table.primary_key.begin())];
  };
  std::vector<GivenColumn> columns;
  for (const auto& name : table.primary_key) {
    columns.push_back(given_column(routed, name));
    columns.back().values.push_back(value_of(name));
  }
  if (routed.group()) {
    KeyTexts values;
    for (const auto& name : routed.key().names()) values.push_back(value_of(name));
    const auto bytes = key_bytes(routed, values);
    const auto list =
        routed.list() ? std::optional<std::string>(value_of(routed.list()->column)) : std::nullopt;
    const std::vector slots{slot_of_row(*routed.group(), bytes, list)};
    columns.push_back(given_slots(slots));
    plan.slots = as_set(slots, *routed.group());
  }
  plan.chooses_rows = false;
  const std::size_t first_given = writer.params().size() + (body.json_columns.empty() ? 1 : 2);
  if (routed.group()) plan.placed = placed_as_given(routed, columns, first_given, 1);
  plan.head.sql =
      insert_sql(routed, body.json_columns, json_array(text, body.body.is_array), 1, columns, writer) +
      on_conflict_sql(table);
}

/// PUT under list, where the key does not tell the slot: replace the row where it is. One that is nowhere
/// cannot be created, because its key could be taken on another list by then.
Result<void> put_by_update(const ParsedBody& body, std::string_view text, const Query& query,
                           const RoutedTable& routed, ExpressionWriter& writer, WritePlan& plan) {
  const Table& table = routed.table();
  const auto list = inserted_list_value(body, 0, routed);
  if (!list) return list.error();
  const auto key = filtered_key(query, routed);
  invariant(key.has_value(), "PUT names the whole primary key");
  plan.new_slot = slot_of_row(*routed.group(), key_bytes(routed, *key), *list);

  std::string sql;
  if (!body.json_columns.empty())
    append_item(sql, assignment_sql(routed, body.json_columns,
                                    writer.param(json_array(text, body.body.is_array)), ""));
  append_item(sql, quote_identifier(routed.list()->column) + " = " + writer.param(*list));
  append_item(sql,
              quote_identifier(slot_column) + " = " + writer.param(std::to_string(plan.new_slot->value)));
  for (const auto& column : table.columns)
    if (!column.generated && !contains_name(body.watched, column.name) && !body.sets(column.name))
      append_item(sql, quote_identifier(column.name) + " = DEFAULT");
  plan.placed = placed_as_decided(routed, *key, *plan.new_slot, &*list, writer);
  plan.head.sql = "UPDATE " + aliased_name(table) + " SET " + sql;
  plan.not_located = cannot_merge(
      "No row has this key, and a row whose key is chosen by the client cannot be created, because "
      "the table is placed by " +
          routed.list()->column + " and the key alone could be taken on another list.",
      "POST the row without its key; the answer carries the one handed out.");
  return {};
}

}  // namespace

Result<WritePlan> plan_put(const Query& query, std::string_view text, const Preferences& prefer,
                           const RoutedTable& routed, const RowBounds& bounds, RowFormat format) {
  if (auto refusal = not_planned(query)) return *std::move(refusal);
  return plan_put(ResolvedNode{&query, &routed.table(), {}}, query, text, prefer, routed, {bounds, format});
}

Result<WritePlan> plan_put(const ResolvedNode& tree, const Query& query, std::string_view text,
                           const Preferences& prefer, const RoutedTable& routed, const WriteRules& rules) {
  const Table& table = routed.table();
  if (query.limit || query.offset != 0)
    return Error{"PGRST114", "limit/offset querystring parameters are not allowed for PUT", std::nullopt,
                 std::nullopt, std::nullopt};
  auto key = put_key(query, table);
  if (!key) return key.error();
  std::vector<std::string> watched = table.primary_key;
  for (const auto& name : routed.routing_columns())
    if (!contains_name(watched, name)) watched.push_back(name);
  for (const auto& name : watched)
    if (const Column& column = routed.column(name); column.representations.reads_values())
      return unread_column(column, "names the row of a PUT");
  const auto body = parse_body(query, text, table, std::move(watched));
  if (!body) return body.error();
  if (auto agreed = agree_on_key(*body, routed, *key); !agreed) return agreed.error();
  for (const auto& columns : {table.primary_key, body->columns})
    if (auto refusal = identity_refusal(table, columns, true)) return std::move(*refusal);

  WritePlan plan = new_write_plan(routed, prefer);
  plan.reports_created = true;
  ExpressionWriter writer(table, 1);
  const auto in_key = [&](const std::string& name) { return routed.in_primary_key(name); };
  const auto& key_names = routed.key().names();
  const auto outside = std::ranges::find_if_not(key_names, in_key);
  if (std::ranges::all_of(routed.routing_columns(), in_key)) {
    put_by_insert(*body, text, *key, routed, writer, plan);
  } else if (outside == key_names.end()) {
    if (auto chosen = choose_rows(query, routed, writer, plan); !chosen) return chosen.error();
    if (auto done = put_by_update(*body, text, query, routed, writer, plan); !done) return done.error();
  } else {
    return cannot_merge("The primary key of " + table.name + " does not contain " + *outside +
                            ", so a row named by it could be on any shard.",
                        "POST new rows, and PATCH those that are there.");
  }
  return finish_write_plan(std::move(plan), tree, routed, rules, std::move(writer));
}

}  // namespace shardplex
