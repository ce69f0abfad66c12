// The heaviest of any number of texts, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace shardplex {

/// Keeps at most `capacity` texts, by Space-Saving (Metwally, Agrawal, El Abbadi 2005, with weights): a text
/// that is new takes the place of the lightest, and inherits its weight, as it may have been there before.
/// Every text whose weights add up to more than a capacity-th of all that was added is kept.
class Heaviest {
 public:
  explicit Heaviest(std::size_t capacity);
  Heaviest(const Heaviest&) = delete;
  Heaviest& operator=(const Heaviest&) = delete;

  /// Where a text is kept, as long as it is.
  struct Place {
    std::size_t slot = 0;    ///< below the capacity
    std::uint64_t turn = 0;  ///< how many texts were in the slot before
    bool operator==(const Place&) const = default;
  };

  /// nullopt where the text is not kept. Allocates nothing.
  std::optional<Place> find(std::string_view text) const;
  /// Precondition: the text is not kept.
  Place take_in(std::string text);
  /// Whether what was in the place is there still.
  bool holds(const Place& place) const { return slots_[place.slot].turn == place.turn; }
  /// Precondition of all of these: holds().
  void add(const Place& place, std::uint64_t weight) { weights_[place.slot] += weight; }
  const std::string& text(const Place& place) const { return slots_[place.slot].text; }
  /// The text's own is no more than this, and no less than this without inherited().
  std::uint64_t weight(const Place& place) const { return weights_[place.slot]; }
  std::uint64_t inherited(const Place& place) const { return slots_[place.slot].inherited; }

  /// All texts that are kept, by slot.
  std::vector<Place> places() const;
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return slots_.size(); }

 private:
  struct Slot {
    std::string text;
    std::uint64_t turn = 0, inherited = 0;
  };
  std::vector<Slot> slots_;  // never moved: the keys of places_ are views of their texts
  std::vector<std::uint64_t> weights_;
  std::unordered_map<std::string_view, std::size_t> places_;
  std::size_t size_ = 0;
};

}  // namespace shardplex
