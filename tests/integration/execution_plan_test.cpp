// PostgreSQL's plans of reads (Accept: application/vnd.pgrst.plan), by real planners.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/insight.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

const Router& planning_router() {
  static const Router shared(
      insight_cluster().map_file(),
      Router::Options{.arguments = {"--plans", "on"}, .environment = {}, .wait_until_ready = true});
  return shared;
}

HttpResponse plan_of(const std::string& target, const std::string& accept, Headers headers = {}) {
  headers.emplace_back("Accept", accept);
  return HttpClient(planning_router().port()).get(target, headers);
}

constexpr const char* as_json = "application/vnd.pgrst.plan+json";
constexpr const char* as_text = "application/vnd.pgrst.plan";

/// The answer's array of plans.
json::array plans_in(const HttpResponse& answer) {
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  return json::parse(answer.body).as_array();
}

bool mentions(const HttpResponse& answer, const std::string& text) {
  return answer.body.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("plans are not available unless the operator says so") {
  HttpClient client(insight_router().port());
  for (const auto* accept : {as_text, as_json, "application/vnd.pgrst.plan+text; options=analyze"}) {
    const auto refused = client.get("/movies?id=eq.1", {{"Accept", accept}});
    CHECK(refused.status == 406);
    CHECK(refused.error_code() == "PGRST107");
    CHECK(client.get("/movies?id=eq.1", {{"Accept", std::string(accept) + ", application/json;q=0.1"}})
              .status == 200);
  }
}

TEST_CASE("the plan of a read of one shard is what that shard's EXPLAIN says, and nothing else") {
  for (const std::string target : {"/movies?id=eq.7", "/movies/7", "/movies?id=eq.7&name=like.*a*",
                                   "/movies?id=eq.7&select=name,ratings(score)", "/genres?order=name"}) {
    CAPTURE(target);
    const auto answer = plan_of(target, as_json);
    const auto plans = plans_in(answer);
    REQUIRE(plans.size() == 1);
    CHECK_FALSE(plans.front().as_object().contains("Shard"));
    CHECK(plans.front().at("Plan").as_object().contains("Node Type"));
    CHECK(answer.header("Content-Type") ==
          "application/vnd.pgrst.plan+json; for=\"application/json\"; charset=utf-8");
    CHECK(answer.header("Content-Range") == std::nullopt);
    CHECK(answer.header("Shardplex-Shards").value_or("").find(',') == std::string::npos);
    const auto text = plan_of(target, as_text);
    CHECK(text.status == 200);
    CHECK(text.header("Content-Type") ==
          "application/vnd.pgrst.plan+text; for=\"application/json\"; charset=utf-8");
    CHECK(text.body.find("(cost=") < text.body.find('\n'));
    CHECK_FALSE(mentions(text, "Shard: "));
    CHECK(text.body.ends_with("\n"));
  }
}

TEST_CASE("plans of several shards stand side by side, each named by its shard") {
  for (const std::string target :
       {"/movies", "/movies?order=imdb_score.desc&limit=3", "/movies?select=primary_genre,count()",
        "/movies?select=name,ratings(score)&name=gt.M", "/movies?order=name&limit=5&after="}) {
    CAPTURE(target);
    const auto answer = plan_of(target, as_json);
    const auto plans = plans_in(answer);
    REQUIRE(plans.size() == 2);
    CHECK(plans[0].at("Shard").as_string() == "alpha");
    CHECK(plans[1].at("Shard").as_string() == "beta");
    for (const auto& plan : plans) CHECK(plan.at("Plan").as_object().contains("Plan Rows"));
    CHECK(answer.header("Shardplex-Shards") == "alpha,beta");
    const auto text = plan_of(target, as_text);
    CHECK(text.body.starts_with("Shard: alpha\n"));
    CHECK(mentions(text, "\n\nShard: beta\n"));
  }
}

TEST_CASE("options are EXPLAIN's, and only with analyze the read is carried out") {
  const auto plain = plans_in(plan_of("/movies?id=eq.7", as_json)).front().at("Plan").as_object();
  CHECK_FALSE(plain.contains("Actual Rows"));
  CHECK_FALSE(plain.contains("Output"));
  const auto all =
      plan_of("/movies?id=eq.7", std::string(as_json) + "; options=analyze|verbose|buffers|wal|settings");
  const auto plan = plans_in(all).front().as_object();
  CHECK(plan.at("Plan").at("Actual Rows").to_number<double>() == 1);
  for (const auto* key : {"Output", "Shared Hit Blocks", "WAL Records"})
    CHECK_MESSAGE(plan.at("Plan").as_object().contains(key), std::string(key));
  CHECK(plan.contains("Execution Time"));
  CHECK(all.header("Content-Type") ==
        "application/vnd.pgrst.plan+json; for=\"application/json\"; "
        "options=analyze|verbose|settings|buffers|wal; charset=utf-8");
  const auto scattered = plans_in(plan_of("/movies?limit=3", std::string(as_json) + "; options=analyze"));
  for (const auto& each : scattered) CHECK(each.as_object().contains("Execution Time"));
  // PostgreSQL's own word.
  const auto refused = plan_of("/movies?id=eq.7", std::string(as_json) + "; options=wal");
  CHECK(refused.status == 400);
  CHECK(refused.error_code() == "22023");
}

TEST_CASE("the plan is that of the answer which for= names, and of the request's other fields") {
  const auto verbose = [](const std::string& of) {
    return plan_of("/movies?select=imdb_score,release_date",
                   std::string(as_json) + "; options=verbose; for=\"" + of + '"');
  };
  CHECK(mentions(verbose("text/csv"), "ROW("));
  CHECK_FALSE(mentions(verbose("application/vnd.pgrst.object+json"), "ROW("));
  CHECK(verbose("text/csv").header("Content-Type") ==
        "application/vnd.pgrst.plan+json; for=\"text/csv\"; options=verbose; charset=utf-8");
  CHECK(verbose("image/png").error_code() == "PGRST107");
  CHECK(mentions(plan_of("/movies?id=eq.7", as_text, {{"Prefer", "count=exact"}}), "Aggregate"));
  CHECK(mentions(plan_of("/movies?id=in.(1,2,3)&order=name", as_text, {{"Range", "0-1"}}), "Limit"));
}

TEST_CASE("a plan is refused as the read itself would be") {
  for (const auto& [target, code] :
       std::vector<std::pair<std::string, std::string>>{{"/films", "PGRST205"},
                                                        {"/movies?nothing=eq.1", "42703"},
                                                        {"/movies?id=five.5", "PGRST100"},
                                                        {"/movies?order=genre", "SHARD400"},
                                                        {"/movies?id=eq.abc", "22P02"}}) {
    CAPTURE(target);
    const auto answer = plan_of(target, as_json);
    CHECK(answer.error_code() == code);
    CHECK(answer.status == HttpClient(planning_router().port()).get(target).status);
  }
}

TEST_CASE("plans of writes are refused, and nothing is written") {
  HttpClient client(planning_router().port());
  const Headers headers{{"Accept", std::string(as_json) + "; options=analyze"},
                        {"Content-Type", "application/json"}};
  const auto before = client.get("/movies?id=eq.7").body;
  const auto check = [&](const char* method, const char* target, const char* body) {
    CAPTURE(std::string(method));
    const auto answer = client.request(method, target, headers, body);
    CHECK(answer.status == 400);
    CHECK(answer.error_code() == "SHARD400");
    CHECK(mentions(answer, "Plans"));
  };
  check("PATCH", "/movies?id=eq.7", R"({"name":"Another"})");
  check("DELETE", "/movies?id=eq.7", "");
  check("PUT", "/movies?id=eq.7", R"({"id":7,"name":"Another"})");
  check("POST", "/movies", R"({"name":"Another"})");
  CHECK(client.get("/movies?id=eq.7").body == before);
}

}  // namespace shardplex::integration
