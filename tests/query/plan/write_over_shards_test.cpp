#include "query/plan/write_over_shards.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/grammar/parse.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

const ShardMap& map_of_parts() {
  static const ShardMap map = hash_map();
  return map;
}

const Table& films_of_parts() {
  static const Table table = movies();
  return table;
}

Query films_query(std::string_view query_string) {
  return parse_query("movies", query_string, {}).value();
}

WritePlan insert_plan(std::string_view body) {
  Preferences prefer;
  auto insert = plan_insert(films_query(""), body, prefer, in_map(films_of_parts(), map_of_parts())).value();
  std::vector<std::string> keys;
  while (keys.size() < insert.missing_keys()) keys.push_back(std::to_string(1000 + keys.size()));
  return std::move(insert).with_keys(std::move(keys));
}

/// The first of two has the slots of these keys, the second all others.
std::vector<Target> two_targets(std::initializer_list<std::int64_t> keys_of_first) {
  std::vector<Target> targets;
  for (std::uint16_t i = 0; i < 2; ++i) targets.push_back({ShardId{i}, Epoch{1}, true, SlotSet::none(1024)});
  for (const auto key : keys_of_first) targets[0].slots.insert(slot_of(canonical_bytes(key), 1024));
  for (std::uint32_t slot = 0; slot < 1024; ++slot)
    if (!targets[0].slots.contains(Slot{slot})) targets[1].slots.insert(Slot{slot});
  return targets;
}

}  // namespace

TEST_CASE("the elements of an array stand as they were written") {
  using Elements = std::vector<std::string_view>;
  CHECK(json_elements("[]").empty());
  CHECK(json_elements(" [ ] ").empty());
  CHECK(json_elements(R"([{"a":1},{"b":[1,2]}])") == Elements{R"({"a":1})", R"({"b":[1,2]})"});
  CHECK(json_elements("[ {\"a\" : 1 } ,\n {} ]") == Elements{R"({"a" : 1 })", "{}"});
  CHECK(json_elements(R"([{"a":"],}\"{"},{"\\":"\\"}])") == Elements{R"({"a":"],}\"{"})", R"({"\\":"\\"})"});
}

TEST_CASE("each shard inserts its own rows, by the statement of all") {
  const auto plan = insert_plan(R"([{"id":1,"name":"a"},{"id":2,"name":"b"},{"id":3,"name":"c"}])");
  const auto targets = two_targets({1, 3});
  CHECK(choose_decider(plan, targets) == 0);
  const auto parts = statements_of_parts(plan, targets);
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].sql == plan.statement(std::nullopt, false).sql);
  CHECK(parts[1].sql == parts[0].sql);
  CHECK(parts[0].params[0] == R"([{"id":1,"name":"a"},{"id":3,"name":"c"}])");
  CHECK(parts[0].params[1] == R"({"1","3"})");
  CHECK(parts[1].params[0] == R"([{"id":2,"name":"b"}])");
  CHECK(parts[1].params[1] == R"({"2"})");
  CHECK(parts[1].params[2] ==
        "{\"" + std::to_string(slot_of(canonical_bytes(std::int64_t{2}), 1024).value) + "\"}");
}

TEST_CASE("rows of one value each have no rows of JSON") {
  const auto plan = insert_plan(R"([{"id":1},{"id":2}])");
  const auto parts = statements_of_parts(plan, two_targets({1}));
  CHECK(parts[0].params[0] == R"({"1"})");
  CHECK(parts[1].params[0] == R"({"2"})");
}

TEST_CASE("a change is the same on every shard, and limited to owned slots where there are others") {
  Preferences prefer;
  prefer.returning = ReturnKind::representation;
  const auto plan =
      plan_delete(films_query("name=eq.x"), prefer, in_map(films_of_parts(), map_of_parts())).value();
  auto targets = two_targets({1});
  targets[1].clean = false;
  CHECK(choose_decider(plan, targets) == 1);
  const auto parts = statements_of_parts(plan, targets);
  CHECK(parts[0].params == plan.head.params);
  CHECK(parts[0].sql.find("shardplex.slots") == std::string::npos);
  CHECK(parts[1].sql.find("shardplex.slots") != std::string::npos);
  CHECK(parts[0].sql.find(", q.k0 FROM w q") != std::string::npos);
  CHECK(plan.part_keys.size() == 1);
  CHECK_FALSE(plan.not_over_shards);
  CHECK(plan.statement(std::nullopt, false).sql.find(", q.k0 FROM") == std::string::npos);
}

TEST_CASE("rows in an order that was asked for come from one shard alone") {
  Preferences prefer;
  prefer.returning = ReturnKind::representation;
  const auto plan =
      plan_delete(films_query("name=eq.x&order=name"), prefer, in_map(films_of_parts(), map_of_parts()))
          .value();
  REQUIRE(plan.not_over_shards);
  CHECK(plan.not_over_shards->code == "SHARD400");
}

TEST_CASE("the last part is bounded by what the others have left") {
  CHECK(bounds_of_rest({1, 1}, 0) == RowBounds{1, 1});
  CHECK(bounds_of_rest({1, 1}, 1) == RowBounds{0, 0});
  CHECK(bounds_of_rest({0, 5}, 2) == RowBounds{0, 3});
  CHECK(bounds_of_rest({2, std::nullopt}, 1) == RowBounds{1, std::nullopt});
  const auto never = bounds_of_rest({0, 1}, 2);  // also where it touches none itself
  CHECK(never.least > 1'000'000'000);
}

TEST_CASE("bounds of a part take the place of those of the whole") {
  Preferences prefer;
  auto plan =
      plan_delete(films_query("name=eq.x"), prefer, in_map(films_of_parts(), map_of_parts()), {0, 3}).value();
  auto parts = statements_of_parts(plan, two_targets({1}));
  CHECK(parts[0].params[plan.bounds_param] == "0");
  CHECK(parts[0].params[plan.bounds_param + 1] == "3");
  set_bounds(parts[0], plan, {7, std::nullopt});
  CHECK(parts[0].params[plan.bounds_param] == "7");
  CHECK_FALSE(parts[0].params[plan.bounds_param + 1]);
}

TEST_CASE("returned rows stand in the order of the body") {
  using Rows = std::vector<PartRow>;
  CHECK(in_body_order({{0, 3}, {1, 2}}, {2, 2}) == Rows{{0, 0}, {1, 0}, {1, 1}, {0, 1}});
  CHECK(in_body_order({{0, 3}, {1, 2}}, {1, 2}) == Rows{{0, 0}, {1, 0}, {1, 1}});
  CHECK(in_body_order({{0}, {1}}, {0, 0}).empty());
}
