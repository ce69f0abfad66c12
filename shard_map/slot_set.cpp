#include "shard_map/slot_set.hpp"

#include <algorithm>
#include <numeric>

#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

constexpr std::uint64_t bit_of(Slot slot) {
  return std::uint64_t{1} << (slot.value % 64);
}

}  // namespace

SlotSet SlotSet::none(std::uint32_t slot_count) {
  return SlotSet(slot_count);
}

SlotSet SlotSet::all(std::uint32_t slot_count) {
  SlotSet set(slot_count);
  std::ranges::fill(set.words_, ~std::uint64_t{0});
  // Bits past the last slot stay zero, so that equality and size() may look at whole words.
  if (slot_count % 64 != 0) set.words_.back() >>= 64 - slot_count % 64;
  return set;
}

void SlotSet::insert(Slot slot) {
  invariant(slot.value < slot_count_, "a slot belongs to its group");
  words_[slot.value / 64] |= bit_of(slot);
}

bool SlotSet::contains(Slot slot) const {
  invariant(slot.value < slot_count_, "a slot belongs to its group");
  return (words_[slot.value / 64] & bit_of(slot)) != 0;
}

bool SlotSet::empty() const {
  return std::ranges::all_of(words_, [](std::uint64_t word) { return word == 0; });
}

std::uint32_t SlotSet::size() const {
  return std::accumulate(words_.begin(), words_.end(), std::uint32_t{0},
                         [](std::uint32_t sum, std::uint64_t word) {
                           return sum + static_cast<std::uint32_t>(std::popcount(word));
                         });
}

bool SlotSet::intersects(const SlotSet& other) const {
  invariant(slot_count_ == other.slot_count_, "both slot sets belong to one group");
  for (std::size_t w = 0; w < words_.size(); ++w)
    if ((words_[w] & other.words_[w]) != 0) return true;
  return false;
}

SlotSet& SlotSet::operator&=(const SlotSet& other) {
  invariant(slot_count_ == other.slot_count_, "slot sets of one group have one slot count");
  for (std::size_t w = 0; w < words_.size(); ++w) words_[w] &= other.words_[w];
  return *this;
}

SlotSet& SlotSet::operator|=(const SlotSet& other) {
  invariant(slot_count_ == other.slot_count_, "slot sets of one group have one slot count");
  for (std::size_t w = 0; w < words_.size(); ++w) words_[w] |= other.words_[w];
  return *this;
}

std::string SlotSet::to_string() const {
  std::string text;
  const auto write_run = [&text](std::uint32_t first, std::uint32_t last) {
    if (!text.empty()) text += ", ";
    text += std::to_string(first);
    if (last != first) text += '-' + std::to_string(last);
  };
  std::uint32_t first = 0, end = 0;  // the run being read is [first, end)
  for_each([&](Slot slot) {
    if (slot.value != end) {
      if (first != end) write_run(first, end - 1);
      first = slot.value;
    }
    end = slot.value + 1;
  });
  if (first != end) write_run(first, end - 1);
  return text;
}

std::string name_slots(const SlotSet& slots) {
  return (slots.size() == 1 ? "slot " : "slots ") + slots.to_string();
}

}  // namespace shardplex
