// The way to ask for newer snapshots.
#pragma once

#include <cstdint>
#include <string>

namespace shardplex::router {

/// A worker's way to ask the control thread for a new snapshot.
class Refresher {
 public:
  virtual ~Refresher() = default;
  /// Read the ownership of all shards now, and often for a while, and publish what has changed. Any thread;
  /// requests are coalesced.
  virtual void request_refresh() = 0;
  /// Probe every server now: one has told something that its last probe did not. Any thread; requests are
  /// coalesced.
  virtual void request_probes() = 0;

  /// A server of the shard has said that it is a primary on this timeline: those on earlier ones are not
  /// written to any more, though the next probe may not meet that server. Any thread.
  virtual void saw_timeline(const std::string& shard, std::int64_t timeline) = 0;

  /// Look now whether the tables of a shard have changed, and publish them where they have. Any thread;
  /// requests are coalesced.
  virtual void request_tables() = 0;
};

}  // namespace shardplex::router
