#include "router/http/path_pattern.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace shardplex::router;

TEST_CASE("a path matches a pattern segment by segment") {
  struct Row {
    const char* pattern;
    const char* path;
    bool matches;
  };
  const std::vector<Row> rows{
      {"/", "/", true},
      {"/", "", false},
      {"/", "/movies", false},
      {"/{table}", "/movies", true},
      {"/{table}", "/", false},
      {"/{table}", "/movies/", false},
      {"/{table}", "movies", false},
      {"/{table}/{key}", "/movies/42", true},
      {"/{table}/{key}", "/movies//42", false},
      {"/{table}/{key}", "/movies/", false},
      {"/{table}/{key}", "/movies/4/2", false},
      {"/{table}/{key}", "/movies/4%2F2", true},
      {"/rpc/{function}", "/rpc/f", true},
      {"/rpc/{function}", "/RPC/f", false},
      {"/rpc/{function}", "/rp%63/f", false},
      {"/users/me/ratings", "/users/me/ratings", true},
      {"/users/me/ratings", "/users/me/rating", false},
      {"/openapi.json", "/openapi.json", true},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.pattern));
    CAPTURE(std::string(row.path));
    CHECK(path_matches(row.pattern, row.path) == row.matches);
  }
}

TEST_CASE("of two patterns, the one that is literal where they differ first is the more specific one") {
  CHECK(more_specific("/rpc/{function}", "/{table}/{key}"));
  CHECK_FALSE(more_specific("/{table}/{key}", "/rpc/{function}"));
  CHECK(more_specific("/users/me/ratings", "/users/{user}/ratings"));
  CHECK(more_specific("/users/{user}/{list}", "/{table}/me/ratings"));
  CHECK_FALSE(more_specific("/{table}", "/{table}"));
}

TEST_CASE("parameters are percent-decoded, each by itself") {
  const auto parameters = read_parameters("/{table}/{key}", "/caf%C3%A9s/a%2Fb+c");
  REQUIRE(parameters);
  CHECK((*parameters)["table"] == "cafés");
  CHECK((*parameters)["key"] == "a/b+c");
  CHECK(parameters->find("function") == nullptr);
}

TEST_CASE("literals are no parameters") {
  const auto parameters = read_parameters("/rpc/{function}", "/rpc/top_rated");
  REQUIRE(parameters);
  CHECK((*parameters)["function"] == "top_rated");
}

TEST_CASE("a parameter that is not percent-encoded UTF-8 without NUL is refused") {
  for (const auto* path : {"/%", "/%4", "/%zz", "/%FF", "/a%00b"}) {
    CAPTURE(std::string(path));
    CHECK_FALSE(read_parameters("/{table}", path));
  }
}
