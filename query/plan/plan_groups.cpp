#include "query/plan/plan_groups.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "query/plan/group_states.hpp"
#include "query/plan/grouping.hpp"
#include "query/plan/sql.hpp"
#include "query/resolve/ordered_item.hpp"

namespace shardplex {
namespace {

std::string numbered_name(char letter, std::size_t number) {
  return letter + std::to_string(number);
}

// ---- Groups of the rows that each of many keys finds.

void number_groups(ReadPlan& plan) {
  plan.key_columns.push_back(plan.enums_column());
  plan.own_keys.emplace_back("ord");
  plan.keys.push_back({SortKind::int4, false, false, {}});
  plan.offset = 0;
  plan.limit.reset();
}

// ---- Groups that are on one shard whole.

bool keeps_groups_whole(const Grouping& grouping, const ResolvedNode& tree, const RoutedTable& routed) {
  return std::ranges::all_of(routed.routing_columns(), [&](const std::string& name) {
    return std::ranges::any_of(grouping.keys, [&](const GroupKey& key) {
      return key.node == &tree && key.column() && key.column()->name == name;
    });
  });
}

/// nullopt where the router cannot merge by the key as PostgreSQL orders it.
std::optional<MergeKey> merge_key(const GroupKey& key, bool bytewise_default_collation) {
  const Column* column = key.column();
  const SortKind kind = column ? column->sort : sort_kind(key.type);
  if (kind == SortKind::none || kind == SortKind::enumeration) return std::nullopt;
  const bool is_default = column == nullptr && key.type.collate.empty();
  const bool bytewise = is_default ? bytewise_default_collation : column && column->bytewise_collation;
  if (sorts_by_collation(kind) && !bytewise) return std::nullopt;
  return MergeKey{kind, false, false, {}};
}

std::optional<std::vector<MergeKey>> merge_keys(const Grouping& grouping,
                                                const std::vector<GroupOrder>& order,
                                                bool bytewise_default_collation) {
  std::vector<MergeKey> keys;
  for (const auto& term : order) {
    auto key = merge_key(grouping.keys[term.key], bytewise_default_collation);
    if (!key) return std::nullopt;
    key->descending = term.descending;
    key->nulls_first = term.nulls_first;
    keys.push_back(std::move(*key));
  }
  return keys;
}

void plan_merge(std::vector<MergeKey> keys, const std::vector<GroupOrder>& order, ReadPlan& plan) {
  for (const auto& term : order) {
    plan.key_columns.push_back(plan.enums_column());
    plan.own_keys.push_back(numbered_name('k', plan.own_keys.size()));
    add_item(plan.groups->columns, "p." + numbered_name('g', term.key) + " AS " + plan.own_keys.back());
  }
  plan.keys = std::move(keys);
}

/// How the shards are asked together where more than one has to be.
Result<void> plan_shards(const Grouping& grouping, const std::vector<GroupOrder>& order,
                         const ResolvedNode& tree, const RoutedTable& routed, bool bytewise_default_collation,
                         ReadPlan& plan) {
  if (!routed.group()) return {};
  if (keeps_groups_whole(grouping, tree, routed)) {
    if (auto keys = merge_keys(grouping, order, bytewise_default_collation)) {
      plan_merge(std::move(*keys), order, plan);
      return {};
    }
  }
  plan_states(grouping, tree, plan);
  return {};
}

}  // namespace

Result<void> plan_groups(const ResolvedNode& tree, const RowShape& shape, const RoutedTable& routed,
                         const NodeRules& rules, ExpressionWriter& writer, EmbedWriter& embeds,
                         const EmbedWriter::Column& row, ReadPlan& plan) {
  const auto embedded = embeds.members(tree, row);
  if (!embedded) return embedded.error();
  plan.from += embedded->joins;
  auto grouping = group(tree, shape, writer, embedded->members);
  if (!grouping) return grouping.error();
  grouping->numbered = rules.numbered;
  const auto order = order_groups(tree, *grouping, [&](const OrderTerm& term) -> Result<std::string> {
    if (!term.embed) return writer.field(term.field);
    const auto& embed = tree.resolved(*tree.asked->find_embed(*term.embed));
    const auto item = ordered_item(embed, term.field);
    if (!item) return item.error();
    return embeds.value_of(embed, *item, row);
  });
  if (!order) return order.error();

  plan.inner_columns = grouping->inner_columns();
  auto& groups = plan.groups.emplace();
  groups.by = grouping->group_by();
  groups.one = grouping->keys.empty();
  if (grouping->numbered) groups.columns = "p.ord AS ord";
  for (std::size_t i = 0; i < grouping->members.size(); ++i) {
    const auto& member = grouping->members[i];
    const std::string name = numbered_name('c', i);
    add_item(groups.columns, grouping->value(member) + " AS " + name);
    add_item(plan.values, plan.row.sql({}, "q." + name));
    plan.row.add(member.name, {});
  }
  plan.order_by = grouping->order_by(*order);
  if (!grouping->numbered)
    return plan_shards(*grouping, *order, tree, routed, rules.bytewise_default_collation, plan);
  number_groups(plan);
  plan_states(*grouping, tree, plan);
  return {};
}

}  // namespace shardplex
