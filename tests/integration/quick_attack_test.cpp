// What hostile, slow and vanishing clients may come to, with real clusters: what is soon tried, also under
// sanitizers.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/attacks.hpp"

namespace shardplex::integration {

const Cluster& cluster() {
  static const Site site(2'000);
  return site;
}

TEST_CASE("chunk extensions and trailers without end are refused while they are small") {
  const auto told = Target().attacked_by("endless_chunks", {"--megabytes", "64"});
  for (const auto* what : {"extension", "trailer_fields", "trailer_line", "framing"})
    CHECK(told.at(what).at("sent_megabytes").to_number<double>() < 20);
  for (const auto* what : {"extension", "trailer_fields", "trailer_line", "framing"})
    CHECK(told.at(what).at("sent_megabytes").to_number<double>() > 0);
}

TEST_CASE("requests that are never finished take a bounded memory, and small ones go on") {
  check_undisturbed(Target().attacked_by("unfinished_requests", {"--seconds", "1"}), 2);
  check_undisturbed(
      Target().attacked_by("unfinished_requests",
                           {"--seconds", "1", "--part", "head", "--bytes", "20000", "--connections", "4000"}),
      2);
}

TEST_CASE("statements no two of which are alike take a bounded memory") {
  const auto told = Target().attacked_by("many_shapes", {"--seconds", "3"});
  CHECK(told.at("statuses").as_object().size() == 1);
  CHECK(told.at("statuses").at("200").to_number<int>() > 20);
}

TEST_CASE("clients that leave take their statements with them") {
  Target target;
  const Locked locked("ratings");
  for (const auto* path : {"/ratings?limit=10", "/ratings"})
    CHECK(target.attacked_by("leavers", {"--path", path, "--clients", "20"})
              .at("unanswered")
              .to_number<int>() == 20);
  wait_until("no statement waits any more", [] { return waiting_statements() == 0; });
}

TEST_CASE(
    "a statement that waits delays no other: neither reads by key, nor lists, nor answers of any length") {
  Target target({"--workers", "1"});
  const Locked locked("genres");
  std::vector<std::unique_ptr<RawConnection>> waiting;
  for (const auto* path : {"/genres/Drama", "/genres?limit=10", "/genres", "/genres/Comedy"}) {
    waiting.push_back(std::make_unique<RawConnection>(target.router.port()));
    waiting.back()->write("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  wait_until("statements wait", [] { return waiting_statements() >= 3; });
  HttpClient client(target.router.port());
  for (int i = 0; i < 3; ++i)
    for (const auto* path : {"/movies/1", "/movies?limit=10", "/movies?id=lt.20"}) {
      CAPTURE(path);
      const auto took = time_of([&] { REQUIRE(client.get(path).status == 200); });
      CHECK(took.count() < 1);
    }
}

TEST_CASE("an insert that waits for somebody's lock delays no other") {
  Target target({"--workers", "1"});
  const Open deleting(cluster().shard_of("movies", 7), "DELETE FROM movies WHERE id = 7");
  const std::string row = R"({"id":7})";
  std::vector<std::unique_ptr<RawConnection>> waiting;
  for (int i = 0; i < 6; ++i) {
    waiting.push_back(std::make_unique<RawConnection>(target.router.port()));
    waiting.back()->write(
        "POST /movies HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
        std::to_string(row.size()) + "\r\n\r\n" + row);
  }
  wait_until("an insert waits", [] { return waiting_statements() >= 1; });
  HttpClient client(target.router.port());
  for (int i = 0; i < 10; ++i) {
    const auto took = time_of([&] {
      REQUIRE(client.request("POST", "/movies", as_json, R"({"name":"unhindered"})").status == 201);
    });
    CHECK(took.count() < 1);
  }
}

TEST_CASE("an answer that comes too late is 504, whoever notices first") {
  Target target({"--request-timeout", "500ms"});
  const Locked locked("ratings");
  HttpClient client(target.router.port());
  for (int i = 0; i < 5; ++i)
    for (const auto* path : {"/ratings?limit=10", "/ratings", "/ratings?movie_id=eq.1&user_id=eq.1"}) {
      CAPTURE(path);
      CHECK(client.get(path).status == 504);
    }
}

TEST_CASE("a router that is told to end does so in time while a server hangs") {
  Target target({"--request-timeout", "1s", "--drain-timeout", "3s", "--drain-delay", "500ms"});
  HttpClient warm(target.router.port());
  for (int i = 0; i < 4; ++i) CHECK(warm.get("/movies?limit=10").status == 200);
  const Hung hung("alpha");
  std::vector<std::unique_ptr<RawConnection>> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.push_back(std::make_unique<RawConnection>(target.router.port()));
    waiting.back()->write("GET /movies?limit=" + std::to_string(10 + i) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  std::this_thread::sleep_for(std::chrono::seconds(2));  // their deadline passes, and cancels are sent
  target.router.process().signal(SIGTERM);
  const auto took = time_of([&] { REQUIRE(target.router.process().wait() == 0); });
  CHECK(took.count() < 6);
}

}  // namespace shardplex::integration
