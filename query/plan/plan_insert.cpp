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
  if (value.kind == BodyValue::Kind::null) return null_value(routed.table(), column.name);
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

/// What the rows have of what each has one of.
template <class T>
std::vector<T> those_of(const std::vector<T>& values, const std::vector<std::size_t>& rows) {
  std::vector<T> out;
  out.reserve(rows.size());
  for (const std::size_t row : rows) out.push_back(values[row]);
  return out;
}

std::vector<std::string> as_texts(const std::vector<std::size_t>& rows) {
  std::vector<std::string> numbers;
  for (const std::size_t row : rows) numbers.push_back(std::to_string(row));
  return numbers;
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
  for (const Part& part : parts_) {
    plan_.head.params[part.keys_param] = array_literal(those_of(keys_, part.rows));
    plan_.head.params[part.slots_param] = array_literal(given_slots(those_of(slots, part.rows)).values);
  }
  return std::move(plan_);
}

Result<InsertPlan> plan_insert(const Query& query, const BodyText& text, const Preferences& prefer,
                               const RoutedTable& routed, const RowBounds& bounds, RowFormat format) {
  if (auto refusal = not_planned(query)) return *std::move(refusal);
  return plan_insert(ResolvedNode{&query, &routed.table(), {}}, query, text, prefer, routed,
                     {bounds, format});
}

Result<InsertPlan> plan_insert(const ResolvedNode& tree, const Query& query, const BodyText& text,
                               const Preferences& prefer, const RoutedTable& routed,
                               const WriteRules& rules) {
  auto body = parse_body(query, text, routed.table(), routed.routing_columns(),
                         prefer.missing.value_or(MissingColumns::null));
  if (!body) return body.error();
  if (auto refusal = identity_refusal(routed.table(), body->columns, true)) return std::move(*refusal);
  const auto on_conflict = conflict_sql(query, prefer, *body, routed);
  if (!on_conflict) return on_conflict.error();
  InsertPlan insert;
  WritePlan plan = new_write_plan(routed, prefer);
  if (prefer.returning == ReturnKind::headers_only && !routed.table().written_key().empty())
    plan.returns = WritePlan::Returns::primary_key;
  plan.chooses_rows = false;
  plan.row_count = body->body.rows;
  plan.merges = plan.reports_created = on_conflict->ends_with(replaced_sql);

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
  }
  auto parts = body->take_parts();
  if (!parts) return parts.error();
  ExpressionWriter writer(routed.table(), 1);
  for (auto& part : *parts) {
    std::vector<GivenColumn> columns;
    const std::size_t count = part.rows.size(), first_param = writer.params().size();
    const std::size_t first_given = first_param + (part.json_columns.empty() ? 0 : 1);
    if (routed.group()) {
      // Keys and slots are filled in by with_keys().
      columns.push_back(given_column(routed, routed.key()));
      if (const auto* list = routed.list()) {
        columns.push_back(given_column(routed, list->column));
        columns.back().values = those_of(insert.lists_, part.rows);
      }
      columns.push_back(given_slots({}));
      insert.parts_.push_back({part.rows, first_given, first_given + columns.size() - 1});
    }
    WritePlan::Insert one;
    if (routed.group()) one.placed = placed_as_given(routed, columns, first_given + 1, count);
    one.sql = insert_sql(routed, part.json_columns, std::move(part.rows_json), count, columns, writer) +
              *on_conflict;
    if (parts->size() > 1) {
      one.body_rows = writer.param(array_literal(as_texts(part.rows))) + "::int4[]";
      plan.inserts.push_back(std::move(one));
    } else {
      plan.head.sql = std::move(one.sql);
      plan.placed = std::move(one.placed);
    }
  }
  auto finished = finish_write_plan(std::move(plan), tree, routed, rules, std::move(writer));
  if (!finished) return finished.error();
  insert.plan_ = std::move(*finished);
  return insert;
}

}  // namespace shardplex
