#include <algorithm>
#include <limits>
#include <utility>

#include "query/plan/embed_obstacles.hpp"
#include "query/plan/embed_writer.hpp"
#include "query/plan/expression.hpp"
#include "query/plan/key_filter.hpp"
#include "query/plan/locality.hpp"
#include "query/plan/lookup.hpp"
#include "query/plan/member_planner.hpp"
#include "query/plan/not_planned.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/plan_groups.hpp"
#include "query/plan/row_conditions.hpp"
#include "query/resolve/ordered_item.hpp"
#include "query/resolve/row_shape.hpp"
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
  /// `columns`: Selection::columns of the plan's row.
  OrderPlanner(const Table& table, bool bytewise_default_collation, ExpressionWriter& writer, ReadPlan& plan,
               std::vector<std::string> columns)
      : table_(table),
        bytewise_default_(bytewise_default_collation),
        writer_(writer),
        plan_(plan),
        columns_(std::move(columns)) {}

  Result<void> add_term(const OrderTerm& term) {
    const auto value = writer_.field(term.field);
    if (!value) return value.error();
    const Column& column = *table_.find_column(term.field.column);
    const bool is_column = term.field.path.empty();
    MergeKey key = is_column ? column_key(table_, column) : path_key(term.field);
    key.descending = term.descending;
    key.nulls_first = term.nulls_first.value_or(term.descending);
    add(is_column ? ordered_sql(column) : *value, std::move(key), is_column ? &column : nullptr);
    return {};
  }

  /// A term that is a value of the one row which `embed` is to; `row` as EmbedWriter takes it.
  Result<void> add_term_of(const ResolvedEmbed& embed, const OrderTerm& term, EmbedWriter& embeds,
                           const EmbedWriter::Column& row) {
    const Table& table = *embed.node.table;
    const auto item = ordered_item(embed, term.field);
    if (!item) return item.error();
    const auto found = require_column(table, item->field.column);
    if (!found) return found.error();
    const bool is_column = item->field.path.empty() && !item->cast;
    const auto value = embeds.value_of(embed, *item, row, is_column ? collation_sql(**found) : "");
    if (!value) return value.error();
    MergeKey key = is_column    ? column_key(table, **found)
                   : item->cast ? cast_key(*item)
                                : path_key(item->field);
    key.descending = term.descending;
    key.nulls_first = term.nulls_first.value_or(term.descending);
    add(*value, std::move(key), nullptr);
    return {};
  }

  /// The number of the key that a row is looked up by, which the statement has from the keys.
  void add_number() {
    plan_.key_columns.push_back(plan_.enums_column());
    plan_.own_keys.emplace_back("ord");
    plan_.keys.push_back({SortKind::int4, false, false, {}});
  }

  /// Breaks ties by the primary key, so that every answer has one order. Where the key's own collation is not
  /// bytewise its bytes decide instead: any fixed order of ties will do, and this one can be merged.
  void add_primary_key(const std::vector<OrderTerm>& terms) {
    for (const auto& name : table_.primary_key) {
      const auto is_plain_term = [&](const OrderTerm& term) {
        return !term.embed && term.field == Field{name, {}};
      };
      if (std::ranges::any_of(terms, is_plain_term)) continue;
      const Column* column = table_.find_column(name);
      invariant(column != nullptr, "a primary key is made of the table's columns");
      const bool by_bytes = is_text(column->sort) && !column->bytewise_collation;
      if (by_bytes)
        add(column_sql(table_, name) + " COLLATE \"C\"", MergeKey{column->sort, false, false, {}}, column);
      else
        add(ordered_sql(*column), column_key(table_, *column), column);
    }
  }

 private:
  /// `column`: the one whose value it is; nullptr where it is made of one. Where that is sent as it is for
  /// the row's sake, it is not sent again.
  void add(const std::string& value, MergeKey key, const Column* column) {
    const auto sent = column ? sent_for_row(*column) : std::nullopt;
    plan_.key_columns.push_back(sent.value_or(plan_.enums_column()));
    if (!sent) plan_.own_keys.push_back(key_name(plan_.keys.size()));
    if (!sent)
      plan_.inner_columns +=
          (plan_.inner_columns.empty() ? "" : ", ") + value + " AS " + plan_.own_keys.back();
    plan_.order_by += (plan_.order_by.empty() ? "" : ", ") + (sent ? value : plan_.own_keys.back()) +
                      (key.descending ? " DESC" : " ASC") +
                      (key.nulls_first ? " NULLS FIRST" : " NULLS LAST");
    plan_.keys.push_back(std::move(key));
  }

  std::optional<std::size_t> sent_for_row(const Column& column) const {
    // The row's columns come before what is embedded in it.
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i] == column.name && plan_.row.is_sent_as_it_is(i)) return i;
    return std::nullopt;
  }

  /// The column, and of text by which collation it is planned to sort: its own, so that an index on it
  /// serves, and no other that somebody may give it meanwhile.
  std::string ordered_sql(const Column& column) const {
    return column_sql(table_, column.name) + collation_sql(column);
  }
  static std::string collation_sql(const Column& column) {
    if (!is_text(column.sort) || !column.bytewise_collation || column.collation_sql.empty()) return "";
    return " COLLATE " + column.collation_sql;
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

  MergeKey column_key(const Table& table, const Column& column) {
    if (column.sort == SortKind::enumeration) check_enum(column);
    if (column.sort == SortKind::none) {
      refuse("column " + column.name + " is of type " + column.type + ", whose order cannot be merged",
             "Order by a column of a number, text, date or time type, or make the filters name one shard.");
    } else if (is_text(column.sort) && !column.bytewise_collation) {
      refuse("column " + column.name + " (" + column.type + ") sorts by collation " + column.collation +
                 ", which cannot be merged",
             "ALTER TABLE " + qualified_name(table) + " ALTER COLUMN " + quote_identifier(column.name) +
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

  MergeKey cast_key(const SelectItem& item) {
    refuse("the order of " + item.field.column + " as " + *item.cast + " cannot be merged",
           "Order by the column without its cast, or make the filters name one shard.");
    return {SortKind::none, false, false, {}};
  }

  /// The first reason stands.
  void refuse(const std::string& why, const std::string& works) {
    if (!plan_.not_mergeable) plan_.not_mergeable = cannot_merge(why, works);
  }

  const Table& table_;
  bool bytewise_default_;
  ExpressionWriter& writer_;
  ReadPlan& plan_;
  std::vector<std::string> columns_;
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
  return {};
}

std::string keys_in(const ReadPlan::KeyList& list, const SlotSet& slots) {
  std::vector<std::string> own;
  for (const auto& [slot, key] : list.keys)
    if (slots.contains(slot)) own.push_back(key);
  return array_literal(own);
}

// ---- Embeds.

/// The embeds of a node that its shards cannot make by themselves.
std::vector<const ResolvedEmbed*> looked_up_embeds(const ResolvedNode& tree, const ShardMap& map) {
  std::vector<const ResolvedEmbed*> out;
  for (const auto& embed : tree.embeds)
    if (!is_wholly_local(embed, map)) out.push_back(&embed);
  return out;
}

/// True where a shard may refuse a statement that asks for the node, whatever rows there are: for values,
/// types, operators or orders that do not suit the columns.
bool can_be_at_fault(const ResolvedNode& node, const ShardMap& map) {
  const ReadNode& asked = *node.asked;
  const auto has_no_order = [&](const OrderTerm& term) {
    const Column* column = term.embed ? nullptr : node.table->find_column(term.field.column);
    return column == nullptr || !term.field.path.empty() || column->sort == SortKind::none;
  };
  const auto is_computed = [](const SelectItem& item) {
    return item.cast || item.aggregate || !item.field.path.empty();
  };
  return !asked.filters.empty() || std::ranges::any_of(asked.order, has_no_order) ||
         std::ranges::any_of(asked.select, is_computed) ||
         std::ranges::any_of(node.embeds, [&](const ResolvedEmbed& embed) {
           return is_wholly_local(embed, map) && can_be_at_fault(embed.node, map);
         });
}

/// What of the rows is shown, which of them are kept, and their order.
Result<void> plan_rows(const ResolvedNode& tree, const NodeRules& rules,
                       const std::vector<const ResolvedEmbed*>& looked_up, const RowConditions& conditions,
                       ExpressionWriter& writer, EmbedWriter& embeds, const EmbedWriter::Column& column,
                       NodeRead& read) {
  const ReadNode& asked = *tree.asked;
  ReadPlan& plan = read.scan;
  Result<Selection> selection = Selection{};
  const bool all_columns = rules.rows == NodeRules::Rows::root && asked.embeds.empty();
  if (!asked.select.empty() || all_columns)
    selection = writer.select(asked.select, std::move(plan.row));
  else
    selection->row = std::move(plan.row);
  if (!selection) return selection.error();
  plan.inner_columns = std::move(selection->inner);
  plan.values = std::move(selection->values);
  plan.row = std::move(selection->row);
  MemberPlanner members(tree, looked_up, selection->json_already, read);
  if (auto done = members.add_keys(); !done) return done.error();
  if (auto done = members.add_embeds(embeds); !done) return done.error();
  std::vector<std::string> known;
  auto keep = conditions.keep(asked.filters, plan.related.size(), known);
  if (!keep) return keep.error();
  members.add_conditions(known);
  read.join.keep = std::move(*keep);
  plan.page_later = read.join.leaves_out();
  read.join.counts = std::exchange(plan.counts, rules.counts && !plan.page_later) && plan.page_later;

  OrderPlanner order(*tree.table, rules.bytewise_default_collation, writer, plan,
                     std::move(selection->columns));
  if (rules.numbered) order.add_number();
  for (const auto& term : asked.order) {
    if (term.embed) {
      const auto& embed = tree.resolved(*asked.find_embed(*term.embed));
      if (std::ranges::find(looked_up, &embed) != looked_up.end()) return not_local(embed);
      if (auto done = order.add_term_of(embed, term, embeds, column); !done) return done.error();
    } else if (auto done = order.add_term(term); !done) {
      return done.error();
    }
  }
  order.add_primary_key(asked.order);
  return {};
}

Error groups_beside_other_shards() {
  return {"SHARD400", "This request cannot be answered exactly",
          "Aggregates are asked for together with rows that can be on other shards",
          "Shard the tables by the columns that relate them, in one group, make one of them a reference "
          "table, or ask for the aggregates in a request of their own.",
          std::nullopt};
}

/// Whether it has to be told what its rows look like before they are planned: there may be groups among them,
/// or embeds that cannot be shown.
bool is_shaped(const ReadNode& query) {
  return !query.embeds.empty() || std::ranges::any_of(query.select, [](const SelectItem& item) {
    return item.aggregate || item.field.column == "count";
  });
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

/// SELECT of the plan's rows, or of the groups of them, without order.
std::string select_rows(const ReadPlan& plan, const std::string& rows) {
  const std::string select = "SELECT " + plan.inner_columns + rows;
  if (!plan.groups) return select;
  return "SELECT " + plan.groups->columns + " FROM (" + select + ") p" + plan.groups->by;
}

/// SELECT of the matching rows, for their number alone. What groups would be made of stays in it, since a
/// parameter that stands nowhere has no type.
std::string select_ungrouped(const ReadPlan& plan, const std::string& rows) {
  return plan.groups ? "SELECT " + plan.inner_columns + rows : "SELECT" + rows;
}

std::vector<std::optional<std::string>> params_of_ungrouped(const ReadPlan& plan,
                                                            const ReadPlan::ForShard& shard) {
  return params_for(plan, shard, plan.groups ? plan.params.size() : plan.filter_params);
}

/// How many rows `select` gives, but at most so many.
Statement counted(const std::string& select, std::vector<std::optional<std::string>> params,
                  std::uint64_t at_most) {
  params.push_back(std::to_string(std::min(at_most, largest_bigint)));
  std::string sql = "SELECT count(*) FROM (" + select + " LIMIT $" + std::to_string(params.size()) + ") q";
  return {std::move(sql), std::move(params)};
}

}  // namespace

Statement ReadPlan::matching(const ForShard& shard) const {
  return {from_where(*this, shard), params_for(*this, shard, params.size())};
}

void ReadPlan::append_page(Statement& statement, const ForShard& shard) const {
  const auto add_param = [&](std::uint64_t value) {
    statement.params.push_back(std::to_string(std::min(value, largest_bigint)));
    return '$' + std::to_string(statement.params.size());
  };
  const bool own_offset = offset_applied(shard);
  if (page_later) {
    if (shard.at_most) statement.sql += " LIMIT " + add_param(*shard.at_most);
    return;
  }
  if (limit) {
    std::uint64_t rows = own_offset ? *limit : rows_up_to(offset, *limit);
    if (shard.at_most) rows = std::min(rows, *shard.at_most);
    // The total travels in the rows, so where there are rows one has to come.
    if (counts) rows = std::max<std::uint64_t>(rows, 1);
    const bool literal = offset == 0 && rows <= largest_literal_limit;
    statement.sql += " LIMIT " + (literal ? std::to_string(rows) : add_param(rows));
  }
  if (own_offset && offset > 0) statement.sql += " OFFSET " + add_param(offset);
}

Statement ReadPlan::statement(const ForShard& shard) const {
  Statement inner = matching(shard);
  const std::string rows = std::move(inner.sql);
  inner.sql = select_rows(*this, rows);
  if (!order_by.empty()) inner.sql += " ORDER BY " + order_by;
  append_page(inner, shard);

  std::string columns = columns_sql();
  if (counts) add_item(columns, "(SELECT count(*)" + rows + ')');
  return {"SELECT " + columns + " FROM (" + inner.sql + ") q" + joins, std::move(inner.params)};
}

std::string ReadPlan::columns_sql() const {
  std::string columns = values;
  for (const auto& key : own_keys) add_item(columns, "q." + key);
  if (!enums_sql.empty()) add_item(columns, enums_sql);
  for (const auto& value : related) add_item(columns, value);
  return columns;
}

Statement ReadPlan::count_up_to(const ForShard& shard, std::uint64_t at_most) const {
  const std::string rows = from_where(*this, shard);
  return counted(groups ? select_rows(*this, rows) : select_ungrouped(*this, rows),
                 params_of_ungrouped(*this, shard), at_most);
}

Statement ReadPlan::count_matching_up_to(const ForShard& shard, std::uint64_t at_most) const {
  return counted(select_ungrouped(*this, from_where(*this, shard)), params_of_ungrouped(*this, shard),
                 at_most);
}

Statement ReadPlan::explain_matching(const ForShard& shard) const {
  // A parameter that stands nowhere has no type.
  const std::string rows = from_where(from, and_also(shard.epoch ? "$1::bigint IS NOT NULL" : "", where));
  return {"EXPLAIN (FORMAT JSON) " + select_ungrouped(*this, rows), params_of_ungrouped(*this, shard)};
}

Result<ReadPlan> plan_read(const Query& query, const RoutedTable& routed, bool count_exact,
                           bool bytewise_default_collation, RowFormat format) {
  if (auto refusal = not_planned(query)) return *std::move(refusal);
  return plan_read(ResolvedNode{&query, &routed.table(), {}}, routed, count_exact, bytewise_default_collation,
                   format);
}

Result<ReadPlan> plan_read(const ResolvedNode& tree, const RoutedTable& routed, bool count_exact,
                           bool bytewise_default_collation, RowFormat format) {
  if (auto local = require_local(tree, routed.map()); !local) return local.error();
  auto read = plan_root(tree, routed, count_exact, bytewise_default_collation, format);
  if (!read) return read.error();
  return std::move(read->scan);
}

Result<NodeRead> plan_root(const ResolvedNode& tree, const RoutedTable& routed, bool count_exact,
                           bool bytewise_default_collation, RowFormat format) {
  if (auto agreed = require_agreed(tree); !agreed) return agreed.error();
  NodeRules rules;
  rules.under_epoch = routed.group_id().has_value();
  rules.counts = count_exact;
  rules.bytewise_default_collation = bytewise_default_collation;
  rules.format = format;
  return plan_node(tree, routed, rules);
}

Result<NodeRead> plan_node(const ResolvedNode& tree, const RoutedTable& routed, const NodeRules& rules) {
  const ReadNode& asked = *tree.asked;
  Result<RowShape> shape = RowShape{};
  if (is_shaped(asked)) shape = row_shape(tree);
  if (!shape) return shape.error();
  const Table& table = routed.table();
  const auto looked_up = looked_up_embeds(tree, routed.map());
  if (shape->grouped && (!looked_up.empty() || rules.numbered)) return groups_beside_other_shards();
  NodeRead read;
  ReadPlan& plan = read.scan;
  plan.row = rules.rows == NodeRules::Rows::spread ? RowText::of_values() : RowText(rules.format);
  plan.counts = rules.counts;
  plan.offset = asked.offset;
  plan.limit = asked.limit;
  plan.from = aliased_name(table);
  if (const Group* group = routed.group()) {
    plan.group = group->name;
    plan.owned = owned_slots_sql(table, plan.group);
  }

  // Filters come first, so that a count can be asked with the leading parameters alone.
  ExpressionWriter writer(table, rules.under_epoch ? 2 : 1);
  EmbedWriter embeds(writer);
  const EmbedWriter::Column column = [&](const std::string& name) { return column_sql(table, name); };
  writer.when_about_embed([&](const Condition& condition) -> std::optional<Result<std::string>> {
    const Embed* embed = asked.embed_of(condition);
    if (embed == nullptr) return std::nullopt;
    return embeds.presence(tree.resolved(*embed), asks_for_rows(condition), column);
  });
  const RowConditions conditions(tree, looked_up, writer);
  std::vector<Filter> filters = asked.filters;
  std::erase_if(filters, [&](const Filter& filter) { return conditions.concerns(filter); });
  if (auto done = plan_filters(filters, routed, writer, plan); !done) return done.error();
  for (const auto& embed : tree.embeds) {
    if (!embed.asked->inner || std::ranges::find(looked_up, &embed) != looked_up.end()) continue;
    const auto inner = embeds.presence(embed, true, column);
    if (!inner) return inner.error();
    plan.where = and_also(std::move(plan.where), *inner);
  }
  plan.filter_params = writer.params().size();

  for (const auto* embed : looked_up) {
    auto lookup = plan_lookup(*embed, routed, rules.bytewise_default_collation);
    if (!lookup) return lookup.error();
    read.lookups.push_back(std::move(*lookup));
  }

  const auto done =
      shape->grouped
          ? plan_groups(tree, *shape, routed, rules.bytewise_default_collation, writer, embeds, column, plan)
          : plan_rows(tree, rules, looked_up, conditions, writer, embeds, column, read);
  if (!done) return done.error();
  plan.params = std::move(writer).take_params();
  read.can_be_at_fault = can_be_at_fault(tree, routed.map());
  return read;
}

}  // namespace shardplex
