#include "router/http/request_tally.hpp"

#include <doctest/doctest.h>

using shardplex::router::Call;
using shardplex::router::path_to_log;
using shardplex::router::Request;

TEST_CASE("of a path the access log has the table that it names, and nothing else") {
  Call call{Request()};
  call.request.target("/movies/42?select=id");
  call.table = "movies";
  CHECK(path_to_log(call) == "/movies");
}

TEST_CASE("of a path that names no table the access log has nothing: any part may be a key or a password") {
  for (const auto* target : {"/42", "/tt0111161/cast", "user:secret@host:443", "//user:secret@host/movies",
                             "HTTP://user:secret@host/42", "http://host?/42", "*"}) {
    CAPTURE(target);
    Call call{Request()};
    call.request.target(target);
    CHECK(path_to_log(call) == "(no table)");
  }
}
