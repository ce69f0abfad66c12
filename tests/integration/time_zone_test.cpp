// Prefer: timezone=, compared with one PostgreSQL that has its time zone set.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/oracle.hpp"

namespace shardplex::integration {
namespace {

Headers in_zone(const std::string& zone, const std::string& more = "") {
  return {{"Prefer", "timezone=" + zone + more}};
}

/// The rows of a SELECT as PostgreSQL writes them, in a time zone.
std::string written_in(const std::string& zone, const std::string& rows_sql) {
  auto& database = Oracle::instance().database;
  database.run("SET TimeZone = '" + zone + "'");
  auto text = database.value("SELECT coalesce(json_agg(r), '[]')::text FROM (" + rows_sql + ") r");
  database.run("RESET TimeZone");
  return text.value_or("null");
}

struct ZonedRead {
  std::string target, sql;
};

const std::vector<std::string> zones{"UTC", "America/Los_Angeles", "Asia/Kathmandu", "Europe/Rome",
                                     "EST5EDT"};

const std::vector<ZonedRead> reads{
    {"/movies?select=id,seen_at&order=seen_at.desc,id",
     "SELECT id, seen_at FROM movies ORDER BY seen_at DESC, id"},
    {"/movies?select=id,seen_at,days&id=eq.5", "SELECT id, seen_at, days FROM movies WHERE id = 5"},
    {"/movies?select=id,seen_at&id=in.(1,2,3,4,5,6,7,8,9)&order=id.desc",
     "SELECT id, seen_at FROM movies WHERE id IN (1,2,3,4,5,6,7,8,9) ORDER BY id DESC"},
    {"/movies?select=id,seen_at::date&id=lt.100&id=gt.0&order=id&limit=50",
     "SELECT id, seen_at::date FROM movies WHERE id < 100 AND id > 0 ORDER BY id LIMIT 50"},
    {"/movies?select=id&seen_at=gte.2024-02-29T14:00&order=id",
     "SELECT id FROM movies WHERE seen_at >= '2024-02-29T14:00' ORDER BY id"},
    {"/movies?select=seen_at,count()&order=seen_at",
     "SELECT seen_at, count(*) FROM movies GROUP BY seen_at ORDER BY seen_at"},
    {"/movies?select=seen_at.max()&seen_at=lt.infinity",
     "SELECT max(seen_at) FROM movies WHERE seen_at < 'infinity'"},
};

}  // namespace

TEST_CASE("times are written and read in the time zone that is asked for, and in no other request") {
  auto& oracle = Oracle::instance();
  for (const auto* router : {&oracle.hash_router, &oracle.genre_router, &oracle.single_router}) {
    HttpClient client(router->port());
    for (const auto& read : reads) {
      INFO(read.target);
      const auto own = client.get(read.target);
      REQUIRE_MESSAGE(own.status == 200, own.body);
      for (const auto& zone : zones) {
        CAPTURE(zone);
        const auto answer = client.get(read.target, in_zone(zone));
        CHECK(answer.status == 200);
        CHECK(answer.body == written_in(zone, read.sql));
        CHECK(answer.header("Preference-Applied") == "timezone=" + zone);
      }
      const auto after = client.get(read.target);
      CHECK(after.body == own.body);
      CHECK_FALSE(after.header("Preference-Applied"));
    }
  }
}

TEST_CASE("requests of several time zones at a time do not get into each other's") {
  auto& oracle = Oracle::instance();
  const std::vector<std::string> targets{"/movies?select=id,seen_at&id=eq.6",
                                         "/movies?select=id,seen_at&id=in.(6,7,8)&order=id&limit=5",
                                         "/movies?select=id,seen_at&order=id"};
  const std::vector<std::string> sqls{
      "SELECT id, seen_at FROM movies WHERE id = 6",
      "SELECT id, seen_at FROM movies WHERE id IN (6, 7, 8) ORDER BY id LIMIT 5",
      "SELECT id, seen_at FROM movies ORDER BY id"};
  std::vector<std::vector<std::string>> expected(targets.size());
  HttpClient client(oracle.hash_router.port());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    for (const auto& zone : zones) expected[i].push_back(written_in(zone, sqls[i]));
    expected[i].push_back(client.get(targets[i]).body);
  }
  std::atomic<int> wrong = 0, asked = 0;
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < 6; ++thread)
    threads.emplace_back([&, thread] {
      HttpClient own(oracle.hash_router.port());
      for (std::size_t i = 0; i < 120; ++i) {
        const auto which = (i + thread) % targets.size(), zone = (i * 5 + thread) % (zones.size() + 1);
        const auto answer = own.get(targets[which], zone < zones.size() ? in_zone(zones[zone]) : Headers());
        wrong += answer.status != 200 || answer.body != expected[which][zone];
        ++asked;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(asked == 720);
  CHECK(wrong == 0);
}

TEST_CASE("other formats, one row, looked-up rows and pages by cursor are in the time zone too") {
  auto& oracle = Oracle::instance();
  const std::string zone = "Asia/Kathmandu";
  HttpClient genre(oracle.genre_router.port()), single(oracle.single_router.port()),
      hash(oracle.hash_router.port());
  for (const auto* target :
       {"/movies?select=id,ratings(user_id,rated_at)&order=id&limit=30",
        "/ratings?select=movie_id,user_id,rated_at,movies(seen_at)&order=movie_id,user_id&limit=40"}) {
    INFO(std::string(target));
    const auto expected = single.get(target, in_zone(zone));
    CHECK(expected.status == 200);
    CHECK(expected.body.find("+05:45") != std::string::npos);
    CHECK(genre.get(target, in_zone(zone)).body == expected.body);
    CHECK(hash.get(target, in_zone(zone)).body == expected.body);
  }
  auto as_csv = in_zone(zone);
  as_csv.emplace_back("Accept", "text/csv");
  const auto csv = hash.get("/ratings?select=movie_id,rated_at&order=rated_at,movie_id&limit=20", as_csv);
  CHECK(csv.status == 200);
  CHECK(csv.body.find("+05:45") != std::string::npos);
  // A page goes on behind the same moment, however it was written.
  const auto page =
      hash.get("/ratings?select=movie_id,rated_at&order=rated_at&limit=50&after=", in_zone(zone));
  const auto links = page.header("Link").value_or("");
  REQUIRE(links.size() > 2);
  const auto next = links.substr(1, links.find('>') - 1);
  CHECK(hash.get(next, in_zone("America/Los_Angeles")).body ==
        hash.get("/ratings?select=movie_id,rated_at&order=rated_at&limit=50&offset=50",
                 in_zone("America/Los_Angeles"))
            .body);
}

TEST_CASE("a time zone that no server knows is passed over, or refused where preferences are strict") {
  HttpClient client(Oracle::instance().hash_router.port());
  const std::string target = "/movies?select=id,seen_at&order=id";
  const auto own = client.get(target);
  // PostgreSQL would take some of these, but not as names.
  for (const auto* zone : {"Jupiter/Red_Spot", "+02:00", "5", "FOO+3", "europe/rome", "'; SELECT 1"}) {
    CAPTURE(std::string(zone));
    const auto lenient = client.get(target, in_zone(zone));
    CHECK(lenient.status == 200);
    CHECK(lenient.body == own.body);
    CHECK_FALSE(lenient.header("Preference-Applied"));
    const auto strict = client.get(target, in_zone(zone, ", handling=strict"));
    CHECK(strict.status == 400);
    CHECK(strict.error_code() == "PGRST122");
    CHECK(strict.body.find("timezone=") != std::string::npos);
  }
  CHECK(client.get(target, in_zone("UTC", ", handling=strict")).status == 200);
}

TEST_CASE("what is written is read in the time zone, and returned in it") {
  auto& oracle = Oracle::instance();
  HttpClient client(oracle.hash_router.port());
  const std::string row = "/ratings?movie_id=eq.777000&user_id=eq.42&select=rated_at";
  auto headers = in_zone("America/New_York", ", return=representation");
  headers.emplace_back("Content-Type", "application/json");
  REQUIRE(client
              .request("POST", "/movies", {{"Content-Type", "application/json"}},
                       R"({"id":777000,"name":"Of all zones"})")
              .status == 201);
  auto answer =
      client.request("POST", "/ratings?select=rated_at", headers,
                     R"({"movie_id":777000,"user_id":42,"score":5,"rated_at":"2024-07-01T12:00:00"})");
  CHECK(answer.status == 201);
  CHECK(answer.body == R"([{"rated_at":"2024-07-01T12:00:00-04:00"}])");
  CHECK(answer.header("Preference-Applied") == "return=representation, timezone=America/New_York");
  CHECK(client.get(row, in_zone("UTC")).body == R"([{"rated_at":"2024-07-01T16:00:00+00:00"}])");
  answer = client.request("PATCH", row + "&rated_at=eq.2024-07-01T12:00:00", headers,
                          R"({"rated_at":"2024-01-01T12:00:00"})");
  CHECK(answer.status == 200);
  CHECK(answer.body == R"([{"rated_at":"2024-01-01T12:00:00-05:00"}])");
  // An insert that shares its transaction with others, which have no time zone.
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      HttpClient own(oracle.hash_router.port());
      for (int i = 0; i < 20; ++i) {
        const bool zoned = (i + thread) % 2 == 0;
        auto fields = in_zone(zoned ? "Asia/Tokyo" : "UTC", ", return=representation");
        fields.emplace_back("Content-Type", "application/json");
        const auto made =
            own.request("POST", "/ratings?select=rated_at", fields,
                        R"({"movie_id":777000,"user_id":)" + std::to_string(1000 + thread * 100 + i) +
                            R"(,"score":5,"rated_at":"2024-07-01T12:00:00"})");
        wrong += made.body != (zoned ? R"([{"rated_at":"2024-07-01T12:00:00+09:00"}])"
                                     : R"([{"rated_at":"2024-07-01T12:00:00+00:00"}])");
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(client.request("DELETE", "/ratings?movie_id=eq.777000").status == 204);
  CHECK(client.request("DELETE", "/movies?id=eq.777000").status == 204);
}

}  // namespace shardplex::integration
