#include "router/http/endpoint_table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/router/http/run.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

/// What the filters and handlers below have been through.
struct Trail {
  std::vector<std::string> steps;
  bool admitted = true;
};

Awaitable<Result<Answer>> handle(Trail& trail) {
  trail.steps.emplace_back("handle");
  Answer answer;
  answer.body = "handled";
  co_return answer;
}

Awaitable<Result<Answer>> look(Trail& trail, Next<Trail> next) {
  trail.steps.emplace_back("look");
  return next(trail);
}

Awaitable<Result<Answer>> admit(Trail& trail, Next<Trail> next) {
  trail.steps.emplace_back("admit");
  if (!trail.admitted) return refuse({"42501", "not you", std::nullopt, std::nullopt, 403});
  return next(trail);
}

Awaitable<Result<Answer>> shout(Trail& trail, Next<Trail> next) {
  trail.steps.emplace_back("before");
  auto answer = co_await next(trail);
  trail.steps.emplace_back("after");
  if (answer) answer->body += "!";
  co_return answer;
}

constexpr Filter<Trail> filters[] = {&look, &admit, &shout};
constexpr Endpoint<Trail> rows[] = {
    {http::verb::get, "/", &handle, {}},
    {http::verb::options, "/{table}", &handle, {}, RouteLabel::table},
    {http::verb::get, "/{table}", &handle, filters, RouteLabel::table},
    {http::verb::post, "/{table}", &handle, {}, RouteLabel::table},
    {http::verb::get, "/{table}/{key}", &handle, {}, RouteLabel::row},
    {http::verb::delete_, "/{table}/{key}", &handle, {}, RouteLabel::row},
    {http::verb::get, "/openapi.json", &handle, {}},
    {http::verb::get, "/rpc/{function}", &handle, {}},
    {http::verb::post, "/rpc/{function}", &handle, {}},
    {http::verb::post, "/auth/v1/token", &handle, {}},
    {http::verb::get, "/users/{user}/ratings", &handle, {}},
    {http::verb::get, "/users/me/ratings", &handle, {}},
};
constexpr std::span<const Endpoint<Trail>> table = rows;

}  // namespace

TEST_CASE("the most specific pattern is found, and in it the method") {
  struct Row {
    http::verb method;
    const char* path;
    const char* pattern;  ///< "" where there is none: 404
    bool allowed;         ///< false: 405
  };
  const std::vector<Row> cases{
      {http::verb::get, "/", "/", true},
      {http::verb::get, "/movies", "/{table}", true},
      {http::verb::delete_, "/movies", "/{table}", false},
      {http::verb::get, "/movies/42", "/{table}/{key}", true},
      {http::verb::post, "/movies/42", "/{table}/{key}", false},
      {http::verb::get, "/openapi.json", "/openapi.json", true},
      {http::verb::post, "/openapi.json", "/openapi.json", false},
      {http::verb::post, "/rpc/f", "/rpc/{function}", true},
      {http::verb::delete_, "/rpc/f", "/rpc/{function}", false},
      {http::verb::get, "/rpc", "/{table}", true},
      {http::verb::post, "/auth/v1/token", "/auth/v1/token", true},
      {http::verb::post, "/auth/v1", "/{table}/{key}", false},
      {http::verb::get, "/users/me/ratings", "/users/me/ratings", true},
      {http::verb::get, "/users/7/ratings", "/users/{user}/ratings", true},
      {http::verb::get, "/users/7/reviews", "", false},
      {http::verb::get, "/movies/%FF", "", false},
      {http::verb::unknown, "/movies", "/{table}", false},
  };
  for (const auto& row : cases) {
    CAPTURE(std::string(row.path));
    CAPTURE(std::string(http::to_string(row.method)));
    const auto match = find_endpoint(table, row.method, row.path);
    CHECK((match ? match->pattern : "") == std::string_view(row.pattern));
    CHECK((match && match->endpoint != nullptr) == row.allowed);
    if (match && match->endpoint) CHECK(match->endpoint->method == row.method);
    if (match && match->endpoint) CHECK(match->endpoint->pattern == match->pattern);
  }
}

TEST_CASE("a match names the route and the parameters, also where the method is not allowed") {
  const auto match = find_endpoint(table, http::verb::put, "/movies/4%202");
  REQUIRE(match);
  CHECK(match->route == RouteLabel::row);
  CHECK(match->parameters["table"] == "movies");
  CHECK(match->parameters["key"] == "4 2");
}

TEST_CASE("Allow lists a pattern's methods in the order of the table, or each method of the table once") {
  CHECK(allowed_methods(table, "/{table}") == "OPTIONS,GET,POST");
  CHECK(allowed_methods(table, "/{table}/{key}") == "GET,DELETE");
  CHECK(allowed_methods(table, "") == "GET,OPTIONS,POST,DELETE");
  CHECK(has_method(table, http::verb::delete_));
  CHECK_FALSE(has_method(table, http::verb::trace));
}

TEST_CASE("a request passes the filters in their order, and its answer passes them back") {
  asio::io_context io(1);
  Trail trail;
  const auto match = find_endpoint(table, http::verb::get, "/movies");
  REQUIRE(match);
  const auto answer = tests::run<std::optional<Answer>>(
      io, [](const Endpoint<Trail>& endpoint, Trail& t) -> Awaitable<std::optional<Answer>> {
        auto outcome = co_await endpoint(t);
        if (!outcome) co_return std::nullopt;
        co_return std::move(*outcome);
      }(*match->endpoint, trail));
  REQUIRE(answer);
  CHECK(answer->body == "handled!");
  CHECK(trail.steps == std::vector<std::string>{"look", "admit", "before", "handle", "after"});
}

TEST_CASE("a filter that refuses keeps the request from those behind it") {
  asio::io_context io(1);
  Trail trail;
  trail.admitted = false;
  const auto code = tests::run<std::string>(io, [](Trail& t) -> Awaitable<std::string> {
    auto outcome = co_await Next<Trail>(filters, &handle)(t);
    co_return outcome ? "" : outcome.error().code;
  }(trail));
  CHECK(code == "42501");
  CHECK(trail.steps == std::vector<std::string>{"look", "admit"});
}
