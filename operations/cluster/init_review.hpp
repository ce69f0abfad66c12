// What cluster init has to say of the shards as they will be, and what it refuses then; nothing is committed
// yet.
#pragma once

#include <vector>

#include "operations/cluster/init_member.hpp"
#include "operations/process/terminal.hpp"

namespace shardplex::operations {

/// Refuses, by CommandFailed, what no router would serve where a shard is new, or where a router served it
/// until now. A cluster whose shards are all made already is upgraded, and a table that was not served before
/// must not stand in the way of that: it is warned of, as is what a router warns of.
void check_served(const std::vector<Member>& members, const ShardMap& map, const Terminal& terminal);

/// The same for what decides answers beside the tables.
void check_alike(const std::vector<Member>& members, const ShardMap& map, const Terminal& terminal);

/// Where shards are made, sequences of ids that must not be on two shards give each its own. Those of a
/// cluster that is in use are left as they are: who has seen its ids may rely on them.
void check_sequences(std::vector<Member>& members, const ShardMap& map, const Terminal& terminal);

/// Notes where the slots are elsewhere than the map places them, and returns what is wrong with ownership.
Problems review_ownership(std::vector<Member>& members, const ShardMap& map);

/// A line for each shard with what was done, and its notes.
void report_done(const std::vector<Member>& members, bool dry_run, const Terminal& terminal);

}  // namespace shardplex::operations
