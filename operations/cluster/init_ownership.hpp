// Who owns which slots, and who promises which ids, when cluster init makes shards: nothing is taken from
// anyone.
#pragma once

#include <vector>

#include "operations/cluster/init_member.hpp"

namespace shardplex::operations {

/// A new database may come under a name that was another's, and begins on an earlier timeline than what is
/// noted of that one. It would be taken for an old primary, by routers too: all shards are told that it is
/// the right one, as by cluster accept-timeline. A shard of before its history told of rulings is the one
/// that the last of them meant, or it would not have been found as the primary: it is given that, whoever
/// noted it.
void accept_new_timelines(std::vector<Member>& members, const ShardMap& map);

/// Gives each member that has no slots of a group those that the map places on it and nobody can own. Throws
/// CommandFailed where somebody may.
void give_slots(std::vector<Member>& members, const ShardMap& map);

/// Gives node numbers to the shards that have none, no two the same. A cluster that was made before shards
/// had their own promised all of them on its first shard, and a shard that has left may have promised some:
/// what is given now is promised from a time on that none of them has come to, and as late a one as their
/// last words may reach.
void share_out_node_numbers(std::vector<Member>& members, const ShardMap& map);

}  // namespace shardplex::operations
