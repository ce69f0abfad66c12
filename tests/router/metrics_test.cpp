#include "router/metrics.hpp"

#include <doctest/doctest.h>
#include <prometheus/text_serializer.h>

#include <string>
#include <vector>

using namespace shardplex::router;

namespace {

std::string scrape(const Metrics& metrics) {
  return prometheus::TextSerializer().Serialize(metrics.Collect());
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

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
