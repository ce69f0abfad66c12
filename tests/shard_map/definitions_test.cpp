#include "shard_map/definitions.hpp"

#include <doctest/doctest.h>

using namespace shardplex;

namespace {

std::vector<Slot> slots(std::initializer_list<std::uint32_t> values) {
  std::vector<Slot> all;
  for (const auto value : values) all.push_back(Slot{value});
  return all;
}

ListStrategy by_genre() {
  ListStrategy list;
  list.column = "primary_genre";
  list.spread_by = "id";
  list.lists["Drama"] = slots({0, 1, 2});
  list.lists["Comedy"] = slots({3, 5, 6});
  list.otherwise = slots({4, 7});
  return list;
}

Group group_of(Strategy strategy, std::uint32_t slot_count = 8) {
  return {"catalog", slot_count, std::move(strategy), std::vector<ShardId>(slot_count)};
}

ShardMap map_of(Group group, const std::string& key = "id") {
  return ShardMap("movies", {{"alpha", "host=a", {}}, {"beta", "host=b", {}}}, {std::move(group)},
                  {{"movies", false, GroupId{0}, key}, {"genres", true, std::nullopt, ""}}, {});
}

std::string group_definition(ListStrategy list) {
  return definitions_of(map_of(group_of(std::move(list)))).at("group catalog");
}

}  // namespace

TEST_CASE("a map's definitions tell of each group and table how its keys become slots") {
  CHECK(definitions_of(map_of(group_of(HashStrategy{}))) ==
        Definitions{{"group catalog", "slots=8 hash"},
                    {"table movies", "group=\"catalog\" key=\"id\""},
                    {"table genres", "reference"}});
  CHECK(group_definition(by_genre()) ==
        "slots=8 list column=\"primary_genre\" spread_by=\"id\" "
        "lists={\"Comedy\":[3, 5-6], \"Drama\":[0-2]} otherwise=[4, 7]");
}

TEST_CASE("every part of a list strategy is part of its definition") {
  const std::string original = group_definition(by_genre());
  const auto altered = [&](auto alter) {
    ListStrategy list = by_genre();
    alter(list);
    return group_definition(list);
  };
  CHECK(altered([](ListStrategy&) {}) == original);
  CHECK(altered([](ListStrategy& list) { list.column = "genre"; }) != original);
  CHECK(altered([](ListStrategy& list) { list.spread_by = "name"; }) != original);
  CHECK(altered([](ListStrategy& list) { list.lists["Comedy"] = slots({3, 5}); }) != original);
  CHECK(altered([](ListStrategy& list) { list.lists.erase("Comedy"); }) != original);
  CHECK(altered([](ListStrategy& list) { list.lists["Western"] = slots({7}); }) != original);
  CHECK(altered([](ListStrategy& list) { list.otherwise = slots({4}); }) != original);
}

TEST_CASE("a value that looks like the rest of a definition is told from it") {
  ListStrategy one, two;
  one.column = two.column = "c";
  one.spread_by = two.spread_by = "id";
  one.otherwise = two.otherwise = slots({7});
  one.lists["a\":[0], \"b"] = slots({1});
  two.lists["a"] = slots({0});
  two.lists["b"] = slots({1});
  CHECK(group_definition(one) != group_definition(two));
}

TEST_CASE("placement and servers are no part of a definition") {
  Group moved = group_of(HashStrategy{});
  moved.placement.assign(8, ShardId{1});
  const ShardMap elsewhere("movies", {{"alpha", "host=x", {}}, {"beta", "host=y", {"host=z"}}},
                           {std::move(moved)}, map_of(group_of(HashStrategy{})).tables(), {});
  CHECK(definitions_of(elsewhere) == definitions_of(map_of(group_of(HashStrategy{}))));
}

TEST_CASE("a difference names its subject, what is stored and what the map has") {
  const auto stored = definitions_of(map_of(group_of(HashStrategy{})));
  CHECK(differences(stored, stored).empty());
  CHECK(differences(stored, definitions_of(map_of(group_of(HashStrategy{}, 16), "name"))) ==
        std::vector<std::string>{"group catalog was made with slots=8 hash; the map has slots=16 hash",
                                 "table movies was made with group=\"catalog\" key=\"id\"; the map has "
                                 "group=\"catalog\" key=\"name\""});
  CHECK(differences(stored, definitions_of(map_of(group_of(by_genre())))).size() == 1);
}

TEST_CASE("a subject that only one side defines is no difference") {
  const Definitions stored{{"group a", "slots=8 hash"}, {"table gone", "reference"}};
  const Definitions wanted{{"group a", "slots=8 hash"}, {"table added", "reference"}};
  CHECK(differences(stored, wanted).empty());
  CHECK(differences({}, wanted).empty());
}

TEST_CASE("labels of keys are kept in their order, whatever is in them") {
  CHECK(labels_subject("movies", "mood") == R"(labels movies "mood")");
  CHECK(labels_definition({"G", "PG 13"}) == R"("G" "PG 13")");
  const std::vector<std::string> odd{"", " ", "a\"b", "a\\b", "\"", "\xc3\xa4\n", "a\" \"b"};
  CHECK(read_labels(labels_definition(odd)) == odd);
  CHECK(read_labels("").empty());
}

TEST_CASE("the forms of keys are kept beside what a map defines, and differ from nothing in it") {
  auto stored = definitions_of(map_of(group_of(HashStrategy{})));
  stored[key_subject("movies")] = "integer";
  stored[labels_subject("movies", "id")] = R"("G")";
  CHECK(stored.at("key movies") == "integer");
  CHECK(key_forms_of(stored) == std::map<std::string, std::string, std::less<>>{{"movies", "integer"}});
  CHECK(differences(stored, definitions_of(map_of(group_of(HashStrategy{})))).empty());
}
