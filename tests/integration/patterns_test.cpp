// What routers and shards tell of the requests that were asked.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <future>
#include <pqxx/pqxx>
#include <string>
#include <thread>

#include "tests/integration/insight.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

std::string url_of(const Router& router) {
  return "http://127.0.0.1:" + std::to_string(router.admin_port());
}

/// The entry of one pattern; fails the test where there is none.
json::object pattern_of(const json::value& told, const std::string& text) {
  for (const auto& entry : told.at("patterns").as_array())
    if (std::string(entry.at("pattern").as_string()) == text) return entry.as_object();
  const auto problem = text + " is not in " + json::serialize(told);
  FAIL_CHECK(problem);
  return {};
}

std::int64_t number(const json::object& entry, const char* name) {
  const auto* found = entry.if_contains(name);
  return found != nullptr && found->is_number() ? found->to_number<std::int64_t>() : -1;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "requests are counted by their shape, on whichever worker they were served, and without their values") {
  const Router router(insight_cluster().map_file(), {.arguments = {"--workers", "2"}});
  for (int id = 1; id <= 20; ++id) {
    HttpClient client(router.port());  // each connection may be another worker's
    CHECK(client.get("/movies?id=eq." + std::to_string(id)).status == 200);
    CHECK(client.get("/movies/" + std::to_string(id) + "?select=name").status == 200);
  }
  HttpClient client(router.port());
  for (int page = 0; page < 3; ++page)
    CHECK(client.get("/movies?order=id&limit=5&offset=" + std::to_string(5 * page)).status == 200);
  CHECK(client.get("/movies?name=eq.topsecret").status == 200);
  CHECK(client.get("/movies?topsecret=eq.1").status == 400);
  CHECK(client.request("PATCH", "/movies?id=eq.5", {}, R"({"director":"topsecret"})").status == 204);
  CHECK(client.get("/movies?select=id&order=id").status == 200);

  const auto text = router.admin("/patterns").body;
  CHECK_FALSE(has(text, "topsecret"));
  const auto told = json::parse(text);
  const auto point = pattern_of(told, "GET /movies?id=eq.?");
  CHECK(number(point, "calls") == 20);
  CHECK(number(point, "errors") == 0);
  CHECK(number(point, "shards_asked") == 20);
  CHECK(number(point, "scatters") == 0);
  CHECK(number(point, "rows_returned") == 20);
  CHECK(number(point, "rows_read") == 20);
  CHECK(number(point, "bytes") > 1'000);
  CHECK(number(point, "time_us") > 0);
  CHECK(number(point, "p50_us") <= number(point, "p95_us"));
  CHECK(number(point, "p95_us") <= number(point, "p99_us"));
  CHECK(number(pattern_of(told, "GET /movies/{key}?select=name"), "calls") == 20);

  const auto page = pattern_of(told, "GET /movies?order=id&limit=?");
  CHECK(number(page, "calls") == 3);
  CHECK(number(page, "scatters") == 3);
  CHECK(number(page, "shards_asked") == 6);
  CHECK(number(page, "rows_returned") == 15);
  CHECK(number(page, "rows_read") >= 15);
  CHECK(number(pattern_of(told, "GET /movies?select=id&order=id"), "rows_returned") == 100);

  const auto refused = pattern_of(told, "GET /movies: refused with 42703");
  CHECK(number(refused, "calls") == 1);
  CHECK(number(refused, "errors") == 1);
  const auto written = pattern_of(told, "PATCH /movies?id=eq.?");
  CHECK(number(written, "rows_returned") == 1);
  CHECK(written.at("rows_read").is_null());

  const auto most_called = json::parse(router.admin("/patterns?order=calls&limit=2").body);
  REQUIRE(most_called.at("patterns").as_array().size() == 2);
  CHECK(most_called.at_pointer("/patterns/0/calls").to_number<int>() == 20);
  CHECK(most_called.at_pointer("/patterns/1/calls").to_number<int>() == 20);
  CHECK(router.admin("/patterns?order=rows").error_code() == "SHARD400");
  CHECK(router.admin("/patterns?limit=0").status == 400);
}

TEST_CASE("a streamed answer is counted with all its rows and bytes") {
  const Router router(insight_cluster().map_file(),
                      {.arguments = {"--workers", "1", "--stream-window-bytes", "1024"}});
  HttpClient client(router.port());
  std::string many = "/movies?select=";
  for (int i = 0; i < 60; ++i) many += (i == 0 ? "n" : ",n") + std::to_string(i) + ":name";
  const auto answer = client.get(many);
  REQUIRE(answer.status == 200);
  CHECK(answer.chunked);
  const auto told = json::parse(router.admin("/patterns").body);
  REQUIRE(told.at("patterns").as_array().size() == 1);
  const auto entry = told.at_pointer("/patterns/0").as_object();
  CHECK(number(entry, "rows_returned") == 100);
  CHECK(number(entry, "rows_read") == 100);
  CHECK(number(entry, "bytes") == static_cast<std::int64_t>(answer.body.size()));
}

TEST_CASE("the command adds up what several routers tell, as text and as JSON") {
  const Router one(insight_cluster().map_file()), other(insight_cluster().map_file());
  for (int id = 1; id <= 3; ++id) HttpClient(one.port()).get("/movies?id=eq." + std::to_string(id));
  for (int id = 1; id <= 4; ++id) HttpClient(other.port()).get("/movies?id=eq." + std::to_string(id));
  HttpClient(other.port()).get("/movies?order=name");

  const auto as_json =
      run_shardplex({"queries", "--router", url_of(one), "--router", url_of(other), "--json"});
  INFO(as_json.output, as_json.errors);
  REQUIRE(as_json.status == 0);
  const auto told = json::parse(as_json.output);
  CHECK(number(pattern_of(told, "GET /movies?id=eq.?"), "calls") == 7);
  CHECK(number(pattern_of(told, "GET /movies?order=name"), "calls") == 1);
  CHECK_FALSE(told.as_object().contains("statements"));

  const auto text = run_shardplex(
      {"queries", "--router", url_of(one), "--router", url_of(other), "--order", "calls", "--limit", "1"});
  INFO(text.output, text.errors);
  CHECK(text.status == 0);
  CHECK(text.output.starts_with("TIME ms\tCALLS\tERRORS\t"));
  CHECK(has(text.output, "\t7\t0\t"));
  CHECK(has(text.output, "\tGET /movies?id=eq.?\n"));
  CHECK_FALSE(has(text.output, "order=name"));
  CHECK(has(text.errors, "1 more patterns"));
}

TEST_CASE("with a map the command tells what statements cost on each shard, and where nobody counts them") {
  const auto& cluster = insight_cluster();
  Database alpha(cluster.conninfo("alpha")), beta(cluster.conninfo("beta"));
  const auto ask = [&] {
    return run_shardplex({"queries", "--map", cluster.map_file(), "--json", "--limit", "1000"});
  };
  const auto without = run_shardplex({"queries", "--map", cluster.map_file()});
  INFO(without.output, without.errors);
  CHECK(without.status == 0);
  CHECK(has(without.errors, "warning: alpha: the extension pg_stat_statements is not installed"));
  CHECK(has(without.errors, "warning: beta: the extension pg_stat_statements is not installed"));

  alpha.run("CREATE SCHEMA stats");
  alpha.run("CREATE EXTENSION pg_stat_statements SCHEMA stats");
  alpha.run("SELECT stats.pg_stat_statements_reset()");
  alpha.run("CREATE ROLE told_by_nobody PASSWORD 'topsecret'");
  alpha.run("DROP ROLE told_by_nobody");
  HttpClient client(insight_router().port());
  for (int i = 0; i < 5; ++i) CHECK(client.get("/movies?director=eq.topsecret&order=name").status == 200);
  const auto one = ask();
  INFO(one.output, one.errors);
  REQUIRE(one.status == 0);
  CHECK_FALSE(has(one.output, "topsecret"));
  const auto told = json::parse(one.output);
  REQUIRE(told.at("not_known").as_array().size() == 1);
  CHECK(std::string(told.at_pointer("/not_known/0").as_string()).starts_with("beta: "));
  CHECK_FALSE(told.as_object().contains("patterns"));

  beta.run("CREATE SCHEMA stats");
  beta.run("CREATE EXTENSION pg_stat_statements SCHEMA stats");
  beta.run("SELECT stats.pg_stat_statements_reset()");
  alpha.run("SELECT stats.pg_stat_statements_reset()");
  for (int i = 0; i < 5; ++i) CHECK(client.get("/movies?director=eq.topsecret&order=name").status == 200);
  const auto both = ask();
  INFO(both.output, both.errors);
  REQUIRE(both.status == 0);
  const auto all = json::parse(both.output);
  CHECK(all.at("not_known").as_array().empty());
  bool found = false;
  for (const auto& statement : all.at("statements").as_array()) {
    const auto sql = std::string(statement.at("statement").as_string());
    const auto calls = [&](const std::string& shard) {
      return statement.at_pointer("/shards/" + shard + "/calls").to_number<int>();
    };
    if (!has(sql, "movies") || !has(sql, "director") || calls("alpha") != 5 || calls("beta") != 5) continue;
    found = true;
    CHECK(statement.at("skew").to_number<double>() >= 1);
    CHECK(statement.at("skew").to_number<double>() <= 2);
  }
  CHECK(found);
}

TEST_CASE("the command shows what is there where a router or a shard is away, and fails where all are") {
  const auto& cluster = insight_cluster();
  const Router router(cluster.map_file());
  const std::string nobody = "http://127.0.0.1:1";
  HttpClient(router.port()).get("/movies?id=eq.1");
  auto map = read_file(cluster.map_file());
  const auto beta = cluster.conninfo("beta");
  REQUIRE(has(map, beta));
  const TemporaryFolder folder;
  const auto without_beta = folder.write(
      "map.yaml", map.replace(map.find(beta), beta.size(), "host=127.0.0.1 port=1 dbname=movies"));

  const auto told = run_shardplex(
      {"queries", "--router", url_of(router), "--router", nobody, "--map", without_beta, "--json"});
  INFO(told.output, told.errors);
  REQUIRE(told.status == 0);
  const auto all = json::parse(told.output);
  CHECK(number(pattern_of(all, "GET /movies?id=eq.?"), "calls") == 1);
  CHECK(all.as_object().contains("statements"));
  const auto not_known = json::serialize(all.at("not_known"));
  CHECK(has(not_known, "router " + nobody + ": "));
  CHECK(has(not_known, "beta: no primary was found"));
  const auto text =
      run_shardplex({"queries", "--router", url_of(router), "--router", nobody, "--map", without_beta});
  CHECK(text.status == 0);
  CHECK(has(text.output, "GET /movies?id=eq.?"));
  CHECK(has(text.errors, "warning: router " + nobody + ": "));
  CHECK(has(text.errors, "warning: beta: no primary was found"));

  const auto no_router = run_shardplex({"queries", "--router", nobody});
  CHECK(no_router.status == 1);
  CHECK(has(no_router.errors, "router " + nobody + ": "));
  const auto alpha = cluster.conninfo("alpha");
  const auto without_any = folder.write(
      "none.yaml", map.replace(map.find(alpha), alpha.size(), "host=127.0.0.1 port=2 dbname=movies"));
  const auto no_shard = run_shardplex({"queries", "--map", without_any});
  CHECK(no_shard.status == 1);
  CHECK(has(no_shard.errors, "alpha: no primary was found"));
  CHECK(has(no_shard.errors, "beta: no primary was found"));
}

TEST_CASE(
    "a slow request is logged with its shape, its stages and the way to explain it, and without values") {
  Router router(insight_cluster().map_file(), {.arguments = {"--slow-request", "20ms"}});
  Database alpha(insight_cluster().conninfo("alpha"));
  auto answer = [&] {
    pqxx::work lock(alpha.connection());
    lock.exec("LOCK TABLE movies IN ACCESS EXCLUSIVE MODE");
    auto asked = std::async(std::launch::async,
                            [&] { return HttpClient(router.port()).get("/movies?name=eq.topsecret"); });
    Database other(insight_cluster().conninfo("alpha"));
    wait_until("the read to wait for the lock", [&] {
      return other.number(
                 "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
                 "'movies'::regclass") > 0;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // by which it is slow
    lock.abort();
    return asked.get();
  }();
  CHECK(answer.status == 200);
  const auto line = router.process().wait_for_line("the slow request", [](const std::string& said) {
    return said.find("\"slow request\"") != std::string::npos && said.find("name=eq.?") != std::string::npos;
  });
  INFO(line);
  CHECK_FALSE(has(line, "topsecret"));
  const auto told = json::parse(line).as_object();
  CHECK(told.at("level").as_string() == "warning");
  CHECK(told.at("pattern").as_string() == "GET /movies?name=eq.?");
  CHECK(number(told, "status") == 200);
  CHECK(number(told, "microseconds") >= 50'000);
  CHECK(number(told, "shards_us") >= 20'000);
  CHECK(number(told, "rows") == 0);
  CHECK(number(told, "bytes") == 2);
  CHECK(told.at("shards").as_string() == "alpha,beta");
  CHECK(std::string(told.at("explain").as_string())
            .starts_with("shardplex explain 'GET /movies?name=eq.?' (with a value"));
  CHECK(run_shardplex({"explain", "--router", url_of(router), "GET /movies?name=eq.?"}).status == 0);
}

}  // namespace shardplex::integration
