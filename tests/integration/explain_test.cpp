// What a router says that it would do, against what it does.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <initializer_list>
#include <string>
#include <vector>

#include "shard_map/joined.hpp"
#include "tests/integration/insight.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

std::string router_url() {
  return "http://127.0.0.1:" + std::to_string(insight_router().admin_port());
}

HttpResponse explained(const std::string& target, const Headers& headers = {}) {
  return HttpClient(insight_router().admin_port()).get("/plan" + target, headers);
}

std::string shards_told(const json::value& plan) {
  std::vector<std::string> names;
  for (const auto& shard : plan.at_pointer("/route/shards").as_array())
    names.emplace_back(shard.at("shard").as_string());
  return joined(names, ",");
}

}  // namespace

TEST_CASE("a read asks the shards that its explanation names") {
  HttpClient client(insight_router().port());
  for (const std::string target :
       {"/movies", "/movies/1", "/movies?id=eq.7", "/movies?id=eq.7&name=like.*a*",
        "/movies?id=in.(1,2,3,4,5)", "/movies?id=in.(3)&order=name", "/movies?select=primary_genre,count()",
        "/movies?order=name&limit=3&offset=2", "/movies?or=(id.eq.1,id.eq.2)&order=id",
        "/movies?select=name,ratings(score)&limit=2"}) {
    CAPTURE(target);
    const auto answer = client.get(target);
    const auto told = explained(target);
    INFO(told.body);
    REQUIRE(told.status == 200);
    REQUIRE(answer.status == 200);
    CHECK(shards_told(json::parse(told.body)) == answer.header("Shardplex-Shards"));
  }
}

TEST_CASE("each shard takes the SQL that it is told to be asked") {
  for (const std::string target :
       {"/movies?select=name,imdb_score&order=imdb_score.desc&limit=3&primary_genre=eq.Drama",
        "/movies?id=eq.5", "/movies?select=primary_genre,imdb_score.avg()", "/genres?order=number&limit=2",
        "/movies?select=name,ratings(score)&release_date=gte.2000-01-01"}) {
    CAPTURE(target);
    const auto plan = json::parse(explained(target).body);
    int number = 0;
    for (const auto& statement : plan.at("statements").as_array()) {
      const auto shard = std::string(statement.at_pointer("/shards/0").as_string());
      Database database(insight_cluster().conninfo(shard == "any" ? "alpha" : shard));
      const auto sql = std::string(statement.at("sql").as_string());
      CAPTURE(sql);
      const auto name = "told_" + std::to_string(number++);
      CHECK_NOTHROW(database.run("PREPARE " + name + " AS " + sql));
      const auto parameters = database.number(
          "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = '" + name + "'");
      CHECK(parameters == static_cast<std::int64_t>(statement.at("parameters").as_array().size()));
    }
  }
}

TEST_CASE("what is refused is refused alike") {
  HttpClient client(insight_router().port());
  struct Row {
    std::string target;
    Headers headers;
  };
  for (const auto& [target, headers] : std::initializer_list<Row>{
           {"/films", {}},
           {"/movies?nothing=eq.1", {}},
           {"/movies?id=five.5", {}},
           {"/movies?order=genre", {}},
           {"/movies?select=stars(*)", {}},
           {"/movies?name=eq.%ff", {}},
           {"/ratings/5", {}},
           {"/movies", {{"Accept", "image/png"}}},
           {"/movies", {{"Accept-Profile", "private"}}},
           {"/movies", {{"Range", "10-5"}}},
           {"/movies", {{"Prefer", "handling=strict, nonsense=1"}}},
           {"/movies/1", {{"Prefer", "handling=strict, partial=allow"}}},
           {"/movies?select=count()", {{"Prefer", "handling=strict, partial=allow"}}},
           {"/movies", {{"Shardplex-Consistency", "weak"}}},
       }) {
    CAPTURE(target);
    const auto answer = client.get(target, headers), told = explained(target, headers);
    CHECK(answer.status >= 400);
    CHECK(told.status == answer.status);
    CHECK(told.body == answer.body);
  }
}

TEST_CASE("fields change the plan as they change the read, and nothing of it is carried out") {
  const auto plain = json::parse(explained("/movies?order=id").body),
             ranged = json::parse(explained("/movies?order=id", {{"Range", "0-9"}}).body),
             counted = json::parse(explained("/movies?order=id", {{"Prefer", "count=exact"}}).body),
             strong = json::parse(explained("/movies", {{"Shardplex-Consistency", "strong"}}).body);
  CHECK(plain.at_pointer("/operators/operator").as_string() == "SortedMerge");
  CHECK(ranged.at_pointer("/operators/operator").as_string() == "Slice");
  CHECK(ranged.at_pointer("/operators/limit").as_int64() == 10);
  CHECK(std::string(counted.at_pointer("/statements/0/sql").as_string()).find("count(*)") !=
        std::string::npos);
  CHECK(strong.at("asks").as_string() == "primaries");
  const auto head = HttpClient(insight_router().admin_port()).request("HEAD", "/plan/movies");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK(HttpClient(insight_router().port()).get("/plan/movies").error_code() == "PGRST205");
}

TEST_CASE("the command prints the plan as text and as JSON, and an error where the read has one") {
  const auto text =
      run_shardplex({"explain", "--router", router_url(), "GET /movies?order=imdb_score.desc&limit=3"});
  INFO(text.output, text.errors);
  CHECK(text.status == 0);
  for (const auto* part :
       {"movies: all of alpha, beta", "why: no filter narrows", "SHARD\tSLOTS\tEPOCH\tROWS", "\noperators:\n",
        "  Slice offset=0 limit=3\n", "    SortedMerge keys=imdb_score.desc.nullsfirst, id.asc.nullslast\n",
        "      Scan table=movies shard=alpha postgresql_writes=rated\n", "alpha, beta reads rows:\n  SELECT ",
        "  $1: the epoch (bigint)\n", "hint: Rows of movies are placed by id"})
    CHECK_MESSAGE(text.output.find(part) != std::string::npos, part);
  const auto as_json =
      run_shardplex({"explain", "--json", "--router", router_url(), "/movies?id=eq.1&name=eq.A b"});
  INFO(as_json.output, as_json.errors);
  REQUIRE(as_json.status == 0);
  CHECK(json::parse(as_json.output).at_pointer("/route/kind").as_string() == "one");
  const auto counted = run_shardplex(
      {"explain", "--router", router_url(), "--header", "Prefer: count=exact", "GET /movies?limit=1"});
  CHECK(counted.output.find("count(*)") != std::string::npos);
  const auto refused = run_shardplex({"explain", "--router", router_url(), "GET /movies?nothing=eq.1"});
  CHECK(refused.status == 1);
  CHECK(refused.errors.find("error: 42703: ") != std::string::npos);
}

}  // namespace shardplex::integration
