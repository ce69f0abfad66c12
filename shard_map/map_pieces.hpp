// The pieces that the text of a shard map is written of.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shard_map/shard_map.hpp"
#include "shard_map/slot_set.hpp"

namespace shardplex {

/// As it stands where every YAML reader takes that for text, in and out of brackets; else in quotes.
std::string yaml_scalar(std::string_view text);

SlotSet slots_on(const Group& group, std::optional<ShardId> shard);
SlotSet slots_in(const std::vector<Slot>& list, std::uint32_t slot_count);
/// "0-255", "512", …
std::vector<std::string> ranges_of(const SlotSet& slots);
/// In brackets that stand at `column`, on as many lines as it takes.
std::string slot_list(const SlotSet& slots, std::size_t column, std::string_view newline);

std::string servers_in_brackets(const std::vector<std::string>& servers);
std::string shard_in_brackets(const Shard& shard);

/// How a shard is laid out that has lines of its own.
struct ShardLayout {
  std::size_t indent = 4;  ///< of primary and replicas
  bool bracketed_replicas = false;
  std::size_t dash_indent = 6;  ///< of replicas on lines of their own
};

/// Without the indent of its first line and the end of its last.
std::string shard_on_lines(const Shard& shard, const ShardLayout& layout, std::string_view newline);

}  // namespace shardplex
