// Publishing: what is known of the shards becomes an immutable snapshot.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "router/metrics.hpp"
#include "router/topology/changes.hpp"
#include "router/topology/membership.hpp"
#include "router/topology/snapshot.hpp"
#include "shard_map/map_schemas.hpp"

namespace shardplex::router {

/// The snapshot that follows `before` (null: there was none). Catalogue and ownership are combined anew where
/// `changes` has them, and are `before`'s otherwise; its version is, too, where requests are routed alike by
/// both. `schemas`: those that clients may name.
Snapshot next_snapshot(const Membership& membership, const Changes& changes, const SnapshotPtr& before,
                       const std::vector<std::string>& schemas = only_plain_schema());

/// The state of each server, for the metrics.
std::vector<Metrics::ServerGauge> server_gauges(const Membership& membership);

/// What is served of each table of the map; nothing before there is a catalogue.
std::vector<Metrics::TableGauge> table_gauges(const Snapshot& snapshot);

/// Thread: the control thread.
class Publisher {
 public:
  using Publish = std::function<void(const SnapshotPtr&)>;

  /// `publish` hands a snapshot to the workers; `schemas` are those that clients may name.
  Publisher(Metrics& metrics, Publish publish, std::vector<std::string> schemas = only_plain_schema());

  /// Brings latest() and the metrics up to date; workers are told only where it changes how they route, or
  /// where they wait to hear that nothing does.
  void publish(const Membership& membership, const Changes& changes);

  /// The newest snapshot; null before the first.
  const SnapshotPtr& latest() const { return latest_; }

 private:
  Metrics& metrics_;
  const Publish publish_to_workers_;
  const std::vector<std::string> schemas_;
  SnapshotPtr latest_;
};

}  // namespace shardplex::router
