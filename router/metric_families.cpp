#include "router/metric_families.hpp"

#include <boost/version.hpp>
#include <string_view>
#include <utility>

#include "router/metric_samples.hpp"
#include "router/version.hpp"

namespace shardplex::router {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// ---- How the values of a row are got

template <class Part, class Get>
double sum(const std::vector<const Part*>& parts, const Get& get) {
  std::uint64_t total = 0;
  for (const auto* part : parts) total += get(*part).get();
  return static_cast<double>(total);
}

template <class Part, class Get>
auto distributions(const std::vector<const Part*>& parts, const Get& get) {
  std::vector<decltype(&get(*parts.front()))> all;
  for (const auto* part : parts) all.push_back(&get(*part));
  return all;
}

void build_info(const Scrape&, Samples& out) {
  out.add({version, "gcc " __VERSION__, BOOST_LIB_VERSION}, 1);
}

/// One sample: what the workers counted there.
template <Count WorkerMetrics::*count>
void of_workers(const Scrape& scrape, Samples& out) {
  out.add({}, sum(scrape.workers, [](const WorkerMetrics& w) -> const Count& { return w.*count; }));
}

template <Distribution<size_bounds.size()> WorkerMetrics::*distribution>
void histogram_of_workers(const Scrape& scrape, Samples& out) {
  out.add({}, distributions(
                  scrape.workers, [](const WorkerMetrics& w) -> const auto& { return w.*distribution; }));
}

/// A sample for each that was ever answered.
void by_route_method_and_code(const Scrape& scrape, Samples& out) {
  for (std::size_t r = 0; r < route_labels.size(); ++r)
    for (std::size_t m = 0; m < method_labels.size(); ++m)
      for (unsigned status = 100; status <= highest_status; ++status) {
        const auto count = sum(scrape.workers, [&](const WorkerMetrics& w) -> const Count& {
          return w.requests(static_cast<RouteLabel>(r), m, status);
        });
        if (count > 0) out.add({route_labels[r], method_labels[m], std::to_string(status)}, count);
      }
}

void durations_by_route(const Scrape& scrape, Samples& out) {
  for (std::size_t r = 0; r < route_labels.size(); ++r)
    out.add({route_labels[r]},
            distributions(
                scrape.workers, [r](const WorkerMetrics& w) -> const auto& { return w.latency[r]; }));
}

/// Calls `f` with each shard's name, the workers' counts for it, and each role.
template <class F>
void for_each_role(const Scrape& scrape, const F& f) {
  for (const auto& [name, parts] : scrape.shards)
    for (std::size_t role = 0; role < role_labels.size(); ++role) f(name, parts, role);
}

void by_outcome(const Scrape& scrape, Samples& out) {
  for_each_role(scrape, [&](const auto& name, const auto& parts, std::size_t role) {
    for (std::size_t o = 0; o < outcome_labels.size(); ++o)
      out.add({name, role_labels[role], outcome_labels[o]},
              sum(parts, [&](const ShardMetrics& s) -> const Count& { return s.roles[role].queries[o]; }));
  });
}

void durations_by_role(const Scrape& scrape, Samples& out) {
  for_each_role(scrape, [&](const auto& name, const auto& parts, std::size_t role) {
    out.add({name, role_labels[role]},
            distributions(
                parts, [&](const ShardMetrics& s) -> const auto& { return s.roles[role].latency; }));
  });
}

template <Count RoleMetrics::PoolGauges::*count>
void by_lane(const Scrape& scrape, Samples& out) {
  for_each_role(scrape, [&](const auto& name, const auto& parts, std::size_t role) {
    for (std::size_t lane = 0; lane < lane_labels.size(); ++lane)
      out.add({name, role_labels[role], lane_labels[lane]},
              sum(parts,
                  [&](const ShardMetrics& s) -> const Count& { return s.roles[role].lanes[lane].*count; }));
  });
}

template <bool Metrics::ServerGauge::*is>
void by_server(const Scrape& scrape, Samples& out) {
  for (const auto& server : scrape.servers) out.add({server.shard, server.server}, server.*is ? 1 : 0);
}

void epochs_of_servers(const Scrape& scrape, Samples& out) {
  for (const auto& server : scrape.servers)
    if (server.up) out.add({server.shard, server.server}, static_cast<double>(server.epoch));
}

void lags_of_replicas(const Scrape& scrape, Samples& out) {
  for (const auto& server : scrape.servers)
    if (server.up && !server.writable && server.lag_seconds)
      out.add({server.shard, server.server}, *server.lag_seconds);
}

template <bool Metrics::TableGauge::*is>
void by_table(const Scrape& scrape, Samples& out) {
  for (const auto& table : scrape.tables) out.add({table.table}, table.*is ? 1 : 0);
}

void by_reload_result(const Scrape& scrape, Samples& out) {
  out.add({"ok"}, static_cast<double>(scrape.map_reloads));
  out.add({"refused"}, static_cast<double>(scrape.map_reload_failures));
}

template <std::uint64_t Scrape::*count>
void of_control(const Scrape& scrape, Samples& out) {
  out.add({}, static_cast<double>(scrape.*count));
}

void seconds_of_fence(const Scrape& scrape, Samples& out) {
  out.add({}, static_cast<double>(scrape.fence_milliseconds) / 1e3);
}

void seconds_of_parts(const Scrape& scrape, Samples& out) {
  out.add({}, static_cast<double>(scrape.waiting_parts_milliseconds) / 1e3);
}

// ---- The table

/// A new metric is a new row, with one of the ways above to get its values or a new one.
struct Row {
  std::string_view name, help;
  MetricType type;
  LabelNames labels;  ///< in the order in which `read` gives their values
  void (*read)(const Scrape&, Samples&);
};

constexpr auto counter = MetricType::Counter, gauge = MetricType::Gauge, histogram = MetricType::Histogram;
using Worker = WorkerMetrics;
using Pool = RoleMetrics::PoolGauges;
using Server = Metrics::ServerGauge;
using Table = Metrics::TableGauge;

// clang-format off
constexpr Row rows[] = {
    {"shardplex_build_info", "Version of the router; the value is always 1.",
     gauge, {"version", "compiler", "boost"}, build_info},
    {"shardplex_http_requests_total", "HTTP requests answered.",
     counter, {"route", "method", "code"}, by_route_method_and_code},
    {"shardplex_http_request_duration_seconds", "Time from a request's head to its answer.",
     histogram, {"route"}, durations_by_route},
    {"shardplex_point_batch_size", "Keys asked for by one batched statement.",
     histogram, {}, histogram_of_workers<&Worker::batch_size>},
    {"shardplex_fan_out_shards", "Shards asked by one request.",
     histogram, {}, histogram_of_workers<&Worker::fan_out>},
    {"shardplex_http_connections", "Open client connections.",
     gauge, {}, of_workers<&Worker::connections>},
    {"shardplex_http_connections_refused_total", "Client connections over the limit.",
     counter, {}, of_workers<&Worker::connections_refused>},
    {"shardplex_http_requests_in_flight", "Requests being served.",
     gauge, {}, of_workers<&Worker::requests_in_flight>},
    {"shardplex_replans_total", "Requests planned again because ownership had changed.",
     counter, {}, of_workers<&Worker::replans>},
    {"shardplex_partial_answers_total", "Answers without the rows of shards that had no server.",
     counter, {}, of_workers<&Worker::partial_answers>},
    {"shardplex_memory_used_bytes", "Memory that requests under way are counted to hold.",
     gauge, {}, of_control<&Scrape::memory_used>},
    {"shardplex_memory_budget_bytes", "Memory that requests under way may hold in all.",
     gauge, {}, of_control<&Scrape::memory_limit>},
    {"shardplex_memory_refusals_total", "Times that a request was refused for want of memory.",
     counter, {}, of_control<&Scrape::memory_refused>},

    {"shardplex_shard_queries_total", "Statements sent to a shard, by outcome.",
     counter, {"shard", "role", "outcome"}, by_outcome},
    {"shardplex_shard_query_duration_seconds", "Round trips to a shard.",
     histogram, {"shard", "role"}, durations_by_role},
    {"shardplex_pool_connections", "Open PostgreSQL connections.",
     gauge, {"shard", "role", "lane"}, by_lane<&Pool::connections>},
    {"shardplex_pool_in_flight", "Statements in flight.",
     gauge, {"shard", "role", "lane"}, by_lane<&Pool::in_flight>},
    {"shardplex_pool_queued", "Statements waiting for a connection.",
     gauge, {"shard", "role", "lane"}, by_lane<&Pool::queued>},
    {"shardplex_pool_connects_total", "Connections made.",
     counter, {"shard", "role", "lane"}, by_lane<&Pool::connects>},
    {"shardplex_pool_connect_failures_total", "Connections that could not be made.",
     counter, {"shard", "role", "lane"}, by_lane<&Pool::connect_failures>},

    {"shardplex_server_up", "1 where the server answers and is of its shard.",
     gauge, {"shard", "server"}, by_server<&Server::up>},
    {"shardplex_server_readable", "1 where reads may go to the server.",
     gauge, {"shard", "server"}, by_server<&Server::readable>},
    {"shardplex_server_writable", "1 where writes may go to the server.",
     gauge, {"shard", "server"}, by_server<&Server::writable>},
    {"shardplex_map_epoch", "Epoch of the shard's ownership, as the server has it.",
     gauge, {"shard", "server"}, epochs_of_servers},
    {"shardplex_replica_lag_seconds", "How far a replica's replay is behind.",
     gauge, {"shard", "server"}, lags_of_replicas},

    {"shardplex_table_differences", "1 where shards differ in the table, and what is the same is served.",
     gauge, {"table"}, by_table<&Table::differs>},
    {"shardplex_table_refused", "1 where the table is not served.",
     gauge, {"table"}, by_table<&Table::refused>},

    {"shardplex_map_reloads_total", "Shard map reloads, by result.",
     counter, {"result"}, by_reload_result},
    {"shardplex_map_refreshes_total",
     "Times that requests had to wait for the shards' word on who owns their slots.",
     counter, {}, of_control<&Scrape::map_refreshes>},
    {"shardplex_shards_added_total", "Shards learned of from other shards.",
     counter, {}, of_control<&Scrape::shards_added>},
    {"shardplex_fenced_slots", "Slots to which writes wait for a mover.",
     gauge, {}, of_control<&Scrape::fenced_slots>},
    {"shardplex_fence_seconds", "How long the longest of these waits has lasted, as seen from here.",
     gauge, {}, seconds_of_fence},
    {"shardplex_prepared_parts", "Parts of writes over several shards that are prepared and not yet committed.",
     gauge, {}, of_control<&Scrape::waiting_parts>},
    {"shardplex_prepared_part_seconds", "How long the oldest of these parts has been prepared.",
     gauge, {}, seconds_of_parts},
};
// clang-format on

}  // namespace

std::vector<MetricFamily> metric_families(const Scrape& scrape) {
  std::vector<MetricFamily> families;
  for (const auto& row : rows) {
    MetricFamily family;
    family.name = row.name;
    family.help = row.help;
    family.type = row.type;
    Samples samples(family, row.labels);
    row.read(scrape, samples);
    families.push_back(std::move(family));
  }
  return families;
}

}  // namespace shardplex::router
