#include <algorithm>
#include <memory>
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
  for (const Part& part : parts_) {
    for (std::size_t i = 0; i < keys_.size(); ++i)
      plan_.head.params[part.keys_param + i] = array_literal(those_of(keys_[i], part.rows));
    plan_.head.params[part.slots_param] = array_literal(given_slots(those_of(slots, part.rows)).values);
  }
  if (rows > 1 && parts_.size() > 1)
    plan_.not_over_shards =
        cannot_merge("Rows of a body that set different columns are written to one shard only.",
                     "Let all rows set the same columns, or leave out Prefer: missing=default.");
  if (rows > 1 && parts_.size() == 1) {
    auto slot_values = given_slots(slots).values;
    WritePlan::InsertedRows inserted{std::move(slots), {}, parts_.front().keys_param};
    std::ranges::move(keys_, std::back_inserter(inserted.given));
    if (!lists_.empty()) inserted.given.push_back(std::move(lists_));
    inserted.given.push_back(std::move(slot_values));
    plan_.inserted = std::make_shared<const WritePlan::InsertedRows>(std::move(inserted));
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
  if (on_conflict->ends_with("NOTHING") && plan.returns == WritePlan::Returns::representation)
    plan.not_over_shards = cannot_merge(
        "Which rows of several shards were left out as duplicates is not known, and so their order is not.",
        "Ask for no rows (Prefer: return=minimal), or write rows of one shard at a time.");

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
      for (const auto& name : routed.key().names()) columns.push_back(given_column(routed, name));
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
