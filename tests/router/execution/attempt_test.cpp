#include "router/execution/attempt.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

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
