#include "router/http/answer.hpp"

#include <doctest/doctest.h>

#include <string>

#include "router/http/call.hpp"
#include "router/http/session_phase.hpp"

using namespace shardplex;
using namespace shardplex::router;

TEST_CASE("an error becomes its status and its JSON; 503 says when to try again") {
  const auto absent = to_answer({"PGRST205", "no table", std::nullopt, std::nullopt, std::nullopt});
  CHECK(absent.status == 404);
  CHECK(absent.body == R"({"code":"PGRST205","details":null,"hint":null,"message":"no table"})");
  CHECK(absent.fields.count("Retry-After") == 0);
  const auto down = to_answer({"SHARD503", "down", std::nullopt, std::nullopt, std::nullopt});
  CHECK(down.status == 503);
  CHECK(down.fields.count("Retry-After") == 1);
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
                                                    {"*", "*", ""}}) {
    CAPTURE(std::string(row.target));
    CHECK(split_target(row.target).path == row.path);
    CHECK(split_target(row.target).query == row.query);
  }
}

TEST_CASE("a phase has the time that the settings give it, and serving has none") {
  Limits limits;
  CHECK(time_limit(Phase::idle, false, limits) == limits.idle_timeout);
  CHECK(time_limit(Phase::idle, true, limits) < limits.idle_timeout);
  CHECK(time_limit(Phase::head, false, limits) == limits.header_timeout);
  CHECK(time_limit(Phase::body, true, limits) == limits.body_timeout);
  CHECK(time_limit(Phase::writing, false, limits) == limits.write_timeout);
  CHECK(time_limit(Phase::serving, true, limits) == Clock::duration::max());
}
