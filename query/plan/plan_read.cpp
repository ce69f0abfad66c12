#include <algorithm>
#include <utility>

#include "query/plan/call_source.hpp"
#include "query/plan/call_sql.hpp"
#include "query/plan/cursor_page.hpp"
#include "query/plan/embed_obstacles.hpp"
#include "query/plan/embed_writer.hpp"
#include "query/plan/expression.hpp"
#include "query/plan/feature_rows.hpp"
#include "query/plan/key_filter.hpp"
#include "query/plan/locality.hpp"
#include "query/plan/lookup.hpp"
#include "query/plan/member_planner.hpp"
#include "query/plan/not_planned.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/plan_groups.hpp"
#include "query/plan/read_order.hpp"
#include "query/plan/row_conditions.hpp"
#include "query/plan/sort_planner.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"
#include "query/resolve/row_shape.hpp"

namespace shardplex {
namespace {

/// The keys of a list of values with their slots; nullopt where the slot of any is not sure. Precondition: a
/// key is one column.
std::optional<std::vector<std::pair<Slot, std::string>>> keys_with_slots(
    const std::vector<std::string>& values, const RoutedTable& routed) {
  std::vector<std::pair<Slot, std::string>> keys;
  for (const auto& value : values) {
    const auto canonical = canonical_key(routed.table(), routed.key().one(), value);
    if (!canonical) return std::nullopt;
    keys.emplace_back(slot_of(*canonical, routed.group()->slot_count), value);
  }
  return keys;
}

bool is_list_of_keys(const Filter& filter, const RoutedTable& routed) {
  const auto* condition = std::get_if<Condition>(&filter.node);
  return condition && routed.is_hashed() && routed.key().is(condition->field.column) &&
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

/// True where a shard may refuse a statement that asks for the node, whatever rows there are: for values,
/// types, operators or orders that do not suit the columns.
bool can_be_at_fault(const ResolvedNode& node, const ShardMap& map) {
  const ReadNode& asked = *node.asked;
  const auto has_no_order = [&](const OrderTerm& term) {
    const Column* column = term.embed ? nullptr : node.table->find_column(term.field.column);
    return column == nullptr || !term.field.path.empty() || column->sort == SortKind::none;
  };
  const auto is_worked_out = [&](const SelectItem& item) {
    return item.cast || item.aggregate || !item.field.path.empty() ||
           node.table->find_computed(item.field.column);
  };
  return !asked.filters.empty() || std::ranges::any_of(asked.order, has_no_order) ||
         std::ranges::any_of(node.table->columns, is_shown_as_json) ||
         std::ranges::any_of(asked.select, is_worked_out) ||
         std::ranges::any_of(node.embeds, [&](const ResolvedEmbed& embed) {
           return is_wholly_local(embed, map) &&
                  (embed.relation->function || can_be_at_fault(embed.node, map));
         });
}

Error not_sorted(const ResolvedEmbed& embed) {
  return {"SHARD400", "This request cannot be answered exactly",
          "Rows of " + embed.relation->table + " that are looked up are ordered by rows of " +
              embed.relation->foreign_table + " that can be on other shards",
          "Order them by columns of their own.", std::nullopt};
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
  const bool is_sorted_later =
      std::ranges::any_of(read.lookups, [](const Lookup& lookup) { return lookup.sort_keys > 0; });
  plan.page_later = read.join.leaves_out() || is_sorted_later;
  read.join.counts = std::exchange(plan.counts, rules.counts && !plan.page_later) && plan.page_later;

  OrderPlanner order(*tree.table, rules.bytewise_default_collation, writer, plan,
                     std::move(selection->columns), rules.page);
  if (rules.numbered) order.add_number();
  SortPlanner sort(read);
  for (const auto& term : asked.order) {
    if (rules.page)
      if (auto refusal = check_page_term(term, *tree.table)) return *std::move(refusal);
    if (term.embed) {
      const auto& embed = tree.resolved(*asked.find_embed(*term.embed));
      if (const auto found = std::ranges::find(looked_up, &embed); found != looked_up.end()) {
        if (!rules.sorts_later) return not_sorted(embed);
        sort.add_own();
        sort.add_looked_up(static_cast<std::size_t>(found - looked_up.begin()), term);
        continue;
      }
      if (auto done = order.add_term_of(embed, term, embeds, column); !done) return done.error();
    } else if (auto done = order.add_term(term); !done) {
      return done.error();
    }
  }
  if (rules.call == nullptr || !rules.call->keeps_order) order.add_primary_key(asked.order);
  sort.add_own();
  read.sort = sort.plan();
  for (const auto& item : rules.sorted_by)
    if (auto done = order.add_shown(item); !done) return done.error();
  // No shard alone can tell the order.
  if ((read.sort || !rules.sorted_by.empty()) && plan.not_mergeable) return *plan.not_mergeable;
  if (!rules.page) return {};
  return plan_page(*rules.page, *tree.table, order.page_keys(), writer, read);
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

/// The rows of a call, which are only there once, however often they are read: counted, for example.
void read_from_call(const CallSource& call, const Table& table, ExpressionWriter& writer, ReadPlan& plan) {
  const auto rows = quote_identifier(called_rows);
  plan.with = "WITH " + rows + " AS (" + call_sql(*call.function, *call.arguments, writer) + ") ";
  plan.from = rows + " AS " + quote_identifier(table.name);
  if (!call.group.empty()) plan.group = call.group;
  plan.read_only = call.read_only;
  plan.bounds = call.bounds;
  if (!call.keeps_order && !table.is_view())
    plan.where = has_slot_sql(table, "the function " + call.function->name);
  if (!call.keeps_order || plan.owned.empty()) return;
  // The rows are of one key, and its slot is owned. Where one row is given and none found, it is all nulls.
  plan.owned = '(' + column_sql(table, slot_column) + " IS NULL OR " + plan.owned + ')';
  plan.where = table.kind == TableKind::materialized_view ? plan.owned : "";
}

}  // namespace

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
                           bool bytewise_default_collation, RowFormat format, const CursorPage* page,
                           const CallSource* call) {
  if (auto agreed = require_agreed(tree); !agreed) return agreed.error();
  NodeRules rules;
  rules.under_epoch = routed.group_id().has_value() || (call && !call->group.empty());
  rules.counts = count_exact;
  rules.bytewise_default_collation = bytewise_default_collation;
  rules.format = format;
  rules.page = page;
  rules.call = call;
  return plan_node(tree, routed, rules);
}

Result<NodeRead> plan_node(const ResolvedNode& tree, const RoutedTable& routed, const NodeRules& rules) {
  const ReadNode& asked = *tree.asked;
  Result<RowShape> shape = RowShape{};
  if (is_shaped(asked)) shape = row_shape(tree);
  if (!shape) return shape.error();
  const Table& table = routed.table();
  const auto looked_up = looked_up_embeds(tree, routed.map());
  if (shape->grouped && rules.page)
    return cursor_refused("Groups of rows have no place in the order of a table's rows",
                          "Use limit and offset.");
  if (shape->grouped && is_feature(rules.format)) return groups_not_features();
  const bool is_spread = rules.rows == NodeRules::Rows::spread;
  if (shape->grouped && (!looked_up.empty() || is_spread || !rules.sorted_by.empty()))
    return groups_beside_other_shards();
  NodeRead read;
  ReadPlan& plan = read.scan;
  plan.row = is_spread ? RowText::of_values() : RowText(rules.format);
  plan.counts = rules.counts;
  plan.offset = asked.offset;
  plan.limit = asked.limit;
  plan.from = aliased_name(table);
  if (const Group* group = routed.group()) {
    plan.group = group->name;
    plan.owned = owned_slots_sql(table, plan.group);
    plan.where = view_rows_sql(table, plan.group);
  }

  // Filters come first, so that a count can be asked with the leading parameters alone.
  ExpressionWriter writer(table, rules.under_epoch ? 2 : 1);
  if (rules.call != nullptr) read_from_call(*rules.call, table, writer, plan);
  EmbedWriter embeds(writer);
  const EmbedWriter::Column column = [&](const std::string& name) { return row_part_sql(table, name); };
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
    Result<std::vector<SelectItem>> sorted_by = std::vector<SelectItem>();
    if (rules.sorts_later) sorted_by = ordered_items(tree, *embed);
    if (!sorted_by) return sorted_by.error();
    auto lookup = plan_lookup(*embed, routed, rules.bytewise_default_collation, *sorted_by);
    if (!lookup) return lookup.error();
    read.lookups.push_back(std::move(*lookup));
  }

  const auto done = shape->grouped
                        ? plan_groups(tree, *shape, routed, rules, writer, embeds, column, plan)
                        : plan_rows(tree, rules, looked_up, conditions, writer, embeds, column, read);
  if (!done) return done.error();
  if (shape->grouped)
    for (const auto& field : plan.row.fields()) read.members.push_back({field.name, false});
  plan.params = std::move(writer).take_params();
  read.can_be_at_fault = can_be_at_fault(tree, routed.map());
  return read;
}

}  // namespace shardplex
