#include <algorithm>
#include <utility>

#include "query/plan/expression.hpp"
#include "query/plan/key_filter.hpp"
#include "query/plan/not_planned.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/returned_rows.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/stored_values.hpp"
#include "query/plan/table_columns.hpp"
#include "query/plan/write_parts.hpp"

namespace shardplex {
namespace {

std::optional<Error> paging_refusal(const Query& query, std::string_view method) {
  if (!query.limit && query.offset == 0) return std::nullopt;
  return cannot_merge("A " + std::string(method) +
                          " with limit or offset would have to pick its rows "
                          "over all shards at once.",
                      "Name the rows by filters.");
}

Error invalid_body(std::string message) {
  return {"PGRST102", std::move(message), std::nullopt, std::nullopt, std::nullopt};
}

/// Sets the columns that decide the slot: those of the key to what they are, the list column and with it the
/// slot to what the body says. SHARD400 where rows would have to move that are not known by their key.
Result<std::string> routing_assignments(const ParsedBody& body, const Query& query, const RoutedTable& routed,
                                        ExpressionWriter& writer, WritePlan& plan) {
  std::string sql;
  const auto key = filtered_key(query, routed);
  for (const auto& name : routed.key().names()) {
    if (!body.sets(name)) continue;
    const Column& column = routed.column(name);
    const BodyValue value = body.value(name, 0);
    const auto text = key_text(column, value);
    const bool is_other = text && !is_filtered_value(query, column, *text);
    if (value.kind != BodyValue::Kind::text || is_other)
      return cannot_merge("A change of " + column.name + " moves the row to another slot.",
                          "Insert the row anew and delete the old one.");
    if (!text) return text.error();
    append_item(sql, quote_identifier(column.name) + " = " + writer.param(*text));
  }
  if (routed.list() && body.sets(routed.list()->column)) {
    const Column& column = routed.column(routed.list()->column);
    const auto value = list_value(column, body.value(column.name, 0));
    if (!value) return value.error();
    append_item(sql, quote_identifier(column.name) + " = " + writer.param(*value));
    const std::string* filtered = eq_value(query.filters, column.name);
    const bool is_known = filtered && column.representations.from_text.empty();
    if (!is_known || *filtered != *value) {
      if (!key)
        return cannot_merge(
            "A change of " + column.name + " moves rows to other slots, so they have to be known.",
            "Name one row by " + routed.key().one() + "=eq.…");
      plan.new_slot = slot_of_row(*routed.group(), key_bytes(routed, *key), *value);
      append_item(sql,
                  quote_identifier(slot_column) + " = " + writer.param(std::to_string(plan.new_slot->value)));
    }
  }
  return {boost::system::in_place_value, std::move(sql)};
}

/// How it is known that a changed row is where it is looked for. The slot of a row whose key is named is
/// sure; any other is to stay as it was, which `remembers`, a condition for the assignments, is to tell.
std::string placed_after(const ParsedBody& body, const Query& query, const RoutedTable& routed,
                         const WritePlan& plan, std::string& remembers, ExpressionWriter& writer) {
  auto key = filtered_key(query, routed);
  // As it is spelled afterwards: where the operators of citext are on no search path, letters decide.
  for (std::size_t i = 0; key && i < key->size(); ++i) {
    const Column& column = routed.column(routed.key().names()[i]);
    if (!body.sets(column.name)) continue;
    if (auto text = key_text(column, body.value(column.name, 0))) (*key)[i] = std::move(*text);
  }
  if (plan.new_slot) {
    const auto list = list_value(routed.column(routed.list()->column), body.value(routed.list()->column, 0));
    return placed_as_decided(routed, *key, *plan.new_slot, &*list, writer);
  }
  if (!key || routed.list()) {
    remembers = remember_place_sql(routed);
    return placed_as_before(routed);
  }
  const Slot slot = slot_of_row(*routed.group(), key_bytes(routed, *key), std::nullopt);
  return placed_as_decided(routed, *key, slot, nullptr, writer);
}

/// What becomes of `plan` where the body sets no column.
WritePlan change_nothing(WritePlan plan, const RoutedTable& routed) {
  if (routed.group()) plan.slots = SlotSet::none(routed.group()->slot_count);
  plan.chooses_rows = false;
  plan.sets_nothing = true;
  plan.head.sql = "SELECT WHERE false";
  return plan;
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

Result<WritePlan> plan_update(const Query& query, std::string_view text, const Preferences& prefer,
                              const RoutedTable& routed, const RowBounds& bounds, RowFormat format) {
  if (auto refusal = not_planned(query)) return *refusal;
  return plan_update(ResolvedNode{&query, &routed.table(), {}}, query, text, prefer, routed,
                     {bounds, format});
}

Result<WritePlan> plan_update(const ResolvedNode& tree, const Query& query, std::string_view text,
                              const Preferences& prefer, const RoutedTable& routed, const WriteRules& rules) {
  if (auto refusal = paging_refusal(query, "PATCH")) return *refusal;
  const auto body = parse_body(query, text, routed.table(), routed.routing_columns());
  if (!body) return body.error();
  if (body->body.rows > 1) return invalid_body("The body of a PATCH has to be one object");
  if (auto refusal = identity_refusal(routed.table(), body->columns, false)) return std::move(*refusal);
  WritePlan plan = new_write_plan(routed, prefer);
  ExpressionWriter writer(routed.table(), 1);
  if (auto chosen = choose_rows(query, routed, writer, plan); !chosen) return chosen.error();
  if (body->body.rows == 0 || body->columns.empty()) {
    // What cannot be shown is refused, whether or not there is anything to show.
    WritePlan shown = new_write_plan(routed, prefer);
    if (shown.returns == WritePlan::Returns::representation)
      if (auto rows = shown_rows(tree, routed, rules, writer, shown); !rows) return rows.error();
    return change_nothing(new_write_plan(routed, prefer), routed);
  }

  const std::string rows =
      body->json_columns.empty() ? "" : writer.param(json_array(text, body->body.is_array));
  const auto routing = routing_assignments(*body, query, routed, writer, plan);
  if (!routing) return routing.error();
  std::string remembers, assignments;
  if (routed.group()) plan.placed = placed_after(*body, query, routed, plan, remembers, writer);
  if (!body->json_columns.empty())
    append_item(assignments, assignment_sql(routed, body->json_columns, rows, remembers));
  else if (!remembers.empty())
    append_item(assignments, slot_as_it_is_sql(routed, remembers));
  if (!routing->empty()) append_item(assignments, *routing);
  plan.head.sql = "UPDATE " + aliased_name(routed.table()) + " SET " + assignments;
  return finish_write_plan(std::move(plan), tree, routed, rules, std::move(writer));
}

Result<WritePlan> plan_delete(const Query& query, const Preferences& prefer, const RoutedTable& routed,
                              const RowBounds& bounds, RowFormat format) {
  if (auto refusal = not_planned(query)) return *refusal;
  return plan_delete(ResolvedNode{&query, &routed.table(), {}}, query, prefer, routed, {bounds, format});
}

Result<WritePlan> plan_delete(const ResolvedNode& tree, const Query& query, const Preferences& prefer,
                              const RoutedTable& routed, const WriteRules& rules) {
  if (auto refusal = paging_refusal(query, "DELETE")) return *refusal;
  WritePlan plan = new_write_plan(routed, prefer);
  ExpressionWriter writer(routed.table(), 1);
  if (auto chosen = choose_rows(query, routed, writer, plan); !chosen) return chosen.error();
  plan.deletes = true;
  plan.head.sql = "DELETE FROM " + aliased_name(routed.table());
  return finish_write_plan(std::move(plan), tree, routed, rules, std::move(writer));
}

}  // namespace shardplex
