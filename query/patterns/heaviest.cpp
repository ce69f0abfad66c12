#include "query/patterns/heaviest.hpp"

#include <algorithm>
#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex {

Heaviest::Heaviest(std::size_t capacity) : slots_(capacity), weights_(capacity) {
  invariant(capacity > 0, "a table of the heaviest has room for one");
}

std::optional<Heaviest::Place> Heaviest::find(std::string_view text) const {
  const auto found = places_.find(text);
  if (found == places_.end()) return std::nullopt;
  return Place{found->second, slots_[found->second].turn};
}

Heaviest::Place Heaviest::take_in(std::string text) {
  std::size_t slot = size_;
  if (size_ < slots_.size()) {
    ++size_;
  } else {
    slot = static_cast<std::size_t>(std::ranges::min_element(weights_) - weights_.begin());
    places_.erase(slots_[slot].text);
    ++slots_[slot].turn;
    slots_[slot].inherited = weights_[slot];
  }
  slots_[slot].text = std::move(text);
  places_.emplace(slots_[slot].text, slot);
  return {slot, slots_[slot].turn};
}

std::vector<Heaviest::Place> Heaviest::places() const {
  std::vector<Place> all;
  all.reserve(size_);
  for (std::size_t slot = 0; slot < size_; ++slot) all.push_back({slot, slots_[slot].turn});
  return all;
}

}  // namespace shardplex
