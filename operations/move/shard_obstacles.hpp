// What a shard by itself has against moves.
#pragma once

#include <vector>

#include "operations/move/undertaking.hpp"
#include "shard_schema/environment.hpp"

namespace shardplex::operations {

/// Reads the shard, and adds what is found to its part; so too where it cannot be reached.
void visit(const ShardMap& map, Participant& part);

void add_environment(std::vector<EnvironmentFinding> findings, Participant& part);

}  // namespace shardplex::operations
