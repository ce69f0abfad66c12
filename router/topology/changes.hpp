// What has been read anew since the last snapshot.
#pragma once

namespace shardplex::router {

/// Health is not among it: it is put into every snapshot.
struct Changes {
  bool tables = false;     ///< some shard's tables
  bool ownership = false;  ///< some shard's ownership report
  bool seen = false;       ///< nothing but that tables are as they were, which requests wait to hear
};

}  // namespace shardplex::router
