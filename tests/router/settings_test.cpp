#include "router/settings.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

using namespace shardplex::router;
using namespace std::chrono_literals;

namespace {

std::variant<Settings, Exit> read(std::initializer_list<const char*> arguments) {
  std::vector<const char*> argv{"shardplexd"};
  argv.insert(argv.end(), arguments);
  return read_settings(static_cast<int>(argv.size()), argv.data());
}

Settings good(std::initializer_list<const char*> arguments) {
  auto outcome = read(arguments);
  REQUIRE_MESSAGE(std::holds_alternative<Settings>(outcome),
                  (std::holds_alternative<Exit>(outcome) ? std::get<Exit>(outcome).text : ""));
  return std::get<Settings>(outcome);
}

Exit bad(std::initializer_list<const char*> arguments) {
  auto outcome = read(arguments);
  REQUIRE(std::holds_alternative<Exit>(outcome));
  return std::get<Exit>(outcome);
}

/// A file with this text, removed at the end of the test.
class TextFile {
 public:
  explicit TextFile(const std::string& text) {
    const int file = mkstemp(name_);
    REQUIRE(file >= 0);
    REQUIRE(write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    close(file);
  }
  ~TextFile() { std::remove(name_); }
  const char* name() const { return name_; }

 private:
  char name_[64] = "/tmp/shardplex-settings-XXXXXX";
};

}  // namespace

TEST_CASE("a map is all a router needs") {
  const auto settings = good({"--map", "m.yaml"});
  CHECK(settings.map_file == "m.yaml");
  CHECK(settings.port == 8080);
  CHECK(settings.aggregates);
  CHECK_FALSE(good({"--map", "m.yaml", "--aggregates", "off"}).aggregates);
  CHECK(settings.admin_port == 9090);
  CHECK(settings.request_timeout == 30s);
}

TEST_CASE(
    "a server has twice as many stream connections as there are big answers, so that half are for small "
    "ones") {
  const auto settings = good({"--map", "m", "--stream-connections", "3"});
  CHECK(settings.big_answers == 3);
  CHECK(settings.pool.lanes[static_cast<std::size_t>(shardplex::postgres::Lane::stream)].connections == 6);
}

TEST_CASE("allowed hosts are a list of names in any case") {
  CHECK(good({"--map", "m"}).limits.hosts.empty());
  CHECK(good({"--map", "m", "--allowed-hosts", "Api.Example, b.example:81,"}).limits.hosts ==
        std::vector<std::string>{"api.example", "b.example:81"});
}

TEST_CASE("origins that may call are origins, in any case") {
  CHECK(good({"--map", "m"}).cors_allowed_origins.empty());
  CHECK(good({"--map", "m", "--cors-allowed-origins", "https://Shop.example, http://localhost:8080"})
            .cors_allowed_origins ==
        std::vector<std::string>{"https://shop.example", "http://localhost:8080"});
  for (const char* origin : {"*", "https://shop.example/", "shop.example", "javascript:x", "https://",
                             "https://me@shop.example", "https://shop.example?x", "null"}) {
    CAPTURE(std::string(origin));
    const auto list = std::string("https://a.example,") + origin;
    const auto exit = bad({"--map", "m", "--cors-allowed-origins", list.c_str()});
    CHECK(exit.code == 2);
    CHECK(exit.text.find("'" + std::string(origin) + "' in --cors-allowed-origins is no origin") !=
          std::string::npos);
  }
}

TEST_CASE("schemas are a list of names as the database has them, of which the first is the default") {
  CHECK(good({"--map", "m"}).schemas == std::vector<std::string>{"public"});
  CHECK(good({"--map", "m", "--schemas", "Api V1, public,catalog"}).schemas ==
        std::vector<std::string>{"Api V1", "public", "catalog"});
  for (const auto& [list, says] : std::initializer_list<std::pair<const char*, const char*>>{
           {"public,", "1 to 63 bytes"},
           {"public,,api", "1 to 63 bytes"},
           {"api,public,api", "'api' is twice"},
           {"pg_catalog", "nothing of the schema pg_catalog is served"},
           {"information_schema", "nothing of the schema"},
           {"shardplex", "nothing of the schema"},
           {"a.b", "no dot"}}) {
    CAPTURE(std::string(list));
    const auto exit = bad({"--map", "m", "--schemas", list});
    CHECK(exit.code == 2);
    CHECK(exit.text.find(says) != std::string::npos);
  }
}

TEST_CASE("durations say their unit") {
  CHECK(good({"--map", "m", "--request-timeout", "250ms"}).request_timeout == 250ms);
  CHECK(good({"--map", "m", "--request-timeout", "2m"}).request_timeout == 2min);
  CHECK(good({"--map", "m", "--request-timeout", "34560m"}).request_timeout == 34'560min);
}

TEST_CASE("reads wait 300 ms for a server, or as long as the operator says, or not at all") {
  CHECK(good({"--map", "m"}).read_patience == 300ms);
  CHECK(good({"--map", "m", "--read-patience", "3s"}).read_patience == 3s);
  CHECK(good({"--map", "m", "--read-patience", "0ms"}).read_patience == 0ms);
}

TEST_CASE("slow requests are logged where the operator says what is slow") {
  CHECK(good({"--map", "m"}).slow_request == 0ms);
  CHECK(good({"--map", "m", "--slow-request", "250ms"}).slow_request == 250ms);
  CHECK(good({"--map", "m", "--slow-request", "0s"}).slow_request == 0ms);
}

TEST_CASE("answers are compressed unless the operator says no") {
  CHECK(good({"--map", "m"}).compression);
  CHECK_FALSE(good({"--map", "m", "--compression", "off"}).compression);
}

TEST_CASE("plans are shown only where the operator says so") {
  CHECK_FALSE(good({"--map", "m"}).plans);
  CHECK(good({"--map", "m", "--plans", "on"}).plans);
}

TEST_CASE("the server is told to give up when the router does") {
  CHECK(good({"--map", "m", "--request-timeout", "7s"}).pool.connection.statement_timeout == 7s);
}

TEST_CASE("an answer that streams has a time of its own, and so have the statements that it is read by") {
  CHECK(good({"--map", "m"}).stream_timeout == 10min);
  const auto settings = good({"--map", "m", "--request-timeout", "7s", "--stream-timeout", "1m"});
  CHECK(settings.stream_timeout == 1min);
  CHECK(settings.pool.stream_statement_timeout == 67s);
  CHECK(settings.pool.connection.statement_timeout == 7s);
  // PostgreSQL takes no longer time than this.
  const auto longest = good({"--map", "m", "--request-timeout", "1s", "--stream-timeout", "34560m"});
  CHECK(longest.pool.stream_statement_timeout == 34'560min);
}

TEST_CASE("bad flags are refused with a text that names them") {
  struct Row {
    std::vector<const char*> arguments;
    const char* names;
  };
  const Row rows[] = {
      {{}, "--map FILE is needed"},
      {{"--map", "m", "--no-such-flag"}, "no-such-flag"},
      {{"--map", "m", "stray"}, "positional"},
      {{"--map", "m", "--port", "65536"}, "too large"},
      {{"--map", "m", "--port", "-1"}, "'-1' is not a whole number"},
      {{"--map", "m", "--workers", "x"}, "'x' is not a whole number"},
      {{"--map", "m", "--workers", "257"}, "--workers"},
      {{"--map", "m", "--request-timeout", "5"}, "write it like 250ms"},
      {{"--map", "m", "--request-timeout", "s"}, "write it like 250ms"},
      {{"--map", "m", "--request-timeout", "0s"}, "--request-timeout"},
      {{"--map", "m", "--request-timeout", "34561m"}, "'34561m' is too long"},
      {{"--map", "m", "--stream-timeout", "0s"}, "--stream-timeout"},
      {{"--map", "m", "--stream-timeout", "10"}, "write it like 250ms"},
      {{"--map", "m", "--read-patience", "999999999m"}, "is too long"},
      {{"--map", "m", "--read-patience", "300"}, "write it like 250ms"},
      {{"--map", "m", "--slow-request", "fast"}, "write it like 250ms"},
      {{"--map", "m", "--slow-request", "-1s"}, "write it like 250ms"},
      {{"--map", "m", "--compression", "maybe"}, "--compression"},
      {{"--map", "m", "--plans", "analyze"}, "--plans"},
      {{"--map", "m", "--poll-interval", "1ms"}, "--poll-interval"},
      {{"--map", "m", "--log-level", "loud"}, "debug, info, warning, error"},
      {{"--map", "m", "--max-url-bytes", "10"}, "--max-url-bytes"},
      {{"--map", "m", "--max-header-bytes", "10"}, "--max-header-bytes"},
      {{"--map", "m", "--max-connections", "0"}, "--max-connections"},
      {{"--map", "m", "--write-connections", "0"}, "-connections"},
      {{"--map", "m", "--stream-connections", "0"}, "--stream-connections"},
      {{"--map", "m", "--max-body-rows", "0"}, "--max-body-rows"},
      {{"--map", "m", "--memory-budget-bytes", "1000"}, "--memory-budget-bytes"},
      {{"--map", "m", "--stream-window-bytes", "1"}, "--stream-window-bytes"},
      {{"--map", "m", "--config", "/nowhere/at/all"}, "/nowhere/at/all"},
  };
  for (const auto& row : rows) {
    std::vector<const char*> argv{"shardplexd"};
    argv.insert(argv.end(), row.arguments.begin(), row.arguments.end());
    const auto outcome = read_settings(static_cast<int>(argv.size()), argv.data());
    CAPTURE(row.names);
    REQUIRE(std::holds_alternative<Exit>(outcome));
    CHECK(std::get<Exit>(outcome).code == 2);
    CHECK(std::get<Exit>(outcome).text.find(row.names) != std::string::npos);
  }
}

TEST_CASE("--help and --version succeed and need no map") {
  CHECK(bad({"--help"}).code == 0);
  CHECK(bad({"--help"}).text.find("--max-rows") != std::string::npos);
  CHECK(bad({"--version"}).text.starts_with("shardplexd "));
}

TEST_CASE("a settings file has the flags' names, and the command line wins over it") {
  const TextFile file("map = from-file.yaml\nport = 1234\nmax-rows = 500\n");
  const auto settings = good({"--config", file.name(), "--port", "4321"});
  CHECK(settings.map_file == "from-file.yaml");
  CHECK(settings.port == 4321);
  CHECK(settings.limits.rows == 500);
}

TEST_CASE("an unknown name in a settings file is refused") {
  const TextFile file("map = m\nprot = 1234\n");
  CHECK(bad({"--config", file.name()}).text.find("prot") != std::string::npos);
}
