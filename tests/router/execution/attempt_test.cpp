#include "router/execution/attempt.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <vector>

using namespace shardplex;
using namespace shardplex::router;

TEST_CASE("a fault of a route is worth another look, unless a shard is silent") {
  const auto fenced = failed_attempt({RouteFault::Kind::fenced, "catalog", Slot{7}, "alpha"});
  REQUIRE(std::holds_alternative<Replan>(fenced));
  CHECK(std::get<Replan>(fenced).reason == "slot 7 of group catalog is being handed over by shard alpha");
  CHECK(std::get<Replan>(failed_attempt({RouteFault::Kind::unowned, "catalog", Slot{7}, ""})).reason ==
        "slot 7 of group catalog has no owner");
  CHECK(std::get<Replan>(failed_attempt({RouteFault::Kind::doubly_owned, "catalog", Slot{7}, ""})).reason ==
        "slot 7 of group catalog has two owners");
  const auto silent = failed_attempt({RouteFault::Kind::shard_unknown, "catalog", Slot{7}, "beta"});
  REQUIRE(std::holds_alternative<Error>(silent));
  const auto& error = std::get<Error>(silent);
  CHECK(error.code == "SHARD503");
  CHECK(http_status(error) == 503);
  CHECK(error.details->find("beta") != std::string::npos);
}

TEST_CASE("an attempt is a value, an error, or the need to plan again") {
  const Attempt<int> value = 5, error = Error{"SHARD503", "down", {}, {}, {}},
                     replan = Replan{"moved", "alpha"};
  CHECK(value.value() == 5);
  CHECK(std::holds_alternative<Error>(error.error()));
  CHECK(std::holds_alternative<Replan>(replan.error()));
  CHECK_THROWS_WITH_AS(error.value(), "SHARD503: down", std::runtime_error);
  CHECK_THROWS_WITH_AS(replan.value(), "to be planned again: moved", std::runtime_error);
}

TEST_CASE("an error outweighs a shard without servers, the shorter wait the longer, and those a new plan") {
  const Deadline soon = Clock::now(), later = soon + std::chrono::seconds(1);
  const std::vector<FailedAttempt> falling{Error{"22P02", "", {}, {}, {}}, Unserved{{}, soon},
                                           Unserved{{}, later}, Replan{"moved", "alpha"}};
  for (std::size_t i = 0; i < falling.size(); ++i)
    for (std::size_t j = 0; j < falling.size(); ++j) CHECK(outweighs(falling[i], falling[j]) == (i < j));
}
