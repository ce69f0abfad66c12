// Embeds of rows on other shards where there is much of them. The rows that this leaves are many: doctest
// takes files by their names, so it comes after lookup_test.cpp.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/lookup_site.hpp"
#include "tests/sanitized.hpp"

namespace shardplex::integration {

TEST_CASE("a long answer streams with what is looked up for it, batch by batch") {
  // More rows than a batch, each with a film that its shard cannot know of.
  std::string many;
  for (unsigned i = 0; i < 3000; ++i)
    many += "{\"user_id\":" + std::to_string(1000 + i) +
            ",\"movie_id\":" + std::to_string((1 + i % films) * 1000003ULL) + "}\n";
  for (auto* site : {&shards(), &one()}) site->cluster.load("lists", many);
  const std::string target = "/lists?select=user_id,movies(name,ratings(score,users(name)))&user_id=gte.1000";
  const auto streamed = shards().get(target);
  CHECK(streamed.status == 200);
  CHECK(streamed.chunked);
  CHECK(streamed.body == one().get(target).body);
  const std::string some =
      "/lists?select=user_id,movies!inner(name)&movies.name=eq.Film%201&user_id=gte.1000&limit=5&offset=3";
  CHECK(shards().get(some).body == one().get(some).body);
}

TEST_CASE("what a shard may not answer at once is looked up for fewer rows") {
  const Router router(
      shards().cluster.map_file(),
      {.arguments = {"--max-answer-bytes", "30000"}, .environment = {}, .wait_until_ready = true});
  const std::string target =
      "/movies?select=id,lists(user_id)&lists.user_id=lt.5000&lists.order=user_id.desc";
  const auto answer = HttpClient(router.port()).get(target);
  CHECK(answer.status == 200);
  CHECK(answer.body.size() > 50'000);
  CHECK(answer.body == one().get(target).body);
}

TEST_CASE("rows that few rows of other shards choose are found among many") {
  for (const auto* target :
       {"/ratings?select=score,users!inner(name)&users.name=eq.u3",
        "/users?select=id,ratings!inner()&ratings.score=eq.5&ratings.movie_id=eq.1000003",
        "/users?select=id,ratings!inner()&ratings.score=eq.77",
        "/movies?select=id,users!lists!inner(name)&users.name=in.(u3,u4)&order=name.desc",
        "/orders?select=id,stock!by_price!inner(id)&stock.id=lt.4",
        "/orders?select=id,stock!by_label!inner(id)&stock.id=gt.2&limit=3&offset=20",
        "/orders?select=id,a:stock!by_time!inner(id),b:stock!by_day!inner(id)&a.id=gt.1&b.id=gt.1"}) {
    INFO(std::string(target));
    const auto expected = one().get(target);
    CHECK(expected.status == 200);
    CHECK(shards().get(target).body == expected.body);
  }
  // More than may be looked through in vain.
  std::string many;
  for (unsigned i = 0; i < 110'000; ++i)
    many += "{\"user_id\":" + std::to_string(100'000 + i) + ",\"movie_id\":1000003}\n";
  shards().cluster.load("lists", many + "{\"user_id\":1000000,\"movie_id\":2000006}\n");
  const auto found =
      shards().get("/lists?select=user_id,movies!inner(id)&movies.id=eq.2000006&user_id=gte.100000&limit=2");
  CHECK(found.body == "[{\"user_id\":1000000,\"movies\":{\"id\":2000006}}]");
  CHECK(
      shards().get("/lists?select=user_id,movies()&movies=is.null&user_id=gte.100000&limit=2").error_code() ==
      "SHARD400");
}

TEST_CASE("what cannot be bounded is refused") {
  for (const auto* target : {"/lists?select=user_id,movies!inner(name)&offset=10001",
                             "/lists?select=user_id,movies(name)&order=movies(name)"}) {
    const auto answer = shards().get(target);
    CHECK(answer.status == 400);
    CHECK(answer.error_code() == "SHARD400");
  }
  // Of the rows that another test has left there.
  CHECK(HttpClient(shards().router->port())
            .get("/lists?select=user_id,movies()&movies=is.null&limit=1", {{"Prefer", "count=exact"}})
            .error_code() == "SHARD400");
}

TEST_CASE("what the budget of memory holds in parts is answered whole, and what it does not is refused") {
  const Router router(shards().cluster.map_file(),
                      {.arguments = {"--memory-budget-bytes", "8388608", "--request-timeout", "180s"},
                       .environment = {},
                       .wait_until_ready = true});
  // Four towns, each with ten people whose names are wide, who have seen films of other shards.
  std::string towns, people, seen;
  for (unsigned town = 0; town < 4; ++town) {
    towns += "{\"id\":" + std::to_string(70 + town) + "}\n";
    for (unsigned i = 0; i < 10; ++i) {
      const auto user = std::to_string(7000 + 10 * town + i);
      people += "{\"id\":" + user + ",\"town_id\":" + std::to_string(70 + town) + "}\n";
      for (unsigned film = 1; film <= 3; ++film)
        seen += "{\"user_id\":" + user + ",\"movie_id\":" + std::to_string(film * 1000003ULL) + "}\n";
    }
  }
  for (auto* site : {&shards(), &one()}) {
    site->cluster.load("towns", towns);
    site->cluster.load("users", people);
    site->cluster.load("lists", seen);
  }
  const std::vector<std::string> targets{
      "/towns?select=id,users(id,name)&id=gte.70",
      "/towns?select=id,users(id,name,movies!lists(id,ratings(score)))&id=gte.70",
      "/towns?select=id,users!inner(id,name,lists(movies(id,name)))&id=gte.70&users.lists.order=movie_id",
      "/towns?select=id,users(id,name,lists!inner(movies!inner(id)))&id=gte.70&users.lists.order=movie_id",
      "/lists?select=user_id,users(name,towns(id))&user_id=gte.7000&user_id=lt.7030&order=user_id,movie_id"};
  unsigned whole = 0, refused = 0;
  for (const auto* width : {"1000", "10000", "40000", "100000", "300000", "900000"}) {
    if (tests::sanitized && std::string_view(width) == "300000") continue;  // which takes them long
    for (auto* site : {&shards(), &one()})
      site->cluster.run_everywhere("UPDATE users SET name = repeat(chr(97 + id % 26), " + std::string(width) +
                                   ") WHERE id >= 7000 AND id < 7100");
    for (const auto& target : targets) {
      INFO(target, " where names have ", std::string(width), " bytes");
      const auto expected = one().get(target);
      CHECK(expected.status == 200);
      try {
        const auto answer = HttpClient(router.port()).get(target);
        if (answer.status == 200) {
          ++whole;
          CHECK((answer.body == expected.body));  // megabytes, which nobody wants printed
        } else {
          ++refused;
          CHECK(answer.error_code() == (answer.status == 503 ? "SHARD503" : "SHARD400"));
        }
      } catch (const ConnectionFailure& cut) {
        CHECK(cut.began);
        ++refused;
      }
      CHECK(HttpClient(router.port()).get("/towns?id=eq.1").status == 200);
    }
  }
  MESSAGE(whole, " were answered, ", refused, " refused or cut");
  CHECK(whole >= targets.size());
  CHECK(refused > 0);
}

}  // namespace shardplex::integration
