#include <algorithm>
#include <utility>

#include "query/plan/expression.hpp"
#include "query/plan/not_planned.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/stored_values.hpp"
#include "query/plan/write_parts.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

Error null_value(const Table& table, std::string_view column) {
  return {"23502",
          "null value in column \"" + std::string(column) + "\" of relation \"" + table.name +
              "\" violates not-null constraint",
          std::nullopt, std::nullopt, std::nullopt};
}

/// The key of one inserted row; nullopt where one has to be handed out.
Result<std::optional<std::string>> inserted_key(const ParsedBody& body, std::size_t row,
                                                const RoutedTable& routed) {
  const Column& column = routed.key_column();
  const BodyValue value = body.value(column.name, row);
  if (value.kind == BodyValue::Kind::text || value.kind == BodyValue::Kind::nested) {
    // Without a primary key nobody takes two rows for one.
    if (routed.list() && !routed.stored_primary_key().empty())
      return cannot_merge("A row's " + column.name + " cannot be chosen by the client: rows are placed by " +
                              routed.list()->column + ", and the key could be taken on another list.",
                          "Leave " + column.name + " out; the answer carries the one handed out.");
    auto text = key_text(column, value);
    if (!text) return text.error();
    return std::optional(std::move(*text));
  }
  // Part of a key, or a reference to another row, is nothing that could be made up.
  if (!routed.gives_keys()) return null_value(routed.table(), column.name);
  return std::optional<std::string>();
}

}  // namespace

std::size_t InsertPlan::missing_keys() const {
  return static_cast<std::size_t>(
      std::ranges::count(keys_, false, [](const auto& key) { return key.has_value(); }));
}

Slot InsertPlan::slot_with(const std::string& key) const {
  const auto row =
      static_cast<std::size_t>(std::ranges::find(keys_, std::optional<std::string>()) - keys_.begin());
  const auto bytes = canonical_bytes(key_type_, key);
  invariant(group_ != nullptr && row < keys_.size() && bytes.has_value(),
            "a key is missing, and this is one");
  return slot_of_row(*group_, *bytes, lists_.empty() ? std::optional<std::string>() : lists_[row]);
}

WritePlan InsertPlan::with_keys(std::vector<std::string> keys) && {
  invariant(keys.size() == missing_keys(), "a key is given to each row that came without one");
  if (group_ == nullptr) return std::move(plan_);
  std::vector<Slot> slots;
  slots.reserve(keys_.size());
  auto next = keys.begin();
  for (std::size_t row = 0; row < keys_.size(); ++row) {
    if (!keys_[row]) keys_[row] = std::move(*next++);
    const auto bytes = canonical_bytes(key_type_, *keys_[row]);
    invariant(bytes.has_value(), "a key's canonical text has canonical bytes");
    slots.push_back(
        slot_of_row(*group_, *bytes, lists_.empty() ? std::optional<std::string>() : lists_[row]));
  }
  plan_.slots = as_set(slots, *group_);
  plan_.head.params[keys_param_] = array_literal(keys_);
  plan_.head.params[slots_param_] = array_literal(given_slots(slots).values);
  return std::move(plan_);
}

Result<InsertPlan> plan_insert(const Query& query, std::string_view text, const Preferences& prefer,
                               const RoutedTable& routed, const RowBounds& bounds, RowFormat format) {
  if (auto refusal = not_planned(query)) return *std::move(refusal);
  return plan_insert(ResolvedNode{&query, &routed.table(), {}}, query, text, prefer, routed,
                     {bounds, format});
}

Result<InsertPlan> plan_insert(const ResolvedNode& tree, const Query& query, std::string_view text,
                               const Preferences& prefer, const RoutedTable& routed,
                               const WriteRules& rules) {
  const auto body = parse_body(query, text, routed.table(), routed.routing_columns());
  if (!body) return body.error();
  if (auto refusal = identity_refusal(routed.table(), body->columns, true)) return std::move(*refusal);
  InsertPlan insert;
  WritePlan plan = new_write_plan(routed, prefer);
  if (prefer.returning == ReturnKind::headers_only && !routed.table().written_key().empty())
    plan.returns = WritePlan::Returns::primary_key;
  plan.chooses_rows = false;
  plan.row_count = body->body.rows;

  std::vector<GivenColumn> columns;
  if (const Group* group = routed.group()) {
    for (std::size_t row = 0; row < body->body.rows; ++row) {
      if (routed.list()) {
        auto value = inserted_list_value(*body, row, routed);
        if (!value) return value.error();
        insert.lists_.push_back(std::move(*value));
      }
      auto key = inserted_key(*body, row, routed);
      if (!key) return key.error();
      if (!*key) insert.key_column_ = &routed.key_column();
      insert.keys_.push_back(std::move(*key));
    }
    insert.group_ = group;
    insert.key_type_ = routed.key_type();
    // Keys and slots are filled in by with_keys().
    columns.push_back(given_column(routed, routed.key()));
    if (const auto* list = routed.list()) {
      columns.push_back(given_column(routed, list->column));
      columns.back().values = insert.lists_;
    }
    columns.push_back(given_slots({}));
    insert.keys_param_ = body->json_columns.empty() ? 0 : 1;
    insert.slots_param_ = insert.keys_param_ + columns.size() - 1;
  }
  ExpressionWriter writer(routed.table(), 1);
  if (routed.group()) plan.placed = placed_as_given(routed, columns, insert.keys_param_ + 1, body->body.rows);
  plan.head.sql = insert_sql(routed, body->json_columns, json_array(text, body->body.is_array),
                             body->body.rows, columns, writer);
  auto finished = finish_write_plan(std::move(plan), tree, routed, rules, std::move(writer));
  if (!finished) return finished.error();
  insert.plan_ = std::move(*finished);
  return insert;
}

}  // namespace shardplex
