// How long an answer may take that is sent while it is read, with a real cluster.
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t films = 100, bytes_of_film = 600'000;  // far more than sockets hold
constexpr std::size_t piece = 1'000'000;

const Cluster& cluster() {
  struct Loaded : Cluster {
    Loaded() : Cluster({.shards = 2, .replicas = 0, .map = "hash"}) {
      initialise();
      load("movies", make_movies({"--count", std::to_string(films)}));
      run_everywhere("UPDATE movies SET name = repeat('w', " + std::to_string(bytes_of_film) + ")");
    }
  };
  static const Loaded loaded;
  return loaded;
}

/// A client that has asked for all films, and has got the head of the answer.
struct Reader {
  RawConnection connection;

  explicit Reader(const Router& router) : connection(router.port()) {
    connection.write("GET /movies?select=id,name HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(connection.read_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
  }
};

Router::Options with(std::vector<std::string> arguments) {
  return {.arguments = std::move(arguments), .environment = {}, .wait_until_ready = true};
}

/// On all shards.
std::int64_t statements_under_way() {
  std::int64_t count = 0;
  for (const auto& shard : cluster().shards())
    count += Database(cluster().conninfo(shard))
                 .number(
                     "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shardplexd' AND "
                     "state = 'active'");
  return count;
}

const std::string last_chunk = "\r\n0\r\n\r\n";

}  // namespace

TEST_CASE("an answer that goes on moving is sent whole, however long that takes") {
  const Router router(cluster().map_file(), with({"--request-timeout", "4s"}));
  Reader reader(router);
  const auto began = Clock::now();
  for (int i = 0; i < 24; ++i) {
    reader.connection.read(piece);
    std::this_thread::sleep_for(300ms);
  }
  CHECK(Clock::now() - began > 4s);
  CHECK(reader.connection.read_to_end().ends_with(last_chunk));
  wait_until("no statement is left", [] { return statements_under_way() == 0; });
}

TEST_CASE("a client that stands still for one --request-timeout is cut, and its statements with it") {
  const Router router(cluster().map_file(), with({"--request-timeout", "5s"}));
  Reader reader(router);
  wait_until("statements are under way", [] { return statements_under_way() == 2; });
  wait_until("no statement is left", [] { return statements_under_way() == 0; });
  CHECK_FALSE(reader.connection.read_to_end().ends_with(last_chunk));
}

TEST_CASE("no answer takes longer than --stream-timeout, however steadily it is read") {
  const Router router(cluster().map_file(), with({"--request-timeout", "4s", "--stream-timeout", "3s"}));
  Reader reader(router);
  std::size_t taken = 0;
  bool cut = false;
  while (!cut) {
    try {
      taken += reader.connection.read(piece).size();
      std::this_thread::sleep_for(300ms);
    } catch (const ConnectionFailure&) {
      cut = true;
    }
  }
  CHECK(taken < films * bytes_of_film);
  wait_until("no statement is left", [] { return statements_under_way() == 0; });
}

}  // namespace shardplex::integration
