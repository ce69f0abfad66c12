// A set of slots of one group, as bits: routes are computed with its algebra.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "shard_map/ids.hpp"

namespace shardplex {

/// A value; both operands of an operation belong to the same group (equal slot counts, asserted).
class SlotSet {
 public:
  static SlotSet none(std::uint32_t slot_count);
  static SlotSet all(std::uint32_t slot_count);

  void insert(Slot slot);
  bool contains(Slot slot) const;
  bool empty() const;
  bool intersects(const SlotSet& other) const;
  std::uint32_t size() const;                               ///< slots in the set
  std::uint32_t slot_count() const { return slot_count_; }  ///< slots of the group
  bool is_all() const { return size() == slot_count_; }

  SlotSet& operator&=(const SlotSet& other);
  SlotSet& operator|=(const SlotSet& other);
  bool operator==(const SlotSet&) const = default;

  /// Calls f(Slot) for each slot of the set, ascending.
  template <class F>
  void for_each(F f) const {
    for (std::size_t w = 0; w < words_.size(); ++w)
      for (std::uint64_t bits = words_[w]; bits != 0; bits &= bits - 1)
        f(Slot{static_cast<std::uint32_t>(w * 64 + static_cast<std::size_t>(std::countr_zero(bits)))});
  }

  /// As the YAML writes it: "0-255, 512, 600-700"; "" for the empty set.
  std::string to_string() const;

 private:
  explicit SlotSet(std::uint32_t slot_count) : slot_count_(slot_count), words_((slot_count + 63) / 64) {}
  std::uint32_t slot_count_ = 0;
  std::vector<std::uint64_t> words_;
};

/// "slot 512" or "slots 3, 7-9", to begin a sentence about them.
std::string name_slots(const SlotSet& slots);

}  // namespace shardplex
