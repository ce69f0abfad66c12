// An operator rules which server of a shard is its primary, against a newer timeline that routers know of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct AcceptedTimeline {
  std::string conninfo;         ///< of the server that is the primary from now on
  std::int64_t timeline = 0;    ///< that it is on
  std::int64_t outweighed = 0;  ///< the newest timeline that was known before; 0: none was noted
  std::vector<std::string>
      untold;  ///< a sentence for each shard that could not be told; routers will tell it
};

/// Notes in all shards that the one server of `shard` that is a primary now is the right one. Running routers
/// read that with their next probe. Throws CommandFailed where no server of it is a primary, or several are:
/// the one that is not to be is to be stopped first, so that it is clear which one is meant. Throws what
/// connections throw where that server itself could not be told: nobody has been told then.
AcceptedTimeline accept_timeline(const ShardMap& map, const Shard& shard);

}  // namespace shardplex::operations
