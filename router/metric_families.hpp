// What /metrics shows: one row per metric, in metric_families.cpp.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "router/metrics.hpp"

namespace shardplex::router {

/// All that a scrape reads.
struct Scrape {
  std::vector<const WorkerMetrics*> workers;
  std::map<std::string, std::vector<const ShardMetrics*>> shards;  ///< by name: the workers' counts for it
  std::vector<Metrics::ServerGauge> servers;
  std::vector<Metrics::TableGauge> tables;
  std::uint64_t map_reloads = 0, map_reload_failures = 0, map_refreshes = 0, shards_added = 0;
  std::uint64_t memory_used = 0, memory_limit = 0, memory_refused = 0;  ///< bytes, bytes, times
  std::uint64_t fenced_slots = 0, fence_milliseconds = 0;
  std::uint64_t waiting_parts = 0, waiting_parts_milliseconds = 0;
};

/// The families in the order of the table. The pointers in `scrape` must be good for the length of the call.
std::vector<prometheus::MetricFamily> metric_families(const Scrape& scrape);

}  // namespace shardplex::router
