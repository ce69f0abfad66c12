#include "router/topology/router_report.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "tests/router/topology/sample_shards.hpp"

using namespace shardplex;
using namespace shardplex::router;

using Texts = std::map<std::string, std::string>;

TEST_CASE("a router reports the shards it routes to, and why it does not route to others") {
  auto membership = well_membership();
  Catalogue served;
  CHECK(report_of(membership, &served, {}).shards == Texts{{"alpha", ""}, {"beta", ""}});
  CHECK(report_of(membership, &served, {{"gamma", "its tables differ"}}).shards ==
        Texts{{"alpha", ""}, {"beta", ""}, {"gamma", "its tables differ"}});

  auto& beta = *membership.shards[1];
  beta.servers[0].up = false;
  beta.servers[0].failure = "connection refused";
  assess(beta);
  CHECK(report_of(membership, &served, {}).shards.at("beta") == "connection refused");
}

TEST_CASE("a shard whose ownership or tables have not been read is not routed to yet") {
  auto membership = well_membership();
  membership.shards[0]->ownership.reset();
  membership.shards[1]->tables.reset();
  membership.shards[1]->failure = "the catalogue of shard beta cannot be read";
  const auto report = report_of(membership, nullptr, {});
  CHECK(report.shards.at("alpha") == "it has not been read yet");
  CHECK(report.shards.at("beta") == "the catalogue of shard beta cannot be read");
}

TEST_CASE("a router reports the tables that it does not serve") {
  Catalogue served;
  served.refused.emplace("movies", "column name is of another type on beta");
  const auto report = report_of(well_membership(), &served, {});
  CHECK(report.tables == Texts{{"movies", "column name is of another type on beta"}});
  CHECK(to_json(report) ==
        R"({"shards":{"alpha":"","beta":""},"tables":{"movies":"column name is of another type on beta"}})");
}

TEST_CASE("slots that are fenced are counted over all groups, and told with how long they have been") {
  auto membership = well_membership();
  auto& alpha = *membership.shards[0];
  CHECK(fenced_slots(alpha) == 0);
  alpha.ownership->groups.at("catalog")[0] = SlotState::fenced;
  alpha.ownership->groups["other"] = {SlotState::fenced, SlotState::owned};
  CHECK(fenced_slots(alpha) == 2);
  CHECK(to_string(WaitingWrites{"alpha", 2, std::chrono::milliseconds(12'400)}) ==
        "writes to 2 slots of shard alpha have waited for 12 s: a mover holds them up by a fence");
}

TEST_CASE("a fence is ended only where every other shard answers and none owns the slots that are fenced") {
  auto membership = well_membership();
  auto &alpha = *membership.shards[0], &beta = *membership.shards[1];
  alpha.ownership->groups.at("catalog")[0] = SlotState::fenced;
  CHECK(may_end_fences(membership, alpha));
  beta.ownership->groups.at("catalog")[0] = SlotState::incoming;
  CHECK(may_end_fences(membership, alpha));
  // The hand-over was made, and alpha has failed over to a server that does not know of it.
  beta.ownership->groups.at("catalog")[0] = SlotState::owned;
  CHECK_FALSE(may_end_fences(membership, alpha));
  beta.ownership->groups.at("catalog")[0] = SlotState::incoming;
  beta.servers[0].up = false;
  assess(beta);
  CHECK_FALSE(may_end_fences(membership, alpha));
  is_well(beta, {2, 3});
  CHECK(may_end_fences(membership, alpha));
  beta.ownership.reset();
  CHECK_FALSE(may_end_fences(membership, alpha));
}
