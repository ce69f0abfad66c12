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
    MergeKey key = term.field.path.empty() ? column_key(column) : path_key(term.field);
    key.descending = term.descending;
    key.nulls_first = term.nulls_first.value_or(term.descending);
    add(*value, std::move(key));
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
      const std::string value = column_sql(table_, name) + (by_bytes ? " COLLATE \"C\"" : "");
      add(value, by_bytes ? MergeKey{column->sort, false, false, {}} : column_key(*column));
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

  MergeKey column_key(const Column& column) {
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
    const std::vector<std::string>& values, const Table& table, const TablePlacement& placement,
    const Group& group) {
  std::vector<std::pair<Slot, std::string>> keys;
  for (const auto& value : values) {
    const auto canonical = canonical_key(table, placement.key, value);
    if (!canonical) return std::nullopt;
    keys.emplace_back(slot_of(*canonical, group.slot_count), value);
  }
  return keys;
}

bool is_list_of_keys(const Filter& filter, const TablePlacement& placement, const ShardMap& map) {
  const auto* condition = std::get_if<Condition>(&filter.node);
  return condition && placement.group && !list_strategy(placement, map) &&
         condition->field.column == placement.key &&
         (condition->op == Operator::in || condition->quantifier == Quantifier::any);
}

/// Plans the filters; the first list of keys among them is noted, to be cut to each shard's own.
Result<void> plan_filters(const std::vector<Filter>& filters, const Table& table,
                          const TablePlacement& placement, const ShardMap& map, ExpressionWriter& writer,
                          ReadPlan& plan) {
  for (const auto& filter : filters) {
    const std::size_t next_param = writer.params().size();
    const auto sql = writer.filter(filter);
    if (!sql) return sql.error();
    plan.where = and_also(std::move(plan.where), *sql);
    if (plan.key_list || !is_list_of_keys(filter, placement, map)) continue;
    if (const auto values = equal_values(std::get<Condition>(filter.node)))
      if (auto keys = keys_with_slots(*values, table, placement, map.group(*placement.group)))
        plan.key_list = {next_param, std::move(*keys)};
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

// ---- Point reads.

/// The key a table's rows can be read by one at a time: its primary key, of one column, which under a group
/// also decides the slot. nullptr where there is none.
const Column* point_column(const Table& table, const TablePlacement& placement, const ShardMap& map) {
  if (table.primary_key.size() != 1 || list_strategy(placement, map)) return nullptr;
  if (placement.group && placement.key != table.primary_key.front()) return nullptr;
  const Column* column = table.find_column(table.primary_key.front());
  return column && column->deterministic_collation && key_type(*column) ? column : nullptr;
}

/// The array type of keys. bigint for all integers: an index on a smaller one serves it, and no key of a
/// batch is out of its range.
std::string_view array_type(KeyType type) {
  switch (type) {
    case KeyType::integer:
      return "bigint[]";
    case KeyType::text:
      return "text[]";
    case KeyType::uuid:
      return "uuid[]";
  }
  return "";
}

/// One row's value can make the statement fail, which in a batch would fail the rows of others.
bool can_fail(const SelectItem& item) {
  return !item.field.path.empty() || item.cast;
}

/// An integer that the key's column cannot hold is PostgreSQL's to refuse, not a row that is not there.
bool fits(const Column& key, const std::string& text) {
  if (key.type_name != "int2" && key.type_name != "int4") return true;
  const auto canonical = canonical_text(KeyType::integer, text);
  if (!canonical) return true;
  const auto value = std::stoll(*canonical);
  return key.type_name == "int4" ? value == static_cast<std::int32_t>(value)
                                 : value == static_cast<std::int16_t>(value);
}

/// One row needs no order, but a wrong one is still to be refused, which plan_read() does.
bool is_harmless(const OrderTerm& term, const Table& table) {
  const Column* column = table.find_column(term.field.column);
  return column && term.field.path.empty() && column->sort != SortKind::none;
}

}  // namespace

Statement ReadPlan::statement(const ForShard& shard) const {
  const std::string rows = from_where(*this, shard);
  Statement inner{"SELECT " + inner_columns + rows, params_for(*this, shard, params.size())};
  if (!order_by.empty()) inner.sql += " ORDER BY " + order_by;
  append_paging(inner, *this, shard);

  std::string sql = "SELECT row_to_json(r.*)::text";
  for (std::size_t key = 0; key < keys.size(); ++key) sql += ", q." + key_name(key);
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

Result<ReadPlan> plan_read(const Query& query, const Table& table, const TablePlacement& placement,
                           const ShardMap& map, bool count_exact, bool bytewise_default_collation) {
  ReadPlan plan;
  plan.counts = count_exact;
  plan.offset = query.offset;
  plan.limit = query.limit;
  plan.from = aliased_name(table);
  if (placement.group) {
    plan.group = map.group(*placement.group).name;
    plan.owned = owned_slots_sql(table, plan.group);
  }

  // Filters come first, so that a count can be asked with the leading parameters alone.
  ExpressionWriter writer(table, placement.group ? 2 : 1);
  if (auto done = plan_filters(query.filters, table, placement, map, writer, plan); !done)
    return done.error();
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

Result<PointShape> plan_point(const std::vector<SelectItem>& select, const Table& table,
                              const TablePlacement& placement, const ShardMap& map) {
  const Column* key = point_column(table, placement, map);
  invariant(key && std::ranges::none_of(select, can_fail), "a point read is one that point_key() accepts");
  PointShape shape;
  shape.key_type = *key_type(*key);

  ExpressionWriter writer(table, 1);
  const auto selection = writer.select(select);
  if (!selection) return selection.error();
  const std::string column = column_sql(table, key->name);
  std::string condition = placement.group ? "shardplex.check_epoch($1::bigint)" : "";
  condition = and_also(std::move(condition), column + " = ANY(" + (placement.group ? "$2" : "$1") +
                                                 "::" + std::string(array_type(shape.key_type)) + ')');
  const auto sql = [&](const std::string& where) {
    return "SELECT q.key, row_to_json(r.*)::text FROM (SELECT " + column + "::text AS key, " +
           selection->inner + from_where(aliased_name(table), where) + ") q CROSS JOIN LATERAL (SELECT " +
           selection->outer + ") r";
  };
  shape.sql = sql(condition);
  shape.only_owned_sql =
      placement.group ? sql(and_also(condition, owned_slots_sql(table, map.group(*placement.group).name)))
                      : shape.sql;
  return shape;
}

const std::string* point_key(const Query& query, const Table& table, const TablePlacement& placement,
                             const ShardMap& map) {
  const Column* key = point_column(table, placement, map);
  if (!key || query.filters.size() != 1 || query.offset != 0 || query.limit == 0u) return nullptr;
  if (std::ranges::any_of(query.select, can_fail)) return nullptr;
  if (!std::ranges::all_of(query.order, [&](const OrderTerm& term) { return is_harmless(term, table); }))
    return nullptr;
  const std::string* text = eq_value(query.filters, key->name);
  return text && fits(*key, *text) ? text : nullptr;
}

std::optional<std::string> canonical_text(KeyType type, std::string_view text) {
  const auto bytes = canonical_bytes(type, text);
  if (!bytes) return std::nullopt;
  std::string out(text);
  if (type == KeyType::integer) {
    std::int64_t value = 0;
    for (std::size_t i = bytes->size(); i > 0; --i)
      value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << 8 |
                                        static_cast<unsigned char>((*bytes)[i - 1]));
    return std::to_string(value);
  }
  if (type == KeyType::uuid)
    for (char& c : out)
      if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace shardplex
