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

/// A column of the key of one inserted row; nullopt where a key has to be handed out.
Result<std::optional<std::string>> inserted_key(const ParsedBody& body, std::size_t row, const Column& column,
                                                const RoutedTable& routed) {
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
  if (key_column_ == nullptr) return 0;
  return static_cast<std::size_t>(
      std::ranges::count(keys_.front(), false, [](const auto& key) { return key.has_value(); }));
}

Slot InsertPlan::slot_with(const std::string& key) const {
  invariant(key_column_ != nullptr && group_ != nullptr, "a key is missing");
  const auto& keys = keys_.front();
  const auto row =
      static_cast<std::size_t>(std::ranges::find(keys, std::optional<std::string>()) - keys.begin());
  const auto bytes = canonical_bytes(key_types_.front(), key);
  invariant(row < keys.size() && bytes.has_value(), "a key is missing, and this is one");
  return slot_of_row(*group_, *bytes, lists_.empty() ? std::optional<std::string>() : lists_[row]);
}

Slot InsertPlan::slot_at(std::size_t row) const {
  KeyTexts key;
  for (const auto& column : keys_) key.push_back(column[row].value());
  const auto bytes = canonical_bytes(key_types_, key);
  invariant(bytes.has_value(), "a key's canonical text has canonical bytes");
  return slot_of_row(*group_, *bytes, lists_.empty() ? std::optional<std::string>() : lists_[row]);
}

WritePlan InsertPlan::with_keys(std::vector<std::string> keys) && {
  invariant(keys.size() == missing_keys(), "a key is given to each row that came without one");
  if (group_ == nullptr) return std::move(plan_);
  const std::size_t rows = keys_.front().size();
  std::vector<Slot> slots;
  slots.reserve(rows);
  auto next = keys.begin();
  for (std::size_t row = 0; row < rows; ++row) {
    if (!keys_.front()[row]) keys_.front()[row] = std::move(*next++);
    slots.push_back(slot_at(row));
  }
  plan_.slots = as_set(slots, *group_);
  for (std::size_t i = 0; i < keys_.size(); ++i) plan_.head.params[keys_param_ + i] = array_literal(keys_[i]);
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
    const auto& key_names = routed.key().names();
    insert.keys_.resize(key_names.size());
    for (std::size_t row = 0; row < body->body.rows; ++row) {
      if (routed.list()) {
        auto value = inserted_list_value(*body, row, routed);
        if (!value) return value.error();
        insert.lists_.push_back(std::move(*value));
      }
      for (std::size_t i = 0; i < key_names.size(); ++i) {
        const Column& column = routed.column(key_names[i]);
        auto key = inserted_key(*body, row, column, routed);
        if (!key) return key.error();
        if (!*key) insert.key_column_ = &column;
        insert.keys_[i].push_back(std::move(*key));
      }
    }
    insert.group_ = group;
    insert.key_types_ = routed.key_types();
    // Keys and slots are filled in by with_keys().
    for (const auto& name : key_names) columns.push_back(given_column(routed, name));
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
