#include "shard_map/map_text.hpp"

#include <utility>
#include <variant>
#include <vector>

#include "shard_map/map_editor.hpp"
#include "shard_map/map_pieces.hpp"
#include "shard_map/slot_set.hpp"

namespace shardplex {
namespace {

std::string strategy_yaml(const Group& group) {
  const auto* list = std::get_if<ListStrategy>(&group.strategy);
  if (list == nullptr) return "    strategy: { hash: {} }\n";
  const auto entry = [&](std::size_t indent, const std::string& name, const std::vector<Slot>& slots) {
    const std::string key = std::string(indent, ' ') + name + ": ";
    return key + slot_list(slots_in(slots, group.slot_count), key.size(), "\n") + '\n';
  };
  std::string text = "    strategy:\n      list:\n        column: " + yaml_scalar(list->column) +
                     "\n        spread_by: " + yaml_scalar(list->spread_by) + "\n        lists:";
  text += list->lists.empty() ? " {}\n" : "\n";
  for (const auto& [value, slots] : list->lists) text += entry(10, yaml_scalar(value), slots);
  return text + entry(8, "otherwise", list->otherwise);
}

std::string group_yaml(const ShardMap& map, const Group& group) {
  std::string text = "  " + yaml_scalar(group.name) + ":\n    slots: " + std::to_string(group.slot_count) +
                     '\n' + strategy_yaml(group) + "    placement:\n";
  for (const Shard& shard : map.shards()) {
    const SlotSet slots = slots_on(group, map.find_shard(shard.name));
    if (slots.empty()) continue;
    const std::string key = "      " + yaml_scalar(shard.name) + ": ";
    text += key + slot_list(slots, key.size(), "\n") + '\n';
  }
  return text;
}

std::string columns_yaml(const std::vector<std::string>& columns) {
  std::string text;
  for (const std::string& column : columns) text += (text.empty() ? "" : ", ") + yaml_scalar(column);
  return '[' + text + ']';
}

/// One name, or a list of them.
std::string names_yaml(const KeyNames& names) {
  return names.size() == 1 ? yaml_scalar(names.one()) : columns_yaml(names.names());
}

std::string table_yaml(const ShardMap& map, const TablePlacement& table) {
  const std::string key = "  " + yaml_scalar(table.name) + ": ";
  const std::string end =
      (table.computed.empty() ? "" : ", computed: " + columns_yaml(table.computed)) + " }\n";
  if (table.reference) return key + "{ reference: true" + end;
  return key + "{ group: " + yaml_scalar(map.group(*table.group).name) + ", key: " + names_yaml(table.key) +
         end;
}

std::string relation_yaml(const MapRelation& relation) {
  return "  " + yaml_scalar(relation.name) + ":\n    table: " + yaml_scalar(relation.table) +
         "\n    columns: " + columns_yaml(relation.columns) +
         "\n    foreign_table: " + yaml_scalar(relation.foreign_table) +
         "\n    foreign_columns: " + columns_yaml(relation.foreign_columns) + '\n';
}

std::string function_yaml(const ShardMap& map, const MapFunction& function) {
  const std::string key = "  " + yaml_scalar(function.name) + ": ";
  switch (function.runs) {
    case MapFunction::Runs::any:
      break;
    case MapFunction::Runs::all:
      return key + "all\n";
    case MapFunction::Runs::by:
      return key + "{ by: " + names_yaml(function.arguments) +
             ", group: " + yaml_scalar(map.group(*function.group).name) + " }\n";
  }
  return key + "any\n";
}

}  // namespace

std::string edit_shard_map(std::string_view yaml, const ShardMap& wanted) {
  auto edited = edit_in_place(yaml, wanted);
  return edited ? *std::move(edited) : to_yaml(wanted);
}

std::string to_yaml(const ShardMap& map) {
  std::string text = "version: 1\ncluster: " + yaml_scalar(map.cluster()) + "\nshards:\n";
  for (const Shard& shard : map.shards()) text += "  " + shard_on_lines(shard, {}, "\n") + '\n';
  if (!map.groups().empty()) text += "groups:\n";
  for (const Group& group : map.groups()) text += group_yaml(map, group);
  text += "tables:\n";
  for (const TablePlacement& table : map.tables()) text += table_yaml(map, table);
  if (!map.relations().empty()) text += "relations:\n";
  for (const MapRelation& relation : map.relations()) text += relation_yaml(relation);
  if (!map.views().empty()) text += "views:\n";
  for (const TablePlacement& view : map.views()) text += table_yaml(map, view);
  if (!map.functions().empty()) text += "functions:\n";
  for (const MapFunction& function : map.functions()) text += function_yaml(map, function);
  return text;
}

}  // namespace shardplex
