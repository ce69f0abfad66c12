// An operator rules which server of a shard is its primary, against a newer timeline that routers know of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "operations/shard/inquiry.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct AcceptedTimeline {
  std::string conninfo;         ///< of the server that is the primary from now on
  std::int64_t timeline = 0;    ///< that it is on
  std::int64_t outweighed = 0;  ///< the newest timeline that was known before; 0: none was noted
  std::vector<std::string>
      untold;  ///< a sentence for each shard that could not be told; routers will tell it
};

/// The server that an operator means who does not name one.
struct AcceptedServer {
  std::size_t server = 0;     ///< index into servers_of(shard)
  std::int64_t timeline = 0;  ///< that it is on
  std::int64_t ruling = 0;    ///< the last that any server of the shard has; the new one has to be higher
  bool operator==(const AcceptedServer&) const = default;
};

/// The one server of the shard that takes writes, also where it was replaced or given up before: that may be
/// what is to be undone. `answers` are those of servers_of(shard), judged by what they say alone. Throws
/// CommandFailed where there is none, or are several, or a replica on a newer timeline would bring it back.
/// Pure.
AcceptedServer choose_accepted(const std::string& cluster, const Shard& shard,
                               const std::vector<ServerAnswer>& answers);

/// Notes in all shards that the one server of `shard` that is a primary now is the right one. Running routers
/// read that with their next probe. Throws CommandFailed where no server of it is a primary, or several are:
/// the one that is not to be is to be stopped first, so that it is clear which one is meant. Throws what
/// connections throw where that server itself could not be told: nobody has been told then.
AcceptedTimeline accept_timeline(const ShardMap& map, const Shard& shard);

}  // namespace shardplex::operations
