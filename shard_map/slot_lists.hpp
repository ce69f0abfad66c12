// Lists of slots in a shard map, such as [0-511, 700], that share out the slots of a group.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shard_map/slot_set.hpp"
#include "shard_map/yaml_reader.hpp"

namespace shardplex {

/// Reads lists no two of which may have a slot in common, and reports where they do. A slot given twice stays
/// with the list that was read first.
class SlotLists {
 public:
  /// Problems go to `yaml`, which outlives this.
  SlotLists(YamlReader& yaml, std::uint32_t slot_count);

  /// The slots that this list is the first to name, ascending. `what` completes "slot 5 is also ...".
  std::vector<Slot> read(const YamlNode& list, std::string what);

  /// Slots on no list. Empty where a part of a list could not be read, as that part may have named them.
  SlotSet missing() const;

 private:
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);
  struct Range {
    std::uint32_t first = 0, last = 0;  // both included
  };

  static std::optional<Range> parse_range(const YamlValue& value);
  std::optional<Range> read_range(const YamlNode& node);
  bool within_budget(const YamlNode& node, const Range& range);
  std::uint32_t slot_count() const { return static_cast<std::uint32_t>(owners_.size()); }

  YamlReader& yaml_;
  std::vector<std::size_t> owners_;  // slot -> index in whats_
  std::vector<std::string> whats_;
  std::size_t named_ = 0;  // slots in all ranges so far, repeated ones counted each time
  bool whole_ = true;
};

}  // namespace shardplex
