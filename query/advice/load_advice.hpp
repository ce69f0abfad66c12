// Whether shards and slots answer unevenly many requests. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/advice/advice.hpp"
#include "shard_map/rebalance_plan.hpp"

namespace shardplex {

/// Rows of one key in a slot.
struct KeyRows {
  std::string table;
  std::string key;  ///< its text
  std::uint64_t rows = 0;
};

/// What a hot slot holds.
struct SlotContent {
  std::string group;
  Slot slot;
  std::vector<KeyRows> heaviest;  ///< of its keys those with the most rows, these first
  std::uint64_t keys = 0;         ///< how many there are, over all tables of the group
  std::string problem;            ///< why that is not known; "" where it is
};

/// The slots with more requests than a shard's fair share, of groups of which enough were counted: ten times
/// `least_calls`.
std::vector<HotSlot> hot_slots(const ClusterLoad& requests, const AdviceBounds& bounds);

/// `requests`: those that the routers have counted, by slot. `contents`: of the hot slots, as far as the
/// shards were asked.
Advised advise_load(const ClusterLoad& requests, const std::vector<SlotContent>& contents,
                    const AdviceBounds& bounds);

}  // namespace shardplex
