#include "router/topology/timeline_notes.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace shardplex;
using namespace shardplex::router;

namespace {

using Values = std::vector<std::string>;

Values values_of(const Statement& statement) {
  Values values;
  for (const auto& param : statement.params) values.push_back(param.value_or("null"));
  return values;
}

}  // namespace

TEST_CASE("a shard is told what it does not know of the others, and nothing of itself") {
  TimelineNotes notes;
  notes.of("alpha") = {0, 3};
  notes.of("beta") = {0, 2};
  const auto missing = notes.missing("beta", {});
  REQUIRE(missing.size() == 1);
  CHECK(values_of(missing.front()) == Values{"alpha", "0", "3"});
  CHECK(notes.missing("beta", {{"alpha", {0, 2}}}).size() == 1);
  CHECK(notes.missing("beta", {{"alpha", {0, 3}}}).empty());
  CHECK(notes.missing("beta", {{"alpha", {1, 2}}}).empty());
}

TEST_CASE("a shard on its first timeline needs no note, but a ruling that it is on it does") {
  TimelineNotes notes;
  notes.of("alpha") = {0, 1};
  CHECK(notes.missing("beta", {}).empty());
  notes.of("alpha") = {1, 1};
  CHECK(notes.missing("beta", {}).size() == 1);
}

TEST_CASE("what is heard raises what is known, and never lowers it") {
  TimelineNotes notes;
  notes.hear({{"alpha", {0, 3}}});
  notes.hear({{"alpha", {0, 2}}});
  CHECK(notes.of("alpha") == KnownTimeline{0, 3});
  notes.hear({{"alpha", {1, 2}}});
  notes.hear({{"alpha", {0, 4}}});
  CHECK(notes.of("alpha") == KnownTimeline{1, 2});
}
