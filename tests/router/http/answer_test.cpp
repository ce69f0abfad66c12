#include "router/http/answer.hpp"

#include <doctest/doctest.h>

#include <string>

#include "router/http/call.hpp"
#include "router/http/session_phase.hpp"

using namespace shardplex;
using namespace shardplex::router;
using namespace std::chrono_literals;

TEST_CASE("an error becomes its status and its JSON; 503 says when to try again") {
  const auto absent = to_answer({"PGRST205", "no table", std::nullopt, std::nullopt, std::nullopt});
  CHECK(absent.status == 404);
  CHECK(absent.body == R"({"code":"PGRST205","details":null,"hint":null,"message":"no table"})");
  CHECK(absent.fields.count("Retry-After") == 0);
  CHECK(std::string(absent.fields["Proxy-Status"]) == "Shardplex; error=PGRST205, PostgREST; error=PGRST205");
  const auto down = to_answer({"SHARD503", "down", std::nullopt, std::nullopt, std::nullopt});
  CHECK(down.status == 503);
  CHECK(down.fields.count("Retry-After") == 1);
}

TEST_CASE("an error that SQL has raised as PGRST is answered as it says") {
  const auto answer = to_answer({"PGRST", R"({"code":"123","message":"ABC"})",
                                 R"({"status":503,"status_text":"Later","headers":{"Retry-After":"9",)"
                                 R"("Content-Type":"application/problem+json","X-Header":"str"}})",
                                 std::nullopt, std::nullopt});
  CHECK(answer.status == 503);
  CHECK(answer.reason == "Later");
  CHECK(answer.body == R"({"code":"123","details":null,"hint":null,"message":"ABC"})");
  CHECK(answer.fields.count("Retry-After") == 1);
  CHECK(std::string(answer.fields["Retry-After"]) == "9");
  CHECK(std::string(answer.fields["X-Header"]) == "str");
  CHECK(answer.content_type.empty());
  CHECK(std::string(answer.fields["Content-Type"]) == "application/problem+json");
  CHECK(std::string(answer.fields["Proxy-Status"]) == "Shardplex; error=123, PostgREST; error=123");
}

TEST_CASE("a code that SQL has raised stands in a field only where it is one") {
  const auto answer = to_answer({"PGRST", R"({"code":"1\r\nX-Other: a","message":"ABC"})",
                                 R"({"status":400,"headers":{}})", std::nullopt, std::nullopt});
  CHECK(std::string(answer.fields["Proxy-Status"]) == "Shardplex; error=PGRST, PostgREST; error=PGRST");
  CHECK(answer.body.find(R"("code":"1\r\nX-Other: a")") != std::string::npos);
}

TEST_CASE("fields that SQL sets stand in the place of the router's, and beside each other") {
  Answer answer;
  answer.set("Content-Range", "0-1/*");
  answer.set_instead({{"content-range", "a"}, {"Set-Cookie", "b=1"}, {"set-cookie", "c=2"}});
  CHECK(answer.fields.count("Content-Range") == 1);
  CHECK(std::string(answer.fields["Content-Range"]) == "a");
  CHECK(answer.fields.count("Set-Cookie") == 2);
  CHECK_FALSE(answer.content_type.empty());
}

TEST_CASE("a target is a path and a query, whatever form it has") {
  struct Row {
    const char *target, *path, *query;
  };
  for (const auto& row : std::initializer_list<Row>{{"/a?b=c?d", "/a", "b=c?d"},
                                                    {"/a", "/a", ""},
                                                    {"/a?", "/a", ""},
                                                    {"http://x/a?b", "/a", "b"},
                                                    {"https://x:1/a", "/a", ""},
                                                    {"http://x", "/", ""},
                                                    {"HTTP://x/a", "/a", ""},
                                                    {"http://user:secret@x/a", "/a", ""},
                                                    {"http://x?b=/c", "/", "b=/c"},
                                                    {"/a?b=http://x/c", "/a", "b=http://x/c"},
                                                    {"*", "*", ""}}) {
    CAPTURE(std::string(row.target));
    CHECK(split_target(row.target).path == row.path);
    CHECK(split_target(row.target).query == row.query);
  }
}

TEST_CASE("the authority of a target in absolute form is its host and port, never its credentials") {
  CHECK(authority_of("http://x.example:80/a") == "x.example:80");
  CHECK(authority_of("HTTPS://user:secret@x.example?b") == "x.example");
  CHECK(authority_of("/a?b=http://x") == "");
}

TEST_CASE("a phase has the time that the settings give it, and serving has none") {
  Limits limits;
  CHECK(time_limit(Phase::idle, limits) == limits.idle_timeout);
  CHECK(time_limit(Phase::head, limits) == limits.header_timeout);
  CHECK(time_limit(Phase::body, limits) == limits.body_timeout);
  CHECK(time_limit(Phase::serving, limits) == Clock::duration::max());
}

TEST_CASE("a client is waited for until the answer's end has to be sent, and no longer than its next piece") {
  const Limits limits;
  const auto begun = Clock::now();
  PhaseClock clock;
  clock.begin_answer(begun + 40s, 30s);
  CHECK_FALSE(clock.is_over(begun + 29s, limits));
  CHECK(clock.is_over(Clock::now() + 30s, limits));
  clock.began += 20s;  // when the last piece went
  CHECK_FALSE(clock.is_over(begun + 39s, limits));
  CHECK(clock.is_over(begun + 40s, limits));
  clock.begin_answer(Clock::time_point::max(), Clock::duration::max());
  CHECK_FALSE(clock.is_over(begun + 59s, limits));
  CHECK(clock.is_over(Clock::now() + 60s, limits));  // the write timeout
}

TEST_CASE("a client keeps up with its answer by what it takes in the time it lets the router wait") {
  Limits limits;
  limits.write_timeout = 60s;
  limits.write_rate = 1000;
  SendProgress progress;
  progress.sent(30'000, 40s, limits);
  CHECK_FALSE(progress.too_slow(19s, limits));
  CHECK(progress.too_slow(20s, limits));  // a byte now and then does not help
  progress.sent(29'999, 10s, limits);
  CHECK(progress.too_slow(10s, limits));
  progress.sent(1, 9s, limits);  // 60,000 bytes in 59 s: it has a minute again
  CHECK_FALSE(progress.too_slow(59s, limits));
  CHECK(progress.too_slow(60s, limits));
}
