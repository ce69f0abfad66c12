#include "shard_map/definitions.hpp"

#include <iomanip>
#include <sstream>
#include <string_view>

namespace shardplex {
namespace {

constexpr std::string_view key_prefix = "key ";

std::string text_of(const std::vector<Slot>& slots, std::uint32_t slot_count) {
  SlotSet set = SlotSet::none(slot_count);
  for (const Slot slot : slots) set.insert(slot);
  return '[' + set.to_string() + ']';
}

// Names are quoted, so that no name can be taken for what follows it.
std::string definition_of(const Group& group) {
  std::ostringstream text;
  text << "slots=" << group.slot_count;
  const auto* list = std::get_if<ListStrategy>(&group.strategy);
  if (list == nullptr) {
    text << " hash";
    return text.str();
  }
  text << " list column=" << std::quoted(list->column) << " spread_by=" << std::quoted(list->spread_by)
       << " lists={";
  std::string_view separator;
  for (const auto& [value, slots] : list->lists) {
    text << separator << std::quoted(value) << ':' << text_of(slots, group.slot_count);
    separator = ", ";
  }
  text << "} otherwise=" << text_of(list->otherwise, group.slot_count);
  return text.str();
}

std::string definition_of(const TablePlacement& table, const ShardMap& map) {
  if (table.reference) return "reference";
  std::ostringstream text;
  text << "group=" << std::quoted(map.group(*table.group).name) << " key=";
  std::string_view separator;
  for (const auto& column : table.key.names()) {
    text << separator << std::quoted(column);
    separator = ",";
  }
  return text.str();
}

}  // namespace

Definitions definitions_of(const TablePlacement& table, const ShardMap& map) {
  Definitions definitions{{"table " + table.name, definition_of(table, map)}};
  if (table.group) {
    const Group& group = map.group(*table.group);
    definitions.emplace("group " + group.name, definition_of(group));
  }
  return definitions;
}

Definitions definitions_of(const ShardMap& map) {
  Definitions definitions;
  for (const Group& group : map.groups()) definitions.emplace("group " + group.name, definition_of(group));
  for (const TablePlacement& table : map.tables()) definitions.merge(definitions_of(table, map));
  return definitions;
}

std::string key_subject(std::string_view table) {
  return std::string(key_prefix).append(table);
}

std::string labels_subject(std::string_view table, const std::string& column) {
  std::ostringstream text;
  text << "labels " << table << ' ' << std::quoted(column);
  return text.str();
}

std::string labels_definition(const std::vector<std::string>& labels) {
  std::ostringstream text;
  std::string_view separator;
  for (const auto& label : labels) {
    text << separator << std::quoted(label);
    separator = " ";
  }
  return text.str();
}

std::vector<std::string> read_labels(const std::string& definition) {
  std::istringstream in(definition);
  std::vector<std::string> labels;
  for (std::string label; in >> std::quoted(label);) labels.push_back(label);
  return labels;
}

std::map<std::string, std::string, std::less<>> key_forms_of(const Definitions& stored) {
  std::map<std::string, std::string, std::less<>> forms;
  for (const auto& [subject, form] : stored)
    if (subject.starts_with(key_prefix)) forms.emplace(subject.substr(key_prefix.size()), form);
  return forms;
}

std::vector<std::string> differences(const Definitions& stored, const Definitions& wanted) {
  std::vector<std::string> sentences;
  for (const auto& [subject, definition] : wanted)
    if (const auto found = stored.find(subject); found != stored.end() && found->second != definition)
      sentences.push_back(subject + " was made with " + found->second + "; the map has " + definition);
  return sentences;
}

}  // namespace shardplex
