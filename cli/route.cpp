// route: where the rows of a key live according to the map, and why. Asks no server.
#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <map>

#include "cli/command_line.hpp"
#include "shard_map/key.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;

using Values = std::map<std::string, std::string, std::less<>>;

struct Key {
  KeyType type;
  std::string canonical;
};

/// Where rows may be, list by list; one entry with an empty list name under hash.
struct Place {
  std::string list;
  SlotSet slots;
};

struct Explanation {
  std::vector<Place> places;
  std::vector<std::string> reasons;
  std::optional<std::string> hash;  ///< of the key, where one was given
};

constexpr std::string_view otherwise_name = "(otherwise)";

std::string_view name_of(KeyType type) {
  switch (type) {
    case KeyType::integer:
      return "integer";
    case KeyType::uuid:
      return "uuid";
    case KeyType::text:
      break;
  }
  return "text";
}

KeyType parse_key_type(const std::string& name) {
  for (const KeyType type : {KeyType::integer, KeyType::uuid, KeyType::text})
    if (name == name_of(type)) return type;
  throw UsageError("--key-type " + name + ": integer, text or uuid is expected");
}

Values parse_values(const std::vector<std::string>& words) {
  Values values;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0) throw UsageError("'" + word + "' is not column=value");
    if (!values.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
      throw UsageError("column " + word.substr(0, equals) + " is given twice");
  }
  return values;
}

// The map does not know column types; the databases do. Without them the value's look decides.
Key read_key(const std::string& column, const std::string& text, std::optional<KeyType> type) {
  if (type) {
    auto canonical = canonical_bytes(*type, text);
    if (!canonical)
      throw CommandFailed(column + "=" + text + " is not a key of type " + std::string(name_of(*type)));
    return {*type, *std::move(canonical)};
  }
  for (const KeyType guess : {KeyType::integer, KeyType::uuid})
    if (auto canonical = canonical_bytes(guess, text)) return {guess, *std::move(canonical)};
  return {KeyType::text, text};
}

std::string hex(std::uint64_t number) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "0x%016llx", static_cast<unsigned long long>(number));
  return text.data();
}

SlotSet one_slot(const Group& group, Slot slot) {
  SlotSet set = SlotSet::none(group.slot_count);
  set.insert(slot);
  return set;
}

std::string list_name(const ListStrategy& list, const std::string& value) {
  return list.lists.contains(value) ? value : std::string(otherwise_name);
}

void explain_hash(const Group& group, const Key& key, Explanation& explanation) {
  const Slot slot = slot_of_row(group, key.canonical, std::nullopt);
  explanation.places.push_back({"", one_slot(group, slot)});
  explanation.reasons.push_back("strategy hash: slot = " + *explanation.hash + " mod " +
                                std::to_string(group.slot_count));
}

void explain_list(const Group& group, const ListStrategy& list, const std::optional<Key>& key,
                  const std::string* value, Explanation& explanation) {
  if (value != nullptr) {
    const std::string name = list_name(list, *value);
    explanation.reasons.push_back(
        "strategy list: " + list.column + "=" + *value + " is " +
        (name == otherwise_name ? "on no list, so it goes to otherwise" : "on the list " + name));
    explanation.places.push_back({name, key ? one_slot(group, slot_of_row(group, key->canonical, *value))
                                            : slots_of_list_value(group, *value)});
    explanation.reasons.push_back(key ? "inside a list the hash of " + list.spread_by + " picks the slot"
                                      : "without " + list.spread_by + " it may be in any slot of the list");
    return;
  }
  explanation.reasons.push_back("strategy list: without " + list.column +
                                " the row may be in one slot of each list");
  for (const auto& entry : list.lists)
    explanation.places.push_back(
        {entry.first, one_slot(group, slot_of_row(group, key->canonical, entry.first))});
  explanation.places.push_back(
      {std::string(otherwise_name), one_slot(group, slot_of_row(group, key->canonical, std::nullopt))});
}

void refuse_other_columns(const Values& values, const TablePlacement& table, const ListStrategy* list) {
  for (const auto& [column, text] : values) {
    if (column == table.key || (list != nullptr && column == list->column)) continue;
    throw UsageError("column " + column + " does not decide where rows of " + table.name + " live; " +
                     table.key + (list != nullptr ? " and " + list->column + " do" : " does"));
  }
}

Explanation explain(const Group& group, const TablePlacement& table, const Values& values,
                    std::optional<KeyType> type) {
  const auto* list = std::get_if<ListStrategy>(&group.strategy);
  refuse_other_columns(values, table, list);
  Explanation explanation;
  std::optional<Key> key;
  if (const auto found = values.find(table.key); found != values.end()) {
    key = read_key(table.key, found->second, type);
    explanation.hash = hex(hash_bytes(key->canonical));
    explanation.reasons.push_back(
        table.key + "=" + found->second + " read as " + std::string(name_of(key->type)) +
        (type ? "" : " (by its look; --key-type decides)") + ", hash " + *explanation.hash);
  }
  if (list == nullptr) {
    if (!key)
      throw UsageError("give " + table.key + "=VALUE: it decides where rows of " + table.name + " live");
    explain_hash(group, *key, explanation);
    return explanation;
  }
  const auto value = values.find(list->column);
  if (!key && value == values.end())
    throw UsageError("give " + list->column + "=VALUE, " + table.key + "=VALUE or both");
  explain_list(group, *list, key, value == values.end() ? nullptr : &value->second, explanation);
  return explanation;
}

