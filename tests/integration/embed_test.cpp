// What clients see of embeds beside their rows, on the clusters of the oracle.
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <csignal>
#include <string>

#include "tests/integration/oracle.hpp"

namespace shardplex::integration {
namespace {

boost::json::value error_of(const HttpResponse& answer) {
  return boost::json::parse(answer.body);
}

}  // namespace

TEST_CASE("an embed whose alias a parameter passes over is found by its table, with a warning") {
  HttpClient client(Oracle::instance().hash_router.port());
  const std::string select = "/movies?select=id,rated:ratings(score)&order=id&limit=3";
  const auto by_alias = client.get(select + "&rated.score=gt.4"),
             by_table = client.get(select + "&ratings.score=gt.4");
  CHECK(by_alias.status == 200);
  CHECK(by_table.status == 200);
  CHECK(by_table.body == by_alias.body);
  CHECK_FALSE(by_alias.header("Warning"));
  CHECK(by_table.header("Warning").value_or("").starts_with("299 - \""));
  CHECK(by_table.header("Warning").value_or("").find("ratings") != std::string::npos);
}

TEST_CASE("a relation that leads to other shards is followed, and refused where that has no bound") {
  HttpClient hash(Oracle::instance().hash_router.port()), genre(Oracle::instance().genre_router.port());
  for (const auto& answer :
       {hash.get("/critics?select=name,reviews(stars)"), genre.get("/movies?select=id,ratings(score)"),
        genre.get("/ratings?select=score,movies(name)&movies=not.is.null"),
        genre.get("/ratings?select=score,movies(name)&order=movies(name)"),
        hash.get("/movies?select=id,reviews(critics(reviews(stars)))")}) {
    CAPTURE(answer.body);
    CHECK(answer.status == 200);
  }
  for (const auto& answer : {genre.get("/movies?select=id,ratings(movies(name))&ratings.order=movies(name)"),
                             hash.get("/critics?select=name,reviews!inner(stars)&offset=10001")}) {
    CAPTURE(answer.body);
    CHECK(answer.status == 400);
    CHECK(answer.error_code() == "SHARD400");
    CHECK(error_of(answer).at("hint").is_string());
  }
}

TEST_CASE("rows that have rows on other shards are as many as those that have them on their own") {
  HttpClient hash(Oracle::instance().hash_router.port()), genre(Oracle::instance().genre_router.port());
  const std::string target = "/movies?select=id,ratings!inner()&ratings.score=gt.2&limit=3";
  const auto looked_up = genre.get(target, {{"Prefer", "count=exact"}}),
             local = hash.get(target, {{"Prefer", "count=exact"}});
  CHECK(looked_up.status == 206);
  CHECK(looked_up.header("Content-Range").value_or("").starts_with("0-2/"));
  CHECK(looked_up.header("Content-Range") == local.header("Content-Range"));
  CHECK(looked_up.body == local.body);
  const auto unplanned = genre.get(target, {{"Prefer", "count=planned"}});
  CHECK(unplanned.status == 400);
  CHECK(unplanned.error_code() == "SHARD400");
  CHECK(hash.get(target, {{"Prefer", "count=planned"}}).status < 300);
}

TEST_CASE("what is asked of relations that are not there, or several, is refused as PostgREST does it") {
  HttpClient client(Oracle::instance().hash_router.port());
  auto answer = client.get("/movies?select=id,rating(score)");
  CHECK(answer.status == 400);
  CHECK(answer.error_code() == "PGRST200");
  CHECK(error_of(answer).at("hint") == "Perhaps you meant 'ratings' instead of 'rating'.");
  answer = client.get("/movies?select=id&ratings.score=gt.4");
  CHECK(answer.error_code() == "PGRST108");
  answer = client.get("/movies?select=id,ratings(score)&order=ratings(score)");
  CHECK(answer.error_code() == "PGRST118");
  answer = client.get("/movies?select=id,ratings(nothing)");
  CHECK(answer.status == 400);
  CHECK(answer.error_code() == "42703");
}

TEST_CASE("a relation that the map declares is embedded after the map was read again, too") {
  Router own(Oracle::instance().hash.map_file());
  HttpClient client(own.port());
  const std::string target = "/movies?select=id,genre:movies_genre(*)&order=id&limit=20";
  const auto before = client.get(target);
  REQUIRE(before.status == 200);
  own.process().signal(SIGHUP);
  wait_until("the map read again serves",
             [&] { return boost::json::parse(own.admin("/map").body).at("version").to_number<int>() == 2; });
  const auto after = client.get(target);
  CHECK(after.status == 200);
  CHECK(after.body == before.body);
}

TEST_CASE("one row by its key embeds as any") {
  HttpClient client(Oracle::instance().hash_router.port());
  const auto one = client.get("/movies/1?select=id,ratings(user_id)&ratings.order=user_id");
  CHECK(one.status == 200);
  CHECK(one.body.starts_with(R"({"id":1,"ratings":[)"));
  CHECK(client.get("/movies?id=eq.1&select=id,ratings(user_id)&ratings.order=user_id").body ==
        '[' + one.body + ']');
  CHECK(one.header("Shardplex-Shards").value_or(",").find(',') == std::string::npos);
  CHECK(client.get("/movies/1?select=id,ratings!inner(user_id)&ratings.user_id=eq.77").status == 404);
}

}  // namespace shardplex::integration
