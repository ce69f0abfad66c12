// The way to ask for newer snapshots.
#pragma once

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

  /// Look now whether the tables of a shard have changed, and publish them where they have. Any thread;
  /// requests are coalesced.
  virtual void request_tables() = 0;
};

}  // namespace shardplex::router
