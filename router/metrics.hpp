// What the router counts. Workers count in memory of their own; a scrape adds them up, and shows them as the
// table in metric_families.cpp says.
#pragma once

#include <prometheus/collectable.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postgres/pool.hpp"
#include "query/patterns/pattern_report.hpp"
#include "router/count.hpp"
#include "router/pattern_table.hpp"

namespace shardplex::router {

/// Counts of observations up to each bound; single writer, as Count.
template <std::size_t N>
class Distribution {
 public:
  explicit Distribution(const std::array<double, N>& bounds) : bounds_(bounds) {}

  /// `scaled` is the observation in millionths of the bounds' unit (microseconds where bounds are seconds).
  void observe(std::uint64_t scaled) {
    const double value = static_cast<double>(scaled) / 1e6;
    std::size_t i = 0;
    while (i < N && value > bounds_[i]) ++i;
    buckets_[i].add();
    sum_.add(scaled);
  }
  const std::array<double, N>& bounds() const { return bounds_; }
  std::uint64_t bucket(std::size_t i) const { return buckets_[i].get(); }  ///< i == N: above every bound
  double sum() const { return static_cast<double>(sum_.get()) / 1e6; }

 private:
  std::array<double, N> bounds_;
  std::array<Count, N + 1> buckets_;
  Count sum_;
};

inline constexpr std::array<double, 12> latency_bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                       0.05,   0.1,   0.25,   0.5,   1,    5};
inline constexpr std::array<double, 9> size_bounds{1, 2, 4, 8, 16, 32, 64, 128, 256};

/// What a request's path names.
enum class RouteLabel : std::uint8_t { table, row, other };
inline constexpr std::array<std::string_view, 3> route_labels{"table", "row", "other"};
inline constexpr std::array<std::string_view, 8> method_labels{"GET", "HEAD",  "OPTIONS", "POST",
                                                               "PUT", "PATCH", "DELETE",  "other"};
inline constexpr std::size_t highest_status = 599;

enum class Role : std::uint8_t { primary, replica };
enum class QueryOutcome : std::uint8_t { ok, statement_error, stale_epoch, unavailable, timeout };
inline constexpr std::array<std::string_view, 2> role_labels{"primary", "replica"};
inline constexpr std::array<std::string_view, 5> outcome_labels{"ok", "error", "stale_epoch", "unavailable",
                                                                "timeout"};
inline constexpr std::array<std::string_view, postgres::lane_count> lane_labels{"point", "read", "write",
                                                                                "stream"};

/// One worker's counts for one role of one shard.
struct RoleMetrics {
  std::array<Count, outcome_labels.size()> queries;
  Distribution<latency_bounds.size()> latency{latency_bounds};
  struct PoolGauges {
    Count connections, in_flight, queued, connects, connect_failures;
  };
  std::array<PoolGauges, postgres::lane_count> lanes;
};

struct ShardMetrics {
  std::array<RoleMetrics, role_labels.size()> roles;
};

/// Requests by slot of a group.
using SlotLoad = std::vector<Count>;

/// One worker's counts.
class WorkerMetrics {
 public:
  /// An answer to a request that took so long.
  void request(RouteLabel route, std::size_t method, unsigned status, std::uint64_t microseconds) {
    count(route, method, status);
    latency[static_cast<std::size_t>(route)].observe(microseconds);
  }
  /// An answer to what was never read as a whole request: it is counted, and has no duration.
  void refusal(std::size_t method, unsigned status) { count(RouteLabel::other, method, status); }
  /// How many were answered so; `status` is at most highest_status.
  const Count& requests(RouteLabel route, std::size_t method, unsigned status) const {
    return requests_[static_cast<std::size_t>(route)][method][status];
  }
  /// This worker's counts for a shard; made on first use, kept for the life of the process. Worker's thread.
  ShardMetrics& shard(const std::string& name);
  /// This worker's counts for a group's slots; as shard().
  SlotLoad& load(const std::string& group, std::uint32_t slot_count);

  std::array<Distribution<latency_bounds.size()>, route_labels.size()> latency{
      Distribution<latency_bounds.size()>{latency_bounds},
      Distribution<latency_bounds.size()>{latency_bounds},
      Distribution<latency_bounds.size()>{latency_bounds}};
  Distribution<size_bounds.size()> batch_size{size_bounds};
  Distribution<size_bounds.size()> fan_out{size_bounds};
  Count connections, connections_refused, requests_in_flight, replans, partial_answers;
  PatternTable patterns;

 private:
  friend class Metrics;
  using ByStatus = std::array<Count, highest_status + 1>;
  void count(RouteLabel route, std::size_t method, unsigned status) {
    auto& counts = requests_[static_cast<std::size_t>(route)][method];
    counts[status <= highest_status ? status : highest_status].add();
  }
  std::array<std::array<ByStatus, method_labels.size()>, route_labels.size()> requests_;
  mutable std::mutex mutex_;  // held to add a shard or a group and to scrape, never by a request
  std::map<std::string, std::unique_ptr<ShardMetrics>> shards_;
  std::map<std::pair<std::string, std::uint32_t>, std::unique_ptr<SlotLoad>> loads_;
};

/// All workers' counts, as Prometheus reads them.
class Metrics final : public prometheus::Collectable {
 public:
  explicit Metrics(std::size_t workers);
  WorkerMetrics& worker(std::size_t i) { return *workers_[i]; }

  /// For the gauges that the control thread knows: the epoch and state of each server. Any thread.
  struct ServerGauge {
    std::string shard, server;
    bool up, writable, readable;
    std::int64_t epoch;
    std::optional<double> lag_seconds;  ///< absent: unknown, or no replica
  };
  void set_servers(std::vector<ServerGauge> servers);

  /// Of every table of the map whether the shards differ in it, and it is not served, or not all of it. Any
  /// thread.
  struct TableGauge {
    std::string table;
    bool differs, refused;
  };
  void set_tables(std::vector<TableGauge> tables);

  std::vector<prometheus::MetricFamily> Collect() const override;

  /// Requests per slot of a group since the start, by slot. Any thread.
  std::vector<std::uint64_t> load(const std::string& group, std::uint32_t slot_count) const;

  /// What requests of each shape have cost since the start, in no order: the PatternTable::most on which most
  /// time went. Any thread.
  PatternReport patterns() const;

  /// Of the process; null: it has none. Set before the first scrape.
  const MemoryBudget* memory = nullptr;

  std::atomic<std::uint64_t> map_reloads{0}, map_reload_failures{0}, map_refreshes{0}, shards_added{0};
  std::atomic<std::uint64_t> fenced_slots{0}, fence_milliseconds{0};           ///< as last seen
  std::atomic<std::uint64_t> waiting_parts{0}, waiting_parts_milliseconds{0};  ///< of writes; as last seen

 private:
  std::vector<std::unique_ptr<WorkerMetrics>> workers_;
  mutable std::mutex servers_mutex_;
  std::vector<ServerGauge> servers_;
  std::vector<TableGauge> tables_;
};

}  // namespace shardplex::router
