// What could stand in the way of cluster init, found before anything is changed.
#pragma once

#include <vector>

#include "operations/cluster/init_member.hpp"
#include "operations/process/terminal.hpp"

namespace shardplex::operations {

/// Connects to all members and begins their transactions. Every problem of all of them, each with its shard.
Problems check_members(std::vector<Member>& members, const ShardMap& map, bool schema_given);

void warn_of_settings(const std::vector<Member>& members, const Terminal& terminal);

}  // namespace shardplex::operations
