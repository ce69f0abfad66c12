#include <algorithm>
#include <limits>

#include "query/plan/expression.hpp"
#include "query/plan/key_filter.hpp"
#include "query/plan/plan.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

/// Limits up to this are written into the statement, where PostgreSQL plans better for them than for a
/// parameter; they bound how many statements of one shape there are.
constexpr std::uint64_t largest_literal_limit = 1000;

constexpr auto largest_bigint = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

/// offset + limit, or the greatest number of rows PostgreSQL can be asked for.
std::uint64_t rows_up_to(std::uint64_t offset, std::uint64_t limit) {
  return offset > largest_bigint || limit > largest_bigint - offset ? largest_bigint : offset + limit;
}

std::string key_name(std::size_t number) {
  return 'k' + std::to_string(number);
}

// ---- Order.

bool is_text(SortKind kind) {
  return kind == SortKind::text || kind == SortKind::bpchar;
}

/// Gathers the ORDER BY and the merge that mirrors it.
class OrderPlanner {
 public:
  OrderPlanner(const Table& table, bool bytewise_default_collation, ExpressionWriter& writer, ReadPlan& plan)
      : table_(table), bytewise_default_(bytewise_default_collation), writer_(writer), plan_(plan) {}

  Result<void> add_term(const OrderTerm& term) {
    const auto value = writer_.field(term.field);
    if (!value) return value.error();
    const Column& column = *table_.find_column(term.field.column);
    const bool is_column = term.field.path.empty();
    MergeKey key = is_column ? column_key(column) : path_key(term.field);
    key.descending = term.descending;
    key.nulls_first = term.nulls_first.value_or(term.descending);
    add(is_column ? ordered_sql(column) : *value, std::move(key));
    return {};
  }

  /// Breaks ties by the primary key, so that every answer has one order. Where the key's own collation is not
  /// bytewise its bytes decide instead: any fixed order of ties will do, and this one can be merged.
  void add_primary_key(const std::vector<OrderTerm>& terms) {
    for (const auto& name : table_.primary_key) {
      const auto is_plain_term = [&](const OrderTerm& term) { return term.field == Field{name, {}}; };
      if (std::ranges::any_of(terms, is_plain_term)) continue;
      const Column* column = table_.find_column(name);
      invariant(column != nullptr, "a primary key is made of the table's columns");
      const bool by_bytes = is_text(column->sort) && !column->bytewise_collation;
      if (by_bytes)
        add(column_sql(table_, name) + " COLLATE \"C\"", MergeKey{column->sort, false, false, {}});
      else
        add(ordered_sql(*column), column_key(*column));
    }
  }

 private:
  void add(const std::string& value, MergeKey key) {
    const std::string name = key_name(plan_.keys.size());
    plan_.inner_columns += (plan_.inner_columns.empty() ? "" : ", ") + value + " AS " + name;
    plan_.order_by += (plan_.order_by.empty() ? "" : ", ") + name + (key.descending ? " DESC" : " ASC") +
                      (key.nulls_first ? " NULLS FIRST" : " NULLS LAST");
    plan_.keys.push_back(std::move(key));
  }

  /// The column, and of text by which collation it is planned to sort: its own, so that an index on it
  /// serves, and no other that somebody may give it meanwhile.
  std::string ordered_sql(const Column& column) const {
    const std::string sql = column_sql(table_, column.name);
    if (!is_text(column.sort) || !column.bytewise_collation || column.collation_sql.empty()) return sql;
    return sql + " COLLATE " + column.collation_sql;
  }

  /// The labels decide, and may change without any column changing.
  void check_enum(const Column& column) {
    const std::string type = quote_identifier(column.type_schema) + '.' + quote_identifier(column.type_name);
    const std::string labels = writer_.param(array_literal(column.enum_labels));
    plan_.enums_sql =
        and_also(std::move(plan_.enums_sql), "pg_catalog.pg_typeof(q." + key_name(plan_.keys.size()) +
                                                 ") = " + quote_literal(type) +
                                                 "::regtype AND (SELECT pg_catalog.enum_range(NULL::" + type +
                                                 ")::text[] = " + labels + "::text[])");
  }

