#include "router/metrics.hpp"

#include <prometheus/metric_family.h>

#include <boost/version.hpp>
#include <functional>

#include "router/version.hpp"

namespace shardplex::router {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

MetricFamily family(std::string name, std::string help, MetricType type) {
  MetricFamily f;
  f.name = std::move(name);
  f.help = std::move(help);
  f.type = type;
  return f;
}

ClientMetric::Label label(std::string_view name, std::string_view value) {
  return ClientMetric::Label{std::string(name), std::string(value)};
}

void add_counter(MetricFamily& f, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = value;
  f.metric.push_back(std::move(metric));
}

void add_gauge(MetricFamily& f, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  f.metric.push_back(std::move(metric));
}

/// The sum of the workers' distributions as one histogram.
template <std::size_t N>
void add_histogram(MetricFamily& f, Labels labels, const std::vector<const Distribution<N>*>& parts) {
  ClientMetric metric;
  metric.label = std::move(labels);
  std::uint64_t cumulative = 0;
  double sum = 0;
  for (std::size_t i = 0; i <= N; ++i) {
    for (const auto* part : parts) cumulative += part->bucket(i);
    ClientMetric::Bucket bucket;
    bucket.cumulative_count = cumulative;
    bucket.upper_bound = i < N ? parts.front()->bounds()[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back(bucket);
  }
  for (const auto* part : parts) sum += part->sum();
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = sum;
  f.metric.push_back(std::move(metric));
}

}  // namespace

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

std::vector<MetricFamily> Metrics::Collect() const {
  std::vector<MetricFamily> out;
  const auto total = [this](const std::function<std::uint64_t(const WorkerMetrics&)>& get) {
    std::uint64_t sum = 0;
    for (const auto& w : workers_) sum += get(*w);
    return static_cast<double>(sum);
  };

  auto build =
      family("shardplex_build_info", "Version of the router; the value is always 1.", MetricType::Gauge);
  add_gauge(
      build,
      {label("version", version), label("compiler", "gcc " __VERSION__), label("boost", BOOST_LIB_VERSION)},
      1);
  out.push_back(std::move(build));

  auto requests = family("shardplex_http_requests_total", "HTTP requests answered.", MetricType::Counter);
  for (std::size_t r = 0; r < route_labels.size(); ++r)
    for (std::size_t m = 0; m < method_labels.size(); ++m)
      for (std::size_t status = 100; status <= highest_status; ++status) {
        const auto n = total([&](const WorkerMetrics& w) { return w.requests_[r][m][status].get(); });
        if (n > 0)
          add_counter(requests,
                      {label("route", route_labels[r]), label("method", method_labels[m]),
                       label("code", std::to_string(status))},
                      n);
      }
  out.push_back(std::move(requests));

  auto latency = family("shardplex_http_request_duration_seconds",
                        "Time from a request's head to its answer.", MetricType::Histogram);
  for (std::size_t r = 0; r < route_labels.size(); ++r) {
    std::vector<const Distribution<latency_bounds.size()>*> parts;
    for (const auto& w : workers_) parts.push_back(&w->latency[r]);
    add_histogram(latency, {label("route", route_labels[r])}, parts);
  }
  out.push_back(std::move(latency));

  const auto worker_histogram = [&](const char* name, const char* help,
                                    Distribution<size_bounds.size()> WorkerMetrics::*member) {
    auto f = family(name, help, MetricType::Histogram);
    std::vector<const Distribution<size_bounds.size()>*> parts;
    for (const auto& w : workers_) parts.push_back(&((*w).*member));
    add_histogram(f, {}, parts);
    out.push_back(std::move(f));
  };
  worker_histogram("shardplex_point_batch_size", "Keys asked for by one batched statement.",
                   &WorkerMetrics::batch_size);
  worker_histogram("shardplex_fan_out_shards", "Shards asked by one request.", &WorkerMetrics::fan_out);

  const auto worker_gauge = [&](const char* name, const char* help, Count WorkerMetrics::*member,
                                MetricType type) {
    auto f = family(name, help, type);
    const auto value = total([&](const WorkerMetrics& w) { return (w.*member).get(); });
    type == MetricType::Counter ? add_counter(f, {}, value) : add_gauge(f, {}, value);
    out.push_back(std::move(f));
  };
  worker_gauge("shardplex_http_connections", "Open client connections.", &WorkerMetrics::connections,
               MetricType::Gauge);
  worker_gauge("shardplex_http_connections_refused_total", "Client connections over the limit.",
               &WorkerMetrics::connections_refused, MetricType::Counter);
  worker_gauge("shardplex_http_requests_in_flight", "Requests being served.",
               &WorkerMetrics::requests_in_flight, MetricType::Gauge);
  worker_gauge("shardplex_replans_total", "Requests planned again because ownership had changed.",
               &WorkerMetrics::replans, MetricType::Counter);

  auto queries =
      family("shardplex_shard_queries_total", "Statements sent to a shard, by outcome.", MetricType::Counter);
  auto shard_latency =
      family("shardplex_shard_query_duration_seconds", "Round trips to a shard.", MetricType::Histogram);
  auto connections = family("shardplex_pool_connections", "Open PostgreSQL connections.", MetricType::Gauge);
  auto in_flight = family("shardplex_pool_in_flight", "Statements in flight.", MetricType::Gauge);
  auto queued = family("shardplex_pool_queued", "Statements waiting for a connection.", MetricType::Gauge);
  auto connects = family("shardplex_pool_connects_total", "Connections made.", MetricType::Counter);
  auto failures = family("shardplex_pool_connect_failures_total", "Connections that could not be made.",
                         MetricType::Counter);

  std::map<std::string, std::vector<const ShardMetrics*>> shards;
  for (const auto& w : workers_) {
    const std::lock_guard lock(w->mutex_);
    for (const auto& [name, metrics] : w->shards_) shards[name].push_back(metrics.get());
  }
  for (const auto& [name, parts] : shards)
    for (std::size_t r = 0; r < role_labels.size(); ++r) {
      const Labels labels{label("shard", name), label("role", role_labels[r])};
      const auto with = [&](std::string_view key, std::string_view value) {
        Labels all = labels;
        all.push_back(label(key, value));
        return all;
      };
      for (std::size_t o = 0; o < outcome_labels.size(); ++o) {
        std::uint64_t n = 0;
        for (const auto* part : parts) n += part->roles[r].queries[o].get();
        add_counter(queries, with("outcome", outcome_labels[o]), static_cast<double>(n));
      }
      std::vector<const Distribution<latency_bounds.size()>*> distributions;
      for (const auto* part : parts) distributions.push_back(&part->roles[r].latency);
      add_histogram(shard_latency, labels, distributions);
      for (std::size_t l = 0; l < lane_labels.size(); ++l) {
        const auto sum = [&](Count RoleMetrics::PoolGauges::*member) {
          std::uint64_t n = 0;
          for (const auto* part : parts) n += (part->roles[r].lanes[l].*member).get();
          return static_cast<double>(n);
        };
        const auto lane = with("lane", lane_labels[l]);
        add_gauge(connections, lane, sum(&RoleMetrics::PoolGauges::connections));
        add_gauge(in_flight, lane, sum(&RoleMetrics::PoolGauges::in_flight));
        add_gauge(queued, lane, sum(&RoleMetrics::PoolGauges::queued));
        add_counter(connects, lane, sum(&RoleMetrics::PoolGauges::connects));
        add_counter(failures, lane, sum(&RoleMetrics::PoolGauges::connect_failures));
      }
    }
  for (auto* f : {&queries, &shard_latency, &connections, &in_flight, &queued, &connects, &failures})
    out.push_back(std::move(*f));

  auto up =
      family("shardplex_server_up", "1 where the server answers and is of its shard.", MetricType::Gauge);
  auto readable =
      family("shardplex_server_readable", "1 where reads may go to the server.", MetricType::Gauge);
  auto writable =
      family("shardplex_server_writable", "1 where writes may go to the server.", MetricType::Gauge);
  auto epoch = family("shardplex_map_epoch", "Epoch of the shard's ownership, as the server has it.",
                      MetricType::Gauge);
  auto lag =
      family("shardplex_replica_lag_seconds", "How far a replica's replay is behind.", MetricType::Gauge);
  {
    const std::lock_guard lock(servers_mutex_);
    for (const auto& s : servers_) {
      const Labels labels{label("shard", s.shard), label("server", s.server)};
      add_gauge(up, labels, s.up ? 1 : 0);
      add_gauge(readable, labels, s.readable ? 1 : 0);
      add_gauge(writable, labels, s.writable ? 1 : 0);
      if (s.up) add_gauge(epoch, labels, static_cast<double>(s.epoch));
      if (s.up && !s.writable) add_gauge(lag, labels, s.lag_seconds);
    }
  }
  for (auto* f : {&up, &readable, &writable, &epoch, &lag}) out.push_back(std::move(*f));

  auto reloads = family("shardplex_map_reloads_total", "Shard map reloads, by result.", MetricType::Counter);
  add_counter(reloads, {label("result", "ok")}, static_cast<double>(map_reloads));
  add_counter(reloads, {label("result", "refused")}, static_cast<double>(map_reload_failures));
  out.push_back(std::move(reloads));

  auto refreshes = family("shardplex_map_refreshes_total",
                          "Times that requests had to wait for the shards' word on who owns their slots.",
                          MetricType::Counter);
  add_counter(refreshes, {}, static_cast<double>(map_refreshes));
  out.push_back(std::move(refreshes));

  auto added =
      family("shardplex_shards_added_total", "Shards learned of from other shards.", MetricType::Counter);
  add_counter(added, {}, static_cast<double>(shards_added));
  out.push_back(std::move(added));
  return out;
}

}  // namespace shardplex::router
