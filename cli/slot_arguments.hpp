// Slots and groups as they are named on the command line.
#pragma once

#include <optional>
#include <string>

#include "shard_map/shard_map.hpp"

namespace shardplex::cli {

/// The group of that name, or the only one of the map where none is named. Throws CommandFailed where there
/// is no such group, and UsageError where one has to be named.
GroupId group_argument(const ShardMap& map, const std::optional<std::string>& name);

/// Slots as the YAML writes them, without the brackets: "0-63,70". Throws UsageError.
SlotSet slots_argument(const std::string& text, const Group& group);

}  // namespace shardplex::cli
