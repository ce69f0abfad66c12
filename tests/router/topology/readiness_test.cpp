#include "router/topology/readiness.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "router/topology/publisher.hpp"
#include "tests/router/topology/sample_shards.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

using Sentences = std::vector<std::string>;

Sentences missing(const Membership& membership, std::int64_t promised_ms = 1) {
  const auto latest = std::make_shared<const Snapshot>(next_snapshot(membership, {}, nullptr));
  return missing_for_readiness(membership, latest, promised_ms);
}

}  // namespace

TEST_CASE("a router that knows all shards is ready") {
  CHECK(missing(well_membership()).empty());
}

TEST_CASE("before the first probe nothing is known") {
  CHECK(missing_for_readiness(well_membership(), nullptr, 1) == Sentences{"no shard has been asked yet"});
}

TEST_CASE("a shard without a primary is missing, and it is said what is wrong with the configured one") {
  const auto membership = well_membership();
  membership.shards[1]->servers[0].up = false;
  membership.shards[1]->servers[0].failure = "connection refused";
  assess(*membership.shards[1]);
  CHECK(missing(membership) == Sentences{"shard beta has no primary: b:5432: connection refused"});
}

TEST_CASE("what could not be read of a shard is missing") {
  const auto membership = well_membership();
  membership.shards[0]->failure = "the ownership of shard alpha cannot be read: no";
  CHECK(missing(membership) == Sentences{"the ownership of shard alpha cannot be read: no"});
}

TEST_CASE("slots without an owner are missing") {
  const auto membership = well_membership();
  owns(*membership.shards[1], {2});
  CHECK(missing(membership) == Sentences{"catalog: slot 3 has no owner"});
}

TEST_CASE("a promise of ids is missing when it is used up") {
  CHECK(missing(well_membership(), 0) == Sentences{"shard alpha has not promised any ids for new rows"});
}

TEST_CASE("a catalogue is missing, and so is each table that is refused, but none that differs in a column") {
  const auto membership = well_membership();
  for (const auto& shard : membership.shards) shard->tables.reset();
  CHECK(missing(membership) == Sentences{"no shard's catalogue has been read"});
  membership.shards[0]->tables = movies_with("text");
  membership.shards[1]->tables = movies_with("int4");
  CHECK(missing(membership).empty());
  membership.shards[1]->tables->tables.at("movies").primary_key = {"name"};
  const auto refused = missing(membership);
  REQUIRE(refused.size() == 1);
  CHECK(refused.front().starts_with("table movies is not served: "));
}
