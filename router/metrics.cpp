#include "router/metrics.hpp"

#include <utility>

#include "router/metric_families.hpp"

namespace shardplex::router {

ShardMetrics& WorkerMetrics::shard(const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& slot = shards_[name];
  if (!slot) slot = std::make_unique<ShardMetrics>();
  return *slot;
}

SlotLoad& WorkerMetrics::load(const std::string& group, std::uint32_t slot_count) {
  const std::lock_guard lock(mutex_);
  auto& load = loads_[{group, slot_count}];
  if (!load) load = std::make_unique<SlotLoad>(slot_count);
  return *load;
}

Metrics::Metrics(std::size_t workers) {
  for (std::size_t i = 0; i < workers; ++i) workers_.push_back(std::make_unique<WorkerMetrics>());
}

void Metrics::set_servers(std::vector<ServerGauge> servers) {
  const std::lock_guard lock(servers_mutex_);
  servers_ = std::move(servers);
}

void Metrics::set_tables(std::vector<TableGauge> tables) {
  const std::lock_guard lock(servers_mutex_);
  tables_ = std::move(tables);
}

std::vector<std::uint64_t> Metrics::load(const std::string& group, std::uint32_t slot_count) const {
  std::vector<std::uint64_t> sum(slot_count);
  for (const auto& worker : workers_) {
    const std::lock_guard lock(worker->mutex_);
    const auto part = worker->loads_.find({group, slot_count});
    if (part == worker->loads_.end()) continue;
    for (std::size_t slot = 0; slot < slot_count; ++slot) sum[slot] += (*part->second)[slot].get();
  }
  return sum;
}

PatternReport Metrics::patterns() const {
  constexpr std::size_t most_at_a_time = 4 * PatternTable::most;  // clients make shapes up, for each worker
  PatternReport sum;
  for (const auto& worker : workers_) {
    sum.add(worker->patterns.report());
    sum.keep(most_at_a_time);
  }
  sum.keep(PatternTable::most);
  return sum;
}

std::vector<prometheus::MetricFamily> Metrics::Collect() const {
  Scrape scrape;
  for (const auto& worker : workers_) {
    scrape.workers.push_back(worker.get());
    const std::lock_guard lock(worker->mutex_);
    for (const auto& [name, shard] : worker->shards_) scrape.shards[name].push_back(shard.get());
  }
  {
    const std::lock_guard lock(servers_mutex_);
    scrape.servers = servers_;
    scrape.tables = tables_;
  }
  scrape.map_reloads = map_reloads;
  scrape.map_reload_failures = map_reload_failures;
  scrape.map_refreshes = map_refreshes;
  scrape.shards_added = shards_added;
  if (memory != nullptr) {
    scrape.memory_used = memory->used();
    scrape.memory_limit = memory->limit();
    scrape.memory_refused = memory->refused();
  }
  scrape.fenced_slots = fenced_slots;
  scrape.fence_milliseconds = fence_milliseconds;
  scrape.waiting_parts = waiting_parts;
  scrape.waiting_parts_milliseconds = waiting_parts_milliseconds;
  return metric_families(scrape);
}

}  // namespace shardplex::router
