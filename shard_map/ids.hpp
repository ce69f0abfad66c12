// The strong types that routing is made of. None converts to another by accident.
#pragma once

#include <compare>
#include <cstdint>

namespace shardplex {

/// Unit of placement within a group; 0 <= value < Group::slot_count.
struct Slot {
  std::uint32_t value = 0;
  auto operator<=>(const Slot&) const = default;
};

/// Index of a shard in ShardMap::shards(), in the order of the YAML file.
struct ShardId {
  std::uint16_t value = 0;
  auto operator<=>(const ShardId&) const = default;
};

/// Index of a group in ShardMap::groups(), in the order of the YAML file.
struct GroupId {
  std::uint16_t value = 0;
  auto operator<=>(const GroupId&) const = default;
};

/// A shard's version of its own ownership; grows by one with every change of it.
struct Epoch {
  std::int64_t value = 0;
  auto operator<=>(const Epoch&) const = default;
};

}  // namespace shardplex
