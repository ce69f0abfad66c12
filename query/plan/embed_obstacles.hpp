// What keeps shards from answering embeds, before anything is written for them. Pure.
#pragma once

#include "query/error.hpp"
#include "query/resolve/read_tree.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

/// SHARD400 for an embed whose rows can be on other shards, where they are not looked up.
Error not_local(const ResolvedEmbed& embed);

/// SHARD400 for the first embed of the tree that leads to rows on other shards.
Result<void> require_local(const ResolvedNode& node, const ShardMap& map);

/// SHARD503 for the first column that relates rows to those of an embed of the tree and in which the shards
/// contradict each other. Columns that are shown or filtered by are looked at where they are written.
Result<void> require_agreed(const ResolvedNode& node);

}  // namespace shardplex
