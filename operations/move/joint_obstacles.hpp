// What shards that were each visited (shard_obstacles.hpp) have against moves between them. What is found is
// added to the part that it is about.
#pragma once

#include "operations/move/undertaking.hpp"

namespace shardplex::operations {

/// Tables and rights of the shards that have to be alike.
void compare_shards(Undertaking& all);

/// Settings, collations, extensions and whatever else decides an answer.
void compare_environments(Undertaking& all);

/// Tables that routers would not serve afterwards.
void check_served(Undertaking& all);

/// Routers that would not ask the shard that rows go to.
void check_routers(Undertaking& all);

/// Servers that cannot connect to those that they would subscribe to.
void check_followers(Undertaking& all);

}  // namespace shardplex::operations
