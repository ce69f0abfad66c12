// The order of groups.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "query/plan/cast_type.hpp"
#include "query/plan/grouping.hpp"
#include "query/plan/sql.hpp"
#include "query/resolve/ordered_item.hpp"

namespace shardplex {
namespace {

/// The place may differ between equal values of the column, and who finishes groups has no such values.
Error place_in_key(const Field& field) {
  return cannot_merge(
      "Groups are ordered by a place inside " + field.column + ", of which they have the whole",
      "Select the place itself, so that it is grouped by too.");
}

/// Where each of the primary key's columns is among the keys; nullopt where not all are. Groups are of one
/// row each then.
std::optional<std::vector<std::size_t>> primary_key_among(const Grouping& grouping,
                                                          const ResolvedNode& node) {
  std::vector<std::size_t> keys;
  for (const auto& column : node.table->primary_key) {
    const auto key = grouping.find_key(node, {column, {}});
    if (!key) return std::nullopt;
    keys.push_back(*key);
  }
  return keys.empty() ? std::nullopt : std::optional(std::move(keys));
}

/// What groups are ordered by: an item of `of`.
struct OrderedBy {
  const ResolvedNode* of;
  SelectItem item;
  bool is_shown;  ///< a spread shows it, so it is grouped by
};

Result<OrderedBy> ordered_by(const ResolvedNode& node, const OrderTerm& term) {
  if (!term.embed) return OrderedBy{&node, {false, term.field, std::nullopt, std::nullopt}, false};
  const auto& embed = node.resolved(*node.asked->find_embed(*term.embed));
  auto item = ordered_item(embed, term.field);
  if (!item) return item.error();
  return OrderedBy{&embed.node, std::move(*item), embed.asked->spread};
}

bool has_order(const ValueType& type) {
  if (type.name == "jsonb") return true;
  if (type.name.starts_with('_'))
    return sort_kind(std::string_view(type.name).substr(1), false) != SortKind::none;
  return sort_kind(type) != SortKind::none;
}

bool has_order(const GroupKey& key) {
  return has_order(key.type) || (key.column() && key.column()->sort != SortKind::none);
}

}  // namespace

Result<std::string> key_sql(const Grouping& grouping, const ResolvedNode& node, const SelectItem& item) {
  if (const auto key = grouping.find_key(node, item.field, item.cast))
    return sql_text("p.g" + std::to_string(*key));
  const auto key = grouping.find_key(node, item.field);
  if (!key) return place_in_key(item.field);
  const auto type = cast_type_sql(*item.cast);
  if (!type) return type.error();
  return sql_text("CAST(p.g" + std::to_string(*key) + " AS " + *type + ')');
}

Result<std::vector<GroupOrder>> order_groups(const ResolvedNode& node, Grouping& grouping,
                                             const OrderValue& value) {
  std::vector<GroupOrder> order;
  const std::size_t asked_keys = grouping.keys.size();
  const auto primary_key = primary_key_among(grouping, node);
  for (const auto& term : node.asked->order) {
    const auto ordered = ordered_by(node, term);
    if (!ordered) return ordered.error();
    const auto& [of, item, is_shown] = *ordered;
    auto key = grouping.find_key(*of, item.field, item.cast);
    if (!key) {
      const auto sql = value(term);
      if (!sql) return sql.error();
      const bool is_place =
          !item.field.path.empty() && (is_shown || grouping.find_key(*of, {item.field.column, {}}));
      if (!primary_key && is_place) return place_in_key(item.field);
      if (!primary_key) return not_grouped_by(of->table->name, item.field.column);
      auto type = type_of(*of->table, item.field, item.cast);
      if (!type) return type.error();
      key = grouping.keys.size();
      grouping.keys.push_back({*sql, std::move(*type), of, item.field, item.cast});
    }
    order.push_back({*key, term.descending, term.nulls_first.value_or(term.descending)});
  }
  const auto add_once = [&](std::size_t key) {
    if (std::ranges::find(order, key, &GroupOrder::key) == order.end()) order.push_back({key, false, false});
  };
  if (primary_key)
    for (const auto key : *primary_key) add_once(key);
  else
    for (std::size_t key = 0; key < asked_keys; ++key)
      if (has_order(grouping.keys[key])) add_once(key);
  return order;
}

}  // namespace shardplex
