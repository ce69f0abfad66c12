#include "router/services/admin/admin.hpp"

#include <doctest/doctest.h>

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
  Metrics metrics_{1};
  Control control_{io_,
                   settings_,
                   std::make_shared<const ShardMap>("movies", std::vector<Shard>{{"alpha", "host=a", {}}},
                                                    std::vector<Group>{}, std::vector<TablePlacement>{},
                                                    std::vector<MapRelation>{}),
                   ids_,
                   metrics_,
                   [](const SnapshotPtr&) {}};

 public:
  Admin admin{control_, metrics_, settings_};
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
