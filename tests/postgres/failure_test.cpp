#include "postgres/failure.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "postgres/result_rows.hpp"

namespace shardplex::postgres {

TEST_CASE("a refused statement keeps PostgreSQL's own code and texts") {
  const Failure failure{.kind = Failure::Kind::statement,
                        .sent = true,
                        .sqlstate = "23505",
                        .message = "duplicate key",
                        .detail = "Key (id)=(1) already exists."};
  const Error error = to_error(failure, "alpha");
  CHECK(error.code == "23505");
  CHECK(error.message == "duplicate key");
  CHECK(error.details == "Key (id)=(1) already exists.");
  CHECK(error.hint == std::nullopt);
}

TEST_CASE("a server that is short of something is named, where it says nothing further itself") {
  Failure failure{.kind = Failure::Kind::statement, .sqlstate = "53100", .message = "could not extend file"};
  CHECK(to_error(failure, "alpha").details == "shard alpha");
  CHECK(to_error(failure, "alpha").code == "53100");
  failure.detail = "There is no room.";
  CHECK(to_error(failure, "alpha").details == "There is no room.");
}

TEST_CASE("an answer that makes no sense is the server's fault, and no failure of the router") {
  const Error error = to_error(unexpected_answer("a count that is no number"), "alpha");
  CHECK(http_status(error) == 502);
  CHECK(error.details->find("alpha") != std::string::npos);
}

TEST_CASE("what is not about the request is an unavailable shard, named without its servers") {
  for (const char* sqlstate : {"57P01", "57P02", "57P03", "08006", "08P01"}) {
    CAPTURE(sqlstate);
    const Failure failure{
        .kind = Failure::Kind::statement, .sqlstate = sqlstate, .message = "10.0.0.1 is off"};
    CHECK(to_error(failure, "alpha").code == "SHARD503");
  }
  for (auto kind : {Failure::Kind::connect, Failure::Kind::lost}) {
    const Error error = to_error({.kind = kind, .message = "cannot connect to 10.0.0.1:5432"}, "alpha");
    CHECK(error.code == "SHARD503");
    CHECK(error.details->find("alpha") != std::string::npos);
    CHECK(error.message.find("10.0.0.1") == std::string::npos);
    CHECK(error.details->find("10.0.0.1") == std::string::npos);
  }
}

TEST_CASE(
    "a function that the schema shardplex lacks is a shard to bring up to date, any other the client's") {
  const auto without = [](const char* function) {
    return to_error({.kind = Failure::Kind::statement,
                     .sqlstate = "42883",
                     .message = "function " + std::string(function) + " does not exist"},
                    "alpha");
  };
  const Error older = without("shardplex.refuse_misplaced_row(oid)");
  CHECK(older.code == "SHARD503");
  CHECK(older.hint->find("cluster init") != std::string::npos);
  CHECK(without("lower(integer)").code == "42883");
  // Types can be there, of a role that is called so.
  CHECK(without("sum(shardplex.mood)").code == "42883");
  CHECK(without("shardplex.place(shardplex.mood)").code == "SHARD503");
  CHECK(to_error({.kind = Failure::Kind::statement,
                  .sqlstate = "42883",
                  .message = "operator does not exist: shardplex.mood ~~ unknown"},
                 "alpha")
            .code == "42883");
}

TEST_CASE("a row of a view without a slot is the view's fault, and said in words") {
  const Error error = to_error({.kind = Failure::Kind::statement,
                                .sqlstate = "SX013",
                                .message = "the view halves has a row without a slot"},
                               "alpha");
  CHECK(error.code == "SHARD400");
  CHECK(error.details == "the view halves has a row without a slot");
}

TEST_CASE("a lost statement is told apart from one that was never sent") {
  const Error lost = to_error({.kind = Failure::Kind::lost, .sent = true}, "alpha");
  const Error unsent = to_error({.kind = Failure::Kind::connect}, "alpha");
  CHECK(lost.details->find("not known") != std::string::npos);
  CHECK(unsent.details->find("not known") == std::string::npos);
}

TEST_CASE("a full pool and a passed deadline have codes of their own") {
  CHECK(to_error({.kind = Failure::Kind::busy}, "alpha").code == "PGRST003");
  const Error late = to_error({.kind = Failure::Kind::deadline}, "alpha");
  CHECK(late.code == "SHARD504");
  CHECK(late.details->find("alpha") != std::string::npos);
}

TEST_CASE(
    "what is too late is 504, also where the server gave up first, and a cancel by hand is PostgreSQL's "
    "own") {
  const auto of = [](const std::string& message) {
    return to_error({.kind = Failure::Kind::statement, .sent = true, .sqlstate = "57014", .message = message},
                    "alpha");
  };
  CHECK(http_status(of("canceling statement due to statement timeout")) == 504);
  CHECK(of("canceling statement due to statement timeout").code == "SHARD504");
  CHECK(of("canceling statement due to user request").code == "57014");
}

TEST_CASE(
    "answers that are too large, memory that is spent and clients that have gone have codes of their own") {
  const auto status = [](Failure::Kind kind) {
    return http_status(to_error({.kind = kind, .sent = true}, "alpha"));
  };
  CHECK(status(Failure::Kind::too_large) == 400);
  CHECK(status(Failure::Kind::no_memory) == 503);
  CHECK(status(Failure::Kind::abandoned) == 499);
}

TEST_CASE("the value of a failed outcome throws its code and message") {
  const Outcome<int> outcome =
      Failure{.kind = Failure::Kind::statement, .sqlstate = "22012", .message = "no"};
  CHECK_THROWS_WITH_AS(outcome.value(), "22012: no", std::runtime_error);
}

}  // namespace shardplex::postgres
