// What hostile and slow clients may come to, with real clusters: the attacks that take long, or much memory.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/attacks.hpp"

namespace shardplex::integration {

const Cluster& cluster() {
  static const LargeSite site;
  return site;
}

TEST_CASE("answers that are asked for whole and not read take a bounded memory, and small ones go on") {
  const auto told = Target().attacked_by("slow_readers", {"--clients", "60", "--pipelined", "3", "--path",
                                                          "/movies?director=eq.wide&limit=1000"});
  check_undisturbed(told, 3);
  CHECK(told.at("reading").to_number<int>() > 0);
}

TEST_CASE("one big row that many ask for takes a bounded memory") {
  Database database(cluster().conninfo("alpha"));
  const auto id = database.number("SELECT id FROM movies WHERE director = 'wide' LIMIT 1");
  const auto told = Target().attacked_by(
      "slow_readers", {"--clients", "300", "--pipelined", "20", "--path", "/movies/" + std::to_string(id)});
  CHECK(told.at("reading").to_number<int>() > 0);
}

TEST_CASE("clients that read big answers slowly hold up no small ones, and no longer than a deadline") {
  Target target({"--request-timeout", "4s"});
  const auto told =
      target.attacked_by("slow_readers", {"--clients", "16", "--path", "/ratings", "--small",
                                          "/movies?id=lt.20", "--seconds", "8", "--drain", "1"});
  check_undisturbed(told, 1.5);
  CHECK(told.at("cut").to_number<int>() > 0);
}

TEST_CASE(
    "an answer of too many bytes for one shard is refused, and so are rows that are too many to insert") {
  const Router router(
      cluster().map_file(),
      {.arguments = {"--max-answer-bytes", "2000000"}, .environment = {}, .wait_until_ready = true});
  HttpClient client(router.port());
  const auto large = client.get("/movies?director=eq.wide&limit=1000");
  CHECK(large.status == 400);
  CHECK(large.error_code() == "SHARD400");
  CHECK(large.body.find("--max-answer-bytes") != std::string::npos);
  CHECK(client.get("/movies?director=eq.wide&limit=1").status == 200);
  CHECK(client.get("/movies?director=eq.wide&select=id&limit=1000").status == 200);

  const auto told = Target().attacked_by("empty_objects");
  CHECK(told.at("statuses") == json::value(json::object{{"413", 10}}));
  check_undisturbed(told, 0.5);
}

TEST_CASE("a router that is told to end cuts no request") {
  for (const auto* path : {"/movies/1", "/movies?limit=20", "/movies?id=lt.300"}) {
    CAPTURE(std::string(path));
    Target target;
    const auto told = target.attacked_by("sigterm", {"--clients", "100", "--seconds", "4", "--path", path});
    CHECK(told.at("answered").to_number<int>() > 100);
    CHECK(told.at("cut").to_number<int>() == 0);
    CHECK(target.router.process().wait() == 0);
    if (told.at("cut").to_number<int>() > 0)
      for (const auto& line : target.router.process().errors()) MESSAGE(line);
  }
}

}  // namespace shardplex::integration
