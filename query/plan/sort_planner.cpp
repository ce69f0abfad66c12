#include "query/plan/sort_planner.hpp"

#include <algorithm>
#include <utility>

#include "query/resolve/ordered_item.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {

Result<std::vector<SelectItem>> ordered_items(const ResolvedNode& node, const ResolvedEmbed& embed) {
  std::vector<SelectItem> items;
  for (const auto& term : node.asked->order) {
    if (!term.embed || &node.resolved(*node.asked->find_embed(*term.embed)) != &embed) continue;
    auto item = ordered_item(embed, term.field);
    if (!item) return item.error();
    items.push_back(std::move(*item));
  }
  return items;
}

void SortPlanner::add_own() {
  for (; own_ < read_.scan.keys.size(); ++own_) keys_.push_back({read_.scan.keys[own_], std::nullopt, own_});
}

void SortPlanner::add_looked_up(std::size_t lookup, const OrderTerm& term) {
  const Lookup& from = read_.lookups[lookup];
  const auto number = used_[lookup]++;
  invariant(number < from.sort_keys, "a lookup has each value that its rows are ordered by");
  const auto& keys = from.rows.scan.keys;
  MergeKey key = keys[keys.size() - from.sort_keys + number];
  key.descending = term.descending;
  key.nulls_first = term.nulls_first.value_or(term.descending);
  keys_.push_back({std::move(key), lookup, number});
}

std::optional<SortPlan> SortPlanner::plan() const {
  if (std::ranges::none_of(keys_, [](const Key& key) { return key.lookup.has_value(); })) return std::nullopt;
  // A row has its own keys first, then the values of each lookup.
  std::vector<std::size_t> first;
  std::size_t end = own_;
  for (const auto& lookup : read_.lookups) {
    first.push_back(end);
    end += lookup.sort_keys;
  }
  SortPlan out;
  for (const auto& key : keys_)
    out.keys.push_back({key.key, key.lookup ? first[*key.lookup] + key.number : key.number});
  return out;
}

}  // namespace shardplex
