#include "router/metrics.hpp"

#include <doctest/doctest.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace shardplex::router;

namespace {

std::string scrape(const Metrics& metrics) {
  return prometheus::TextSerializer().Serialize(metrics.Collect());
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

constexpr auto counter = prometheus::MetricType::Counter, gauge = prometheus::MetricType::Gauge,
               histogram = prometheus::MetricType::Histogram;

/// A family as dashboards and alerts know it.
struct Row {
  std::string_view name, help;
  prometheus::MetricType type;
  std::string_view labels;
};

// clang-format off
constexpr std::array rows{
    Row{"shardplex_build_info", "Version of the router; the value is always 1.", gauge, "version compiler boost"},
    Row{"shardplex_http_requests_total", "HTTP requests answered.", counter, "route method code"},
    Row{"shardplex_http_request_duration_seconds", "Time from a request's head to its answer.", histogram, "route"},
    Row{"shardplex_point_batch_size", "Keys asked for by one batched statement.", histogram, ""},
    Row{"shardplex_fan_out_shards", "Shards asked by one request.", histogram, ""},
    Row{"shardplex_http_connections", "Open client connections.", gauge, ""},
    Row{"shardplex_http_connections_refused_total", "Client connections over the limit.", counter, ""},
    Row{"shardplex_http_requests_in_flight", "Requests being served.", gauge, ""},
    Row{"shardplex_replans_total", "Requests planned again because ownership had changed.", counter, ""},
    Row{"shardplex_partial_answers_total", "Answers without the rows of shards that had no server.", counter, ""},
    Row{"shardplex_memory_used_bytes", "Memory that requests under way are counted to hold.", gauge, ""},
    Row{"shardplex_memory_budget_bytes", "Memory that requests under way may hold in all.", gauge, ""},
    Row{"shardplex_memory_refusals_total", "Times that a request was refused for want of memory.", counter, ""},
    Row{"shardplex_shard_queries_total", "Statements sent to a shard, by outcome.", counter, "shard role outcome"},
    Row{"shardplex_shard_query_duration_seconds", "Round trips to a shard.", histogram, "shard role"},
    Row{"shardplex_pool_connections", "Open PostgreSQL connections.", gauge, "shard role lane"},
    Row{"shardplex_pool_in_flight", "Statements in flight.", gauge, "shard role lane"},
    Row{"shardplex_pool_queued", "Statements waiting for a connection.", gauge, "shard role lane"},
    Row{"shardplex_pool_connects_total", "Connections made.", counter, "shard role lane"},
    Row{"shardplex_pool_connect_failures_total", "Connections that could not be made.", counter, "shard role lane"},
    Row{"shardplex_server_up", "1 where the server answers and is of its shard.", gauge, "shard server"},
    Row{"shardplex_server_readable", "1 where reads may go to the server.", gauge, "shard server"},
    Row{"shardplex_server_writable", "1 where writes may go to the server.", gauge, "shard server"},
    Row{"shardplex_map_epoch", "Epoch of the shard's ownership, as the server has it.", gauge, "shard server"},
    Row{"shardplex_replica_lag_seconds", "How far a replica's replay is behind.", gauge, "shard server"},
    Row{"shardplex_table_differences", "1 where shards differ in the table, and what is the same is served.", gauge, "table"},
    Row{"shardplex_table_refused", "1 where the table is not served.", gauge, "table"},
    Row{"shardplex_map_reloads_total", "Shard map reloads, by result.", counter, "result"},
    Row{"shardplex_map_refreshes_total", "Times that requests had to wait for the shards' word on who owns their slots.", counter, ""},
    Row{"shardplex_shards_added_total", "Shards learned of from other shards.", counter, ""},
    Row{"shardplex_fenced_slots", "Slots to which writes wait for a mover.", gauge, ""},
    Row{"shardplex_fence_seconds", "How long the longest of these waits has lasted, as seen from here.", gauge, ""},
    Row{"shardplex_prepared_parts", "Parts of writes over several shards that are prepared and not yet committed.", gauge, ""},
    Row{"shardplex_prepared_part_seconds", "How long the oldest of these parts has been prepared.", gauge, ""},
};
// clang-format on

std::string label_names(const prometheus::ClientMetric& sample) {
  std::string names;
  for (const auto& label : sample.label) names += (names.empty() ? "" : " ") + label.name;
  return names;
}

}  // namespace

TEST_CASE("every metric has its name, help, type, labels and place") {
  Metrics metrics(1);
  metrics.worker(0).request(RouteLabel::table, 0, 200, 700);
  metrics.worker(0).shard("alpha");
  metrics.set_servers({{"alpha", "alpha-1", true, false, true, 7, 0.5}});
  metrics.set_tables({{"movies", false, false}});
  const auto families = metrics.Collect();
  REQUIRE(families.size() == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(families[i].name == rows[i].name);
    CHECK(families[i].help == rows[i].help);
    CHECK(families[i].type == rows[i].type);
    REQUIRE_FALSE(families[i].metric.empty());
    for (const auto& sample : families[i].metric) CHECK(label_names(sample) == rows[i].labels);
  }
}

TEST_CASE("a metric of something that is not there yet is named, without a sample") {
  const auto text = scrape(Metrics(1));
  for (const auto& row : rows) CHECK(text.find("# HELP " + std::string(row.name) + " ") != std::string::npos);
  CHECK(text.find("shardplex_pool_queued{") == std::string::npos);
}

TEST_CASE("the counts of a shard's pools carry role and lane, and each is its own") {
  Metrics metrics(2);
  for (std::size_t worker = 0; worker < 2; ++worker) {
    auto& lane = metrics.worker(worker).shard("beta").roles[1].lanes[2];
    lane.connections.set(1);
    lane.in_flight.set(2);
    lane.queued.set(3);
    lane.connects.add(4);
    lane.connect_failures.add(5);
  }
  const auto text = scrape(metrics);
  const auto has = [&](const std::string& name, const std::string& value) {
    return has_line(text, name + R"({shard="beta",role="replica",lane="write"} )" + value);
  };
  CHECK(has("shardplex_pool_connections", "2"));
  CHECK(has("shardplex_pool_in_flight", "4"));
  CHECK(has("shardplex_pool_queued", "6"));
  CHECK(has("shardplex_pool_connects_total", "8"));
  CHECK(has("shardplex_pool_connect_failures_total", "10"));
  CHECK(has_line(text, R"(shardplex_pool_queued{shard="beta",role="replica",lane="read"} 0)"));
}

TEST_CASE("the counts of workers and of the control thread are shown under their own names") {
  Metrics metrics(2);
  metrics.worker(0).connections.set(1);
  metrics.worker(1).connections.set(2);
  metrics.worker(1).connections_refused.add(5);
  metrics.worker(1).requests_in_flight.set(6);
  metrics.worker(1).replans.add(7);
  metrics.worker(0).batch_size.observe(3'000'000);
  metrics.worker(1).fan_out.observe(4'000'000);
  metrics.map_reloads = 8;
  metrics.map_reload_failures = 9;
  metrics.map_refreshes = 10;
  metrics.shards_added = 11;
  shardplex::MemoryBudget memory(100);
  metrics.memory = &memory;
  CHECK(memory.take(60));
  CHECK_FALSE(memory.take(50));
  metrics.fenced_slots = 12;
  metrics.fence_milliseconds = 1300;
  const auto text = scrape(metrics);
  CHECK(has_line(text, "shardplex_http_connections 3"));
  CHECK(has_line(text, "shardplex_http_connections_refused_total 5"));
  CHECK(has_line(text, "shardplex_http_requests_in_flight 6"));
  CHECK(has_line(text, "shardplex_replans_total 7"));
  CHECK(has_line(text, "shardplex_point_batch_size_sum 3"));
  CHECK(has_line(text, "shardplex_fan_out_shards_sum 4"));
  CHECK(has_line(text, R"(shardplex_map_reloads_total{result="ok"} 8)"));
  CHECK(has_line(text, R"(shardplex_map_reloads_total{result="refused"} 9)"));
  CHECK(has_line(text, "shardplex_map_refreshes_total 10"));
  CHECK(has_line(text, "shardplex_shards_added_total 11"));
  CHECK(has_line(text, "shardplex_memory_used_bytes 60"));
  CHECK(has_line(text, "shardplex_memory_budget_bytes 100"));
  CHECK(has_line(text, "shardplex_memory_refusals_total 1"));
  CHECK(has_line(text, "shardplex_fenced_slots 12"));
  CHECK(has_line(text, "shardplex_fence_seconds 1.3"));
}

TEST_CASE("what is known of a server is shown under its own name, a replica's lag with it") {
  Metrics metrics(1);
  metrics.set_servers({{"alpha", "alpha", true, true, true, 7, {}},
                       {"alpha", "alpha-1", true, false, true, 6, 1.5},
                       {"alpha", "alpha-2", true, false, true, 6, {}}});
  const auto text = scrape(metrics);
  CHECK(has_line(text, R"(shardplex_server_writable{shard="alpha",server="alpha"} 1)"));
  CHECK(has_line(text, R"(shardplex_server_writable{shard="alpha",server="alpha-1"} 0)"));
  CHECK(has_line(text, R"(shardplex_server_readable{shard="alpha",server="alpha-1"} 1)"));
  CHECK(has_line(text, R"(shardplex_map_epoch{shard="alpha",server="alpha-1"} 6)"));
  CHECK(has_line(text, R"(shardplex_replica_lag_seconds{shard="alpha",server="alpha-1"} 1.5)"));
  CHECK(text.find(R"(shardplex_replica_lag_seconds{shard="alpha",server="alpha"})") == std::string::npos);
  // What is unknown is not 0.
  CHECK(text.find(R"(shardplex_replica_lag_seconds{shard="alpha",server="alpha-2"})") == std::string::npos);
}

TEST_CASE("a scrape adds up what the workers counted") {
  Metrics metrics(2);
  metrics.worker(0).request(RouteLabel::table, 0, 200, 700);
  metrics.worker(1).request(RouteLabel::table, 0, 200, 700);
  metrics.worker(1).request(RouteLabel::row, 3, 503, 1'000'000);
  const auto text = scrape(metrics);
  CHECK(has_line(text, R"(shardplex_http_requests_total{route="table",method="GET",code="200"} 2)"));
  CHECK(has_line(text, R"(shardplex_http_requests_total{route="row",method="POST",code="503"} 1)"));
  CHECK(has_line(text, R"(shardplex_http_request_duration_seconds_count{route="table"} 2)"));
}

TEST_CASE("a histogram's buckets are cumulative, and a value on a bound counts below it") {
  Distribution<2> sizes(std::array<double, 2>{1, 2});
  sizes.observe(1'000'000);
  sizes.observe(2'000'000);
  sizes.observe(3'000'000);
  CHECK(sizes.bucket(0) == 1);
  CHECK(sizes.bucket(1) == 1);
  CHECK(sizes.bucket(2) == 1);
  CHECK(sizes.sum() == doctest::Approx(6));
}

TEST_CASE("a shard's counts carry its name, role and outcome") {
  Metrics metrics(1);
  auto& alpha = metrics.worker(0).shard("alpha");
  CHECK(&alpha == &metrics.worker(0).shard("alpha"));
  alpha.roles[static_cast<std::size_t>(Role::replica)]
      .queries[static_cast<std::size_t>(QueryOutcome::stale_epoch)]
      .add(3);
  CHECK(has_line(scrape(metrics),
                 R"(shardplex_shard_queries_total{shard="alpha",role="replica",outcome="stale_epoch"} 3)"));
}

TEST_CASE("a group's load is the sum of the workers', slot by slot, also before there is any") {
  Metrics metrics(2);
  CHECK(metrics.load("catalog", 4) == std::vector<std::uint64_t>{0, 0, 0, 0});
  metrics.worker(0).load("catalog", 4)[1].add();
  metrics.worker(1).load("catalog", 4)[1].add();
  metrics.worker(1).load("catalog", 4)[3].add();
  metrics.worker(1).load("users", 4)[0].add();
  CHECK(metrics.load("catalog", 4) == std::vector<std::uint64_t>{0, 2, 0, 1});
}

TEST_CASE("a server that is down has no epoch to show") {
  Metrics metrics(1);
  metrics.set_servers(
      {{"alpha", "alpha", true, true, true, 7, 0}, {"beta", "beta", false, false, false, 0, 0}});
  const auto text = scrape(metrics);
  CHECK(has_line(text, R"(shardplex_map_epoch{shard="alpha",server="alpha"} 7)"));
  CHECK(text.find(R"(shardplex_map_epoch{shard="beta")") == std::string::npos);
  CHECK(has_line(text, R"(shardplex_server_up{shard="beta",server="beta"} 0)"));
}

TEST_CASE("a status beyond the known ones is counted, not written out of bounds") {
  Metrics metrics(1);
  metrics.worker(0).request(RouteLabel::other, 7, 12'345, 1);
  CHECK(has_line(scrape(metrics),
                 R"(shardplex_http_requests_total{route="other",method="other",code="599"} 1)"));
}

TEST_CASE("tables are shown with what is not served of them") {
  Metrics metrics(1);
  metrics.set_tables({{"movies", true, false}, {"ratings", false, true}});
  const auto text = scrape(metrics);
  CHECK(has_line(text, R"(shardplex_table_differences{table="movies"} 1)"));
  CHECK(has_line(text, R"(shardplex_table_differences{table="ratings"} 0)"));
  CHECK(has_line(text, R"(shardplex_table_refused{table="movies"} 0)"));
  CHECK(has_line(text, R"(shardplex_table_refused{table="ratings"} 1)"));
}
