// Changes to the text of a shard map that leave the rest of it, comments included, as it is.
#pragma once

#include <string>
#include <string_view>

#include "shard_map/shard_map.hpp"

namespace shardplex {

/// The text of a map that reads as `wanted`. Precondition: `yaml` is a valid map, and `wanted` differs from
/// it in its shards and in its placements only. What does not change keeps its text and comments; where the
/// text is too unusual to be edited in place, it is written anew without its comments.
std::string edit_shard_map(std::string_view yaml, const ShardMap& wanted);

/// The map as YAML, without comments.
std::string to_yaml(const ShardMap& map);

}  // namespace shardplex
