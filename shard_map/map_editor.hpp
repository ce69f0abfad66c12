// Changing a shard map's text where it stands, so that comments and layout stay.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shard_map/shard_map.hpp"

namespace shardplex {

/// `yaml`, a valid shard map, so that it reads as `wanted`: its shards and placements are changed. nullopt
/// where the text is too unusual for it, or anything else differs.
std::optional<std::string> edit_in_place(std::string_view yaml, const ShardMap& wanted);

}  // namespace shardplex
