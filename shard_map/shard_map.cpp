#include "shard_map/shard_map.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

/// The index of the element called `name`; maps are small, and comparing a few names beats hashing one.
template <class Named>
std::optional<std::size_t> index_of(const std::vector<Named>& all, std::string_view name) {
  const auto found = std::ranges::find(all, name, &Named::name);
  if (found == all.end()) return std::nullopt;
  return static_cast<std::size_t>(found - all.begin());
}

Slot pick(const std::vector<Slot>& slots, std::string_view key) {
  return slots[slot_of(key, static_cast<std::uint32_t>(slots.size())).value];
}

void check(const ListStrategy& list, std::uint32_t slot_count) {
  const auto check_slots = [slot_count](const std::vector<Slot>& slots) {
    invariant(!slots.empty(), "a list has slots");
    invariant(std::ranges::is_sorted(slots), "the slots of a list ascend");
    invariant(slots.back().value < slot_count, "the slots of a list are in the group");
  };
  for (const auto& [value, slots] : list.lists) check_slots(slots);
  check_slots(list.otherwise);
}

}  // namespace

const std::vector<Slot>& ListStrategy::slots_of(std::optional<std::string_view> value) const {
  if (!value) return otherwise;
  const auto found = lists.find(*value);
  return found == lists.end() ? otherwise : found->second;
}

ShardMap::ShardMap(std::string cluster, std::vector<Shard> shards, std::vector<Group> groups,
                   std::vector<TablePlacement> tables, std::vector<MapRelation> relations,
                   std::vector<TablePlacement> views, std::vector<MapFunction> functions)
    : cluster_(std::move(cluster)),
      shards_(std::move(shards)),
      groups_(std::move(groups)),
      tables_(std::move(tables)),
      relations_(std::move(relations)),
      views_(std::move(views)),
      functions_(std::move(functions)) {
  for (const Group& group : groups_) {
    invariant(std::has_single_bit(group.slot_count), "a group's slot count is a power of two");
    invariant(group.placement.size() == group.slot_count, "every slot is placed once");
    for (const ShardId id : group.placement)
      invariant(id.value < shards_.size(), "slots are placed on shards of the map");
    if (const auto* list = std::get_if<ListStrategy>(&group.strategy)) check(*list, group.slot_count);
  }
  for (const auto* placements : {&tables_, &views_})
    for (const TablePlacement& table : *placements) {
      invariant(table.reference != table.group.has_value(), "a table is in a group or a reference table");
      invariant(!table.group || table.group->value < groups_.size(), "tables are in groups of the map");
      invariant(!table.group || table.key.size() == key_columns_of(*table.group),
                "tables of a group have keys of as many columns");
    }
  for (const TablePlacement& view : views_)
    invariant(find_table(view.name) == nullptr, "a name is a table's or a view's");
  for (const MapRelation& relation : relations_) {
    invariant(find_table(relation.table) && find_table(relation.foreign_table),
              "relations are of tables of the map");
    invariant(!relation.columns.empty() && relation.columns.size() == relation.foreign_columns.size(),
              "a relation pairs columns");
  }
  for (const MapFunction& function : functions_) {
    const bool by_argument = function.runs == MapFunction::Runs::by;
    invariant(by_argument == function.group.has_value() && by_argument != function.arguments.empty(),
              "a function is by an argument under a group, or by neither");
    invariant(!function.group || function.group->value < groups_.size(),
              "functions are by groups of the map");
  }
}

std::size_t ShardMap::key_columns_of(GroupId id) const {
  for (const auto* placements : {&tables_, &views_})
    for (const TablePlacement& table : *placements)
      if (table.group == id) return table.key.size();
  return 0;
}

std::optional<ShardId> ShardMap::find_shard(std::string_view name) const {
  const auto index = index_of(shards_, name);
  if (!index) return std::nullopt;
  return ShardId{static_cast<std::uint16_t>(*index)};
}

std::optional<GroupId> ShardMap::find_group(std::string_view name) const {
  const auto index = index_of(groups_, name);
  if (!index) return std::nullopt;
  return GroupId{static_cast<std::uint16_t>(*index)};
}

const TablePlacement* ShardMap::find_table(std::string_view name) const {
  const auto index = index_of(tables_, name);
  return index ? &tables_[*index] : nullptr;
}

const TablePlacement* ShardMap::find_view(std::string_view name) const {
  const auto index = index_of(views_, name);
  return index ? &views_[*index] : nullptr;
}

const TablePlacement* ShardMap::find_placement(std::string_view name) const {
  const TablePlacement* table = find_table(name);
  return table ? table : find_view(name);
}

const MapFunction* ShardMap::find_function(std::string_view name) const {
  const auto index = index_of(functions_, name);
  return index ? &functions_[*index] : nullptr;
}

Slot slot_of_row(const Group& group, std::string_view key, std::optional<std::string_view> list_value) {
  if (const auto* list = std::get_if<ListStrategy>(&group.strategy))
    return pick(list->slots_of(list_value), key);
  return slot_of(key, group.slot_count);
}

SlotSet slots_of_key(const Group& group, std::string_view key) {
  SlotSet slots = SlotSet::none(group.slot_count);
  if (const auto* list = std::get_if<ListStrategy>(&group.strategy)) {
    for (const auto& [value, list_slots] : list->lists) slots.insert(pick(list_slots, key));
    slots.insert(pick(list->otherwise, key));
  } else {
    slots.insert(slot_of(key, group.slot_count));
  }
  return slots;
}

SlotSet slots_of_list_value(const Group& group, std::optional<std::string_view> value) {
  const auto* list = std::get_if<ListStrategy>(&group.strategy);
  invariant(list != nullptr, "only a list strategy has list values");
  SlotSet slots = SlotSet::none(group.slot_count);
  for (const Slot slot : list->slots_of(value)) slots.insert(slot);
  return slots;
}

}  // namespace shardplex
