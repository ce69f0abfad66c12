#include "operations/shard/row_places.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "operations/process/failure.hpp"
#include "query/catalogue/catalogue.hpp"
#include "shard_map/invariant.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::operations {
namespace {

/// One column of a key.
struct KeyPart {
  KeyType type;
  std::string canonical;
};

struct Key {
  std::string canonical;  ///< joined_bytes()
};

constexpr std::string_view otherwise_name = "(otherwise)";

// The map does not know column types; the databases do. Without them the value's look decides.
KeyPart read_part(const std::string& column, const std::string& text, std::optional<KeyType> type) {
  if (type) {
    auto canonical = canonical_bytes(*type, text);
    if (!canonical)
      throw CommandFailed(column + "=" + text + " is not a key of type " + std::string(key_form(*type)));
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

void explain_hash(const Group& group, const Key& key, RowPlaces& places) {
  const Slot slot = slot_of_row(group, key.canonical, std::nullopt);
  places.places.push_back({"", one_slot(group, slot)});
  places.reasons.push_back("strategy hash: slot = " + *places.hash + " mod " +
                           std::to_string(group.slot_count));
}

void explain_list(const Group& group, const ListStrategy& list, const std::optional<Key>& key,
                  const std::string* value, RowPlaces& places) {
  if (value != nullptr) {
    const std::string name = list_name(list, *value);
    places.reasons.push_back(
        "strategy list: " + list.column + "=" + *value + " is " +
        (name == otherwise_name ? "on no list, so it goes to otherwise" : "on the list " + name));
    places.places.push_back({name, key ? one_slot(group, slot_of_row(group, key->canonical, *value))
                                       : slots_of_list_value(group, *value)});
    places.reasons.push_back(key ? "inside a list the hash of " + list.spread_by + " picks the slot"
                                 : "without " + list.spread_by + " it may be in any slot of the list");
    return;
  }
  places.reasons.push_back("strategy list: without " + list.column +
                           " the row may be in one slot of each list");
  for (const auto& entry : list.lists)
    places.places.push_back({entry.first, one_slot(group, slot_of_row(group, key->canonical, entry.first))});
  places.places.push_back(
      {std::string(otherwise_name), one_slot(group, slot_of_row(group, key->canonical, std::nullopt))});
}

}  // namespace

RowPlaces places_of_rows(const Group& group, const TablePlacement& table, const ColumnValues& values,
                         const std::optional<std::vector<KeyType>>& types) {
  const auto* list = std::get_if<ListStrategy>(&group.strategy);
  RowPlaces places;
  const auto& names = table.key.names();
  std::optional<Key> key;
  if (std::ranges::all_of(names, [&](const std::string& name) { return values.contains(name); })) {
    std::vector<std::string> columns, read;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto& text = values.find(names[i])->second;
      auto part = read_part(names[i], text, types ? std::optional((*types)[i]) : std::nullopt);
      read.push_back(names[i] + "=" + text + " read as " + std::string(key_form(part.type)));
      columns.push_back(std::move(part.canonical));
    }
    key = Key{joined_bytes(columns)};
    places.hash = hex(hash_bytes(key->canonical));
    const std::string look =
        names.size() == 1 ? " (by its look; --key-type decides)" : " (by their look; --key-type decides)";
    places.reasons.push_back(joined(read, " and ") + (types ? "" : look) + ", hash " + *places.hash);
  }
  if (list == nullptr) {
    invariant(key.has_value(), "under hash the key is needed");
    explain_hash(group, *key, places);
    return places;
  }
  const auto value = values.find(list->column);
  invariant(key || value != values.end(), "under list the key or the list's column is needed");
  explain_list(group, *list, key, value == values.end() ? nullptr : &value->second, places);
  return places;
}

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

}  // namespace shardplex::operations
