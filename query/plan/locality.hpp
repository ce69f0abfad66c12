// Which relations a shard can follow by itself.
#pragma once

#include <vector>

#include "query/catalogue/relations.hpp"
#include "query/resolve/read_tree.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

/// True where the related rows of each row are on the row's own shard, whatever moves: they are of a
/// reference table, or of the same group with the columns that decide the slot equal in both. So it is with
/// views, whose columns that the map names decide the slot of their rows. A junction has
/// to be so beside the row, and the foreign table beside the junction. What a shard holds of slots that it
/// does not own is related to rows of such slots only. What a function gives is made to be so.
bool is_local(const Relation& relation, const ShardMap& map);

/// True where the rows that the relation leads to are on the shard of the junction's rows that lead to them.
/// Precondition: it is many to many.
bool is_local_to_junction(const Relation& relation, const ShardMap& map);

/// True where a shard can make the embed by itself, with all embeds inside it. Any other is looked up.
bool is_wholly_local(const ResolvedEmbed& embed, const ShardMap& map);

/// The embeds of a node that its shards cannot make by themselves.
std::vector<const ResolvedEmbed*> looked_up_embeds(const ResolvedNode& node, const ShardMap& map);

}  // namespace shardplex
