#include "shard_map/slot_lists.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

namespace shardplex {
namespace {

/// Decimal digits only. A number too big for the type becomes the biggest, which is past the end of every
/// group.
std::optional<std::uint32_t> parse_slot(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::uint32_t number = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} ? number : std::numeric_limits<std::uint32_t>::max();
}

/// Slots of one list that are on an earlier list too, or a second time on this one.
struct Overlap {
  SlotSet slots;
  int line;  // of the first range that overlaps
};

}  // namespace

SlotLists::SlotLists(YamlReader& yaml, std::uint32_t slot_count) : yaml_(yaml), owners_(slot_count, nobody) {}

std::vector<Slot> SlotLists::read(const YamlNode& list, std::string what) {
  const std::size_t self = whats_.size();
  whats_.push_back(std::move(what));
  const auto items = yaml_.items(list, "[0-511, 700]");
  whole_ &= items.has_value();
  if (!items) return {};
  std::vector<Slot> slots;
  std::map<std::size_t, Overlap> overlaps;  // by the other list
  for (const YamlNode& item : *items) {
    const auto range = read_range(item);
    whole_ &= range.has_value();
    if (!range || !within_budget(item, *range)) continue;
    for (Slot slot{range->first}; slot.value <= range->last; ++slot.value) {
      std::size_t& owner = owners_[slot.value];
      if (owner == nobody) {
        owner = self;
        slots.push_back(slot);
        continue;
      }
      auto overlap = overlaps.find(owner);
      if (overlap == overlaps.end())
        overlap = overlaps.emplace(owner, Overlap{SlotSet::none(slot_count()), item.line}).first;
      overlap->second.slots.insert(slot);
    }
  }
  for (const auto& [other, overlap] : overlaps)
    yaml_.report(list.path, overlap.line,
                 name_slots(overlap.slots) + (overlap.slots.size() == 1 ? " is " : " are ") +
                     (other == self ? "given twice" : "also " + whats_[other]));
  std::ranges::sort(slots);
  return slots;
}

/// A right map names every slot once at most. Reading on when they have been named over and over would let a
/// small file cost minutes.
bool SlotLists::within_budget(const YamlNode& node, const Range& range) {
  const std::size_t budget = std::size_t{4} * slot_count();
  const bool was_within = named_ <= budget;
  named_ += range.last - range.first + 1;
  if (named_ <= budget) return true;
  if (was_within) yaml_.report(node, "too many slots overlap; ranges from here on are not looked at");
  return false;
}

SlotSet SlotLists::missing() const {
  SlotSet slots = SlotSet::none(slot_count());
  if (!whole_) return slots;
  for (std::uint32_t slot = 0; slot < slot_count(); ++slot)
    if (owners_[slot] == nobody) slots.insert(Slot{slot});
  return slots;
}

std::optional<SlotLists::Range> SlotLists::parse_range(const YamlValue& value) {
  if (value.kind != YamlValue::Kind::scalar) return std::nullopt;
  const std::string_view text = value.text;
  const auto dash = text.find('-');
  const auto first = parse_slot(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_slot(text.substr(dash + 1));
  if (!first || !last) return std::nullopt;
  return Range{*first, *last};
}

/// A range cut to the slots of the group; nothing where none of them is in it.
std::optional<SlotLists::Range> SlotLists::read_range(const YamlNode& node) {
  auto range = parse_range(*node.value);
  if (!range) {
    yaml_.report(node, "must be a slot or a range of slots, such as 0-511");
    return std::nullopt;
  }
  if (range->first > range->last) {
    yaml_.report(node, "the range runs backwards; write the smaller slot first");
    return std::nullopt;
  }
  const std::uint32_t last_slot = slot_count() - 1;
  if (range->last > last_slot) {
    yaml_.report(node, in_quotes(node.value->text) + " is out of range: slots run from 0 to " +
                           std::to_string(last_slot));
    if (range->first > last_slot) return std::nullopt;
    range->last = last_slot;
  }
  return range;
}

}  // namespace shardplex
