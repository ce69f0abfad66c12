// What hostile, slow and vanishing clients may come to, with real clusters: tests/attacks/ against the
// router.
#include <doctest/doctest.h>
#include <signal.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;
using Seconds = std::chrono::duration<double>;

constexpr int most_megabytes = 300;
constexpr int wide_rows = 60, wide_bytes = 400'000;  // 12 MB on each shard
const Headers as_json{{"Content-Type", "application/json"}};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_told = false;  // the sanitizers' own is most of it
#else
constexpr bool memory_is_told = true;
#endif

/// Films, ratings of which a shard has several megabytes, and films whose names are long.
struct Site : Cluster {
  Site() : Cluster({.shards = 2, .replicas = 0, .map = "hash"}) {
    initialise();
    load("movies", make_movies({"--count", "500"}));
    load("genres", make_movies({"--genres"}));
    load("ratings", make_movies({"--count", "20000", "--ratings", "150000"}));
    const Router router(map_file());
    HttpClient client(router.port());
    for (int i = 0; i < wide_rows; ++i)
      REQUIRE(client
                  .request("POST", "/movies", as_json,
                           R"({"director":"wide","name":")" + std::string(wide_bytes, 'w') + "\"}")
                  .status == 201);
  }
};

const Cluster& cluster() {
  static const Site site;
  return site;
}

/// A router of its own for each attack: its peak of memory is the attack's.
struct Target {
  Router router;

  explicit Target(std::vector<std::string> arguments = {})
      : router(cluster().map_file(),
               {.arguments = std::move(arguments), .environment = {}, .wait_until_ready = true}) {}

  json::object attacked_by(const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> command{"python3", std::string(ATTACKS) + "/" + name + ".py",
                                     "--port",  std::to_string(router.port()),
                                     "--pid",   std::to_string(router.process().pid())};
    command.insert(command.end(), more.begin(), more.end());
    const auto text = run_or_throw(command);
    MESSAGE(name << ": " << text);
    auto told = json::parse(text).as_object();
    if (memory_is_told && told.contains("peak_megabytes"))
      CHECK(told.at("peak_megabytes").to_number<int>() <= most_megabytes);
    return told;
  }
};

void check_undisturbed(const json::object& told, double longest_seconds) {
  const auto& bystander = told.at("bystander").as_object();
  CHECK(bystander.at("asked").to_number<int>() > 0);
  CHECK(bystander.at("failed").to_number<int>() == 0);
  CHECK(bystander.at("worst").to_number<double>() < longest_seconds);
}

/// A transaction on one shard that has run a statement, and stays open as long as this lives.
class Open {
 public:
  Open(const std::string& shard, const std::string& sql)
      : connection_(cluster().conninfo(shard)), transaction_(connection_) {
    transaction_.exec(sql);
  }

 private:
  pqxx::connection connection_;
  pqxx::work transaction_;
};

/// Holds a table of all shards, so that every statement on it waits.
class Locked {
 public:
  explicit Locked(const std::string& table) {
    for (const auto& shard : cluster().shards())
      held_.push_back(std::make_unique<Open>(shard, "LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE"));
  }

 private:
  std::vector<std::unique_ptr<Open>> held_;
};

std::int64_t waiting_statements() {
  std::int64_t waiting = 0;
  for (const auto& shard : cluster().shards())
    waiting += Database(cluster().conninfo(shard))
                   .number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
  return waiting;
}

Seconds time_of(const std::function<void()>& f) {
  const auto began = std::chrono::steady_clock::now();
  f();
  return std::chrono::steady_clock::now() - began;
}

/// All processes of a PostgreSQL server, stopped as by a hanging disk; they go on when this goes.
class Hung {
 public:
  explicit Hung(const std::string& server) {
    Database database(cluster().conninfo(server));
    std::ifstream file(*database.value("SHOW data_directory") + "/postmaster.pid");
    pid_t postmaster = 0;
    file >> postmaster;
    pids_.push_back(postmaster);
    const auto id = std::to_string(postmaster);
    std::ifstream children("/proc/" + id + "/task/" + id + "/children");
    for (pid_t child = 0; children >> child;) pids_.push_back(child);
    for (const auto pid : pids_) ::kill(pid, SIGSTOP);
  }
  ~Hung() {
    for (const auto pid : pids_) ::kill(pid, SIGCONT);
  }
  Hung(const Hung&) = delete;

 private:
  std::vector<pid_t> pids_;
};

}  // namespace

TEST_CASE("chunk extensions and trailers without end are refused while they are small") {
  const auto told = Target().attacked_by("endless_chunks", {"--megabytes", "64"});
  for (const auto* what : {"extension", "trailer_fields", "trailer_line", "framing"})
    CHECK(told.at(what).at("sent_megabytes").to_number<double>() < 20);
}

TEST_CASE("requests that are never finished take a bounded memory, and small ones go on") {
  check_undisturbed(Target().attacked_by("unfinished_requests", {"--seconds", "1"}), 2);
  check_undisturbed(
      Target().attacked_by("unfinished_requests",
                           {"--seconds", "1", "--part", "head", "--bytes", "20000", "--connections", "4000"}),
      2);
}

TEST_CASE("answers that are asked for whole and not read take a bounded memory, and small ones go on") {
  check_undisturbed(Target().attacked_by("slow_readers", {"--clients", "60", "--pipelined", "3", "--path",
                                                          "/movies?director=eq.wide&limit=1000"}),
                    3);
}

TEST_CASE("one big row that many ask for takes a bounded memory") {
  Database database(cluster().conninfo("alpha"));
  const auto id = database.number("SELECT id FROM movies WHERE director = 'wide' LIMIT 1");
  Target().attacked_by("slow_readers",
                       {"--clients", "300", "--pipelined", "20", "--path", "/movies/" + std::to_string(id)});
}

TEST_CASE("clients that read big answers slowly hold up no small ones, and no longer than a deadline") {
  Target target({"--request-timeout", "4s"});
  const auto told = target.attacked_by("slow_readers", {"--clients", "16", "--path", "/ratings", "--small",
                                                        "/movies?id=lt.20", "--seconds", "8"});
  check_undisturbed(told, 1.5);
  CHECK(told.at("ends").to_number<int>() > 0);
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

TEST_CASE("statements no two of which are alike take a bounded memory") {
  Target().attacked_by("many_shapes", {"--seconds", "3"});
}

TEST_CASE("clients that leave take their statements with them") {
  Target target;
  const Locked locked("ratings");
  target.attacked_by("leavers", {"--path", "/ratings?limit=10", "--clients", "20"});
  target.attacked_by("leavers", {"--path", "/ratings", "--clients", "20"});
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