  MergeKey column_key(const Column& column) {
    if (column.sort == SortKind::enumeration) check_enum(column);
    if (column.sort == SortKind::none) {
      refuse("column " + column.name + " is of type " + column.type + ", whose order cannot be merged",
             "Order by a column of a number, text, date or time type, or make the filters name one shard.");
    } else if (is_text(column.sort) && !column.bytewise_collation) {
      refuse("column " + column.name + " (" + column.type + ") sorts by collation " + column.collation +
                 ", which cannot be merged",
             "ALTER TABLE " + qualified_name(table_) + " ALTER COLUMN " + quote_identifier(column.name) +
                 " TYPE " + column.type + " COLLATE \"C\"");
    }
    return {column.sort, false, false, column.enum_labels};
  }

  MergeKey path_key(const Field& field) {
    if (!field.path.back().as_text)
      refuse("a json value of column " + field.column + " has an order that cannot be merged",
             "Order by its text, with ->> as the last arrow.");
    else if (!bytewise_default_)
      refuse("text out of column " + field.column +
                 " sorts by the database's default collation, which cannot be merged",
             "Create the databases with LC_COLLATE 'C', or order by a column with COLLATE \"C\".");
    return {SortKind::text, false, false, {}};
  }

  /// The first reason stands.
  void refuse(const std::string& why, const std::string& works) {
    if (!plan_.not_mergeable) plan_.not_mergeable = cannot_merge(why, works);
  }

  const Table& table_;
  bool bytewise_default_;
  ExpressionWriter& writer_;
  ReadPlan& plan_;
};

// ---- Filters.

/// The keys of a list of values with their slots; nullopt where the slot of any is not sure.
std::optional<std::vector<std::pair<Slot, std::string>>> keys_with_slots(
    const std::vector<std::string>& values, const RoutedTable& routed) {
  std::vector<std::pair<Slot, std::string>> keys;
  for (const auto& value : values) {
    const auto canonical = canonical_key(routed.table(), routed.key(), value);
    if (!canonical) return std::nullopt;
    keys.emplace_back(slot_of(*canonical, routed.group()->slot_count), value);
  }
  return keys;
}

bool is_list_of_keys(const Filter& filter, const RoutedTable& routed) {
  const auto* condition = std::get_if<Condition>(&filter.node);
  return condition && routed.is_hashed() && condition->field.column == routed.key() &&
         (condition->op == Operator::in || condition->quantifier == Quantifier::any);
}

/// Plans the filters; the first list of keys among them is noted, to be cut to each shard's own.
Result<void> plan_filters(const std::vector<Filter>& filters, const RoutedTable& routed,
                          ExpressionWriter& writer, ReadPlan& plan) {
  for (const auto& filter : filters) {
    const std::size_t next_param = writer.params().size();
    const auto sql = writer.filter(filter);
    if (!sql) return sql.error();
    plan.where = and_also(std::move(plan.where), *sql);
    if (plan.key_list || !is_list_of_keys(filter, routed)) continue;
    if (const auto values = equal_values(std::get<Condition>(filter.node)))
      if (auto keys = keys_with_slots(*values, routed)) plan.key_list = {next_param, std::move(*keys)};
  }
  plan.filter_params = writer.params().size();
  return {};
}

std::string keys_in(const ReadPlan::KeyList& list, const SlotSet& slots) {
  std::vector<std::string> own;
  for (const auto& [slot, key] : list.keys)
    if (slots.contains(slot)) own.push_back(key);
  return array_literal(own);
}

// ---- Statements.

/// The first `count` parameters of the plan as the shard gets them, the epoch in front.
std::vector<std::optional<std::string>> params_for(const ReadPlan& plan, const ReadPlan::ForShard& shard,
                                                   std::size_t count) {
  invariant(shard.epoch.has_value() == !plan.group.empty(), "a sharded table is read under an epoch");
  std::vector<std::optional<std::string>> params;
  if (shard.epoch) params.push_back(std::to_string(shard.epoch->value));
  params.insert(params.end(), plan.params.begin(), plan.params.begin() + static_cast<std::ptrdiff_t>(count));
  if (plan.key_list && shard.slots)
    params[plan.key_list->param + (shard.epoch ? 1 : 0)] = keys_in(*plan.key_list, *shard.slots);
  return params;
}