/// The slots of `slots` that the map places on each shard, in the order of the shards; empty sets left out.
std::vector<std::pair<std::string, SlotSet>> by_shard(const ShardMap& map, const Group& group,
                                                      const SlotSet& slots) {
  std::vector<std::pair<std::string, SlotSet>> parts;
  for (std::uint16_t i = 0; i < map.shards().size(); ++i) {
    SlotSet part = SlotSet::none(group.slot_count);
    slots.for_each([&](Slot slot) {
      if (group.placement[slot.value] == ShardId{i}) part.insert(slot);
    });
    if (!part.empty()) parts.emplace_back(map.shards()[i].name, part);
  }
  return parts;
}

void print_text(const ShardMap& map, const Group& group, const Explanation& explanation,
                const Terminal& terminal) {
  const bool lists = explanation.places.front().list != "";
  TextTable table(lists ? std::vector<TextTable::Heading>{{"LIST"}, {"SLOT"}, {"SHARD"}}
                        : std::vector<TextTable::Heading>{{"SLOT"}, {"SHARD"}});
  for (const auto& place : explanation.places)
    for (const auto& [shard, slots] : by_shard(map, group, place.slots)) {
      if (lists)
        table.add({place.list, slots.to_string(), {shard, Colour::bold}});
      else
        table.add({slots.to_string(), {shard, Colour::bold}});
    }
  table.print(terminal);
  for (const auto& reason : explanation.reasons) terminal.out << "why: " << reason << '\n';
  terminal.out << "note: the shard is the map's placement; what moved since is known to the shards "
                  "(shardplex cluster status)\n";
}

json::object as_json(const ShardMap& map, const TablePlacement& table, const Group& group,
                     const Explanation& explanation) {
  json::array slots, reasons;
  for (const auto& place : explanation.places)
    place.slots.for_each([&](Slot slot) {
      json::object shown{{"slot", slot.value}, {"shard", map.shard(group.placement[slot.value]).name}};
      if (!place.list.empty()) shown["list"] = place.list;
      slots.push_back(std::move(shown));
    });
  for (const auto& reason : explanation.reasons) reasons.emplace_back(reason);
  json::object shown{{"table", table.name},
                     {"group", group.name},
                     {"strategy", std::holds_alternative<HashStrategy>(group.strategy) ? "hash" : "list"},
                     {"slots", slots},
                     {"why", reasons}};
  if (explanation.hash) shown["hash"] = *explanation.hash;
  return shown;
}

int route_reference(const ShardMap& map, const TablePlacement& table, bool as_json_text,
                    const Terminal& terminal) {
  if (as_json_text) {
    json::array shards;
    for (const auto& shard : map.shards()) shards.emplace_back(shard.name);
    terminal.out << json::object{{"table", table.name}, {"reference", true}, {"shards", shards}} << '\n';
  } else {
    terminal.out << table.name << " is a reference table: every shard has a full copy\n";
  }
  return exit_ok;
}

}  // namespace

int route(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "route --map FILE TABLE COLUMN=VALUE…",
      "Tells in which slot and on which shard rows live, and why.\n"
      "Under a list strategy the key alone gives one slot per list, the list's column alone its slots.");
  options.add()("map", boost::program_options::value<std::string>()->value_name("FILE"), "the shard map")(
      "key-type", boost::program_options::value<std::string>()->value_name("TYPE"),
      "integer, text or uuid (default: by the value's look)")("json", "print JSON");
  options.add_positional("table", 1);
  options.add_positional("value", -1);
  const auto parsed = options.parse(args, terminal);
  if (!parsed) return exit_ok;
  const std::string file = required_option(*parsed, "map", "--map FILE");
  const std::string name = required_option(*parsed, "table", "TABLE");
  std::optional<KeyType> type;
  if (parsed->contains("key-type")) type = parse_key_type((*parsed)["key-type"].as<std::string>());
  Values values;
  if (parsed->contains("value")) values = parse_values((*parsed)["value"].as<std::vector<std::string>>());

  const ShardMap map = load_shard_map(file);
  const TablePlacement& table = table_of_map(map, name);
  if (table.reference) return route_reference(map, table, parsed->contains("json"), terminal);
  const Group& group = map.group(*table.group);
  const Explanation explanation = explain(group, table, values, type);
  if (parsed->contains("json"))
    terminal.out << as_json(map, table, group, explanation) << '\n';
  else
    print_text(map, group, explanation, terminal);
  return exit_ok;
}

}  // namespace shardplex::cli
