#include "router/http/request_tally.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using shardplex::router::path_to_log;

TEST_CASE("of a path the access log has the table alone, whatever an endpoint makes of the rest") {
  for (const std::string_view target :
       {"/movies", "/movies?id=eq.42", "/movies/", "/movies/42", "/movies/42/", "/movies/42/cast",
        "/movies/42?select=id", "/movies//42", "/movies/42%zz", "/movies/4%2F2",
        "http://movies.example/movies/42", "https://movies.example/movies?id=eq.42"}) {
    CAPTURE(std::string(target));
    CHECK(path_to_log(target) == "/movies");
  }
  CHECK(path_to_log("/") == "/");
  CHECK(path_to_log("//42") == "/");
  CHECK(path_to_log("*") == "*");
}