std::string from_where(const std::string& from, const std::string& condition) {
  return " FROM " + from + (condition.empty() ? "" : " WHERE " + condition);
}

std::string from_where(const ReadPlan& plan, const ReadPlan::ForShard& shard) {
  std::string condition = shard.epoch ? "shardplex.check_epoch($1::bigint)" : "";
  condition = and_also(std::move(condition), plan.where);
  if (shard.only_owned) condition = and_also(std::move(condition), plan.owned);
  return from_where(plan.from, condition);
}

/// LIMIT and OFFSET for one shard: its own rows from the first on, unless it applies the offset itself.
void append_paging(Statement& statement, const ReadPlan& plan, const ReadPlan::ForShard& shard) {
  const auto add_param = [&](std::uint64_t value) {
    statement.params.push_back(std::to_string(std::min(value, largest_bigint)));
    return '$' + std::to_string(statement.params.size());
  };
  const bool own_offset = plan.offset_applied(shard);
  if (plan.limit) {
    std::uint64_t rows = own_offset ? *plan.limit : rows_up_to(plan.offset, *plan.limit);
    if (shard.at_most) rows = std::min(rows, *shard.at_most);
    // The total travels in the rows, so where there are rows one has to come.
    if (plan.counts) rows = std::max<std::uint64_t>(rows, 1);
    const bool literal = plan.offset == 0 && rows <= largest_literal_limit;
    statement.sql += " LIMIT " + (literal ? std::to_string(rows) : add_param(rows));
  }
  if (own_offset && plan.offset > 0) statement.sql += " OFFSET " + add_param(plan.offset);
}

}  // namespace

Statement ReadPlan::statement(const ForShard& shard) const {
  const std::string rows = from_where(*this, shard);
  Statement inner{"SELECT " + inner_columns + rows, params_for(*this, shard, params.size())};
  if (!order_by.empty()) inner.sql += " ORDER BY " + order_by;
  append_paging(inner, *this, shard);

  std::string sql = "SELECT row_to_json(r.*)::text";
  for (std::size_t key = 0; key < keys.size(); ++key) sql += ", q." + key_name(key);
  if (!enums_sql.empty()) sql += ", " + enums_sql;
  if (counts) sql += ", (SELECT count(*)" + rows + ')';
  sql += " FROM (" + inner.sql + ") q CROSS JOIN LATERAL (SELECT " + outer_columns + ") r";
  return {std::move(sql), std::move(inner.params)};
}

Statement ReadPlan::count_up_to(const ForShard& shard, std::uint64_t at_most) const {
  Statement out{"SELECT count(*) FROM (SELECT" + from_where(*this, shard),
                params_for(*this, shard, filter_params)};
  out.params.push_back(std::to_string(std::min(at_most, largest_bigint)));
  out.sql += " LIMIT $" + std::to_string(out.params.size()) + ") q";
  return out;
}

Result<ReadPlan> plan_read(const Query& query, const RoutedTable& routed, bool count_exact,
                           bool bytewise_default_collation) {
  const Table& table = routed.table();
  ReadPlan plan;
  plan.counts = count_exact;
  plan.offset = query.offset;
  plan.limit = query.limit;
  plan.from = aliased_name(table);
  if (const Group* group = routed.group()) {
    plan.group = group->name;
    plan.owned = owned_slots_sql(table, plan.group);
  }

  // Filters come first, so that a count can be asked with the leading parameters alone.
  ExpressionWriter writer(table, routed.group_id() ? 2 : 1);
  if (auto done = plan_filters(query.filters, routed, writer, plan); !done) return done.error();
  auto selection = writer.select(query.select);
  if (!selection) return selection.error();
  plan.inner_columns = std::move(selection->inner);
  plan.outer_columns = std::move(selection->outer);

  OrderPlanner order(table, bytewise_default_collation, writer, plan);
  for (const auto& term : query.order)
    if (auto done = order.add_term(term); !done) return done.error();
  order.add_primary_key(query.order);
  plan.params = std::move(writer).take_params();
  return plan;
}

}  // namespace shardplex
