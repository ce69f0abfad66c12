#include "router/services/admin/admin.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "router/topology/control.hpp"
#include "tests/router/http/run.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

/// The admin port of a router that has not looked at any shard yet.
class AdminPort {
 public:
  Answer ask(http::verb method, const char* target) {
    Call call(Request(method, target, 11));
    asio::io_context io(1);
    return tests::run<Answer>(io, admin.serve(call));
  }

 private:
  asio::io_context io_{1};
  Settings settings_;
  IdSource ids_;

 public:
  Metrics metrics{2};

 private:
  Control control_{io_,
                   settings_,
                   std::make_shared<const ShardMap>("movies", std::vector<Shard>{{"alpha", "host=a", {}}},
                                                    std::vector<Group>{}, std::vector<TablePlacement>{},
                                                    std::vector<MapRelation>{}),
                   ids_,
                   metrics,
                   [](const SnapshotPtr&) {}};

 public:
  Admin admin{control_, metrics, settings_};
};

}  // namespace

TEST_CASE("the admin port answers GET and HEAD on each of its paths, and knows no others") {
  struct Row {
    http::verb method;
    const char* target;
    unsigned status;
  };
  AdminPort port;
  for (const auto& row : std::initializer_list<Row>{{http::verb::get, "/live", 200},
                                                    {http::verb::head, "/live?now", 200},
                                                    {http::verb::get, "/ready", 503},
                                                    {http::verb::get, "/metrics", 200},
                                                    {http::verb::get, "/map", 503},
                                                    {http::verb::get, "/shards", 200},
                                                    {http::verb::get, "/load", 200},
                                                    {http::verb::get, "/patterns", 200},
                                                    {http::verb::head, "/patterns?order=calls", 200},
                                                    {http::verb::get, "/patterns?order=errors&limit=3", 200},
                                                    {http::verb::get, "/patterns?order=rows", 400},
                                                    {http::verb::get, "/patterns?limit=0", 400},
                                                    {http::verb::get, "/patterns?limit=-5", 400},
                                                    {http::verb::get, "/patterns?sort=time", 400},
                                                    {http::verb::post, "/patterns", 405},
                                                    {http::verb::get, "/plan", 404},
                                                    {http::verb::get, "/plan/movies?id=eq.1", 503},
                                                    {http::verb::get, "/plan/movies/1", 503},
                                                    {http::verb::get, "/plan/rpc/top", 400},
                                                    {http::verb::post, "/plan/movies", 405},
                                                    {http::verb::post, "/live", 405},
                                                    {http::verb::post, "/nothing", 404},
                                                    {http::verb::get, "/", 404},
                                                    {http::verb::get, "/live/", 404},
                                                    {http::verb::get, "/movies", 404}}) {
    CAPTURE(std::string(row.target));
    const auto answer = port.ask(row.method, row.target);
    CHECK(answer.status == row.status);
    CHECK((answer.fields["Allow"] == "GET,HEAD") == (row.status == 405));
  }
}

TEST_CASE("patterns are those of all workers, in the order and number that is asked for") {
  AdminPort port;
  const auto serve = [&](std::size_t worker, const char* shape, std::uint64_t microseconds) {
    auto& patterns = port.metrics.worker(worker).patterns;
    patterns.count(patterns.find(shape), {microseconds, false, 1, 1, 1, 10});
  };
  serve(0, "GET /movies?id=eq.?", 10);
  serve(1, "GET /movies?id=eq.?", 20);
  serve(1, "GET /movies?order=name", 900);
  const auto names = [&](const char* target) {
    const auto told = boost::json::parse(port.ask(http::verb::get, target).body);
    std::string all;
    for (const auto& pattern : told.at("patterns").as_array())
      all += std::string(pattern.at("pattern").as_string()) + " ";
    return all;
  };
  CHECK(names("/patterns") == "GET /movies?order=name GET /movies?id=eq.? ");
  CHECK(names("/patterns?order=calls") == "GET /movies?id=eq.? GET /movies?order=name ");
  CHECK(names("/patterns?limit=1") == "GET /movies?order=name ");
  const auto one = boost::json::parse(port.ask(http::verb::get, "/patterns?order=calls&limit=1").body);
  CHECK(one.at("left_out").to_number<int>() == 1);
  CHECK(one.at_pointer("/patterns/0/calls").to_number<int>() == 2);
  CHECK(one.at_pointer("/patterns/0/time_us").to_number<int>() == 30);
}

TEST_CASE("a router that drains is not ready, and says so") {
  AdminPort port;
  CHECK(port.ask(http::verb::get, "/ready").body.find("draining") == std::string::npos);
  port.admin.set_draining();
  const auto answer = port.ask(http::verb::get, "/ready");
  CHECK(answer.status == 503);
  CHECK(answer.body.find("the router is draining") != std::string::npos);
}

TEST_CASE("metrics are Prometheus's text, everything else JSON") {
  AdminPort port;
  CHECK(port.ask(http::verb::get, "/metrics").content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(port.ask(http::verb::get, "/live").content_type == "application/json; charset=utf-8");
  CHECK(port.ask(http::verb::get, "/live").body == "{\"live\":true}\n");
}
