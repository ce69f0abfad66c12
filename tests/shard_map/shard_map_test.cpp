#include "shard_map/shard_map.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace shardplex;

namespace {

std::vector<Slot> slot_range(std::uint32_t first, std::uint32_t last) {
  std::vector<Slot> slots;
  for (std::uint32_t s = first; s <= last; ++s) slots.push_back(Slot{s});
  return slots;
}

Group hash_group() {
  return {"catalog", 1024, HashStrategy{}, std::vector<ShardId>(1024)};
}

/// Drama on 0-255, Western on 300-306, all else on 960-1023.
Group list_group() {
  ListStrategy list;
  list.column = "primary_genre";
  list.spread_by = "id";
  list.lists["Drama"] = slot_range(0, 255);
  list.lists["Western"] = slot_range(300, 306);
  list.otherwise = slot_range(960, 1023);
  return {"by_genre", 1024, list, std::vector<ShardId>(1024)};
}

ShardMap small_map() {
  return ShardMap("movies", {{"alpha", "host=a", {}}, {"beta", "host=b", {"host=c"}}},
                  {hash_group(), list_group()},
                  {{"ratings", false, GroupId{0}, "movie_id"},
                   {"movies", false, GroupId{1}, "id"},
                   {"genres", true, std::nullopt, ""}},
                  {});
}

}  // namespace

TEST_CASE("names are found, and unknown names are not") {
  const ShardMap map = small_map();
  CHECK(map.cluster() == "movies");
  CHECK(map.find_shard("beta") == ShardId{1});
  CHECK(map.find_shard("Beta") == std::nullopt);
  CHECK(map.find_group("by_genre") == GroupId{1});
  CHECK(map.find_group("") == std::nullopt);
  REQUIRE(map.find_table("movies") != nullptr);
  CHECK(map.find_table("movies")->group == GroupId{1});
  CHECK(map.find_table("genres")->reference);
  CHECK(map.find_table("films") == nullptr);
  CHECK(map.shard(ShardId{1}).replicas == std::vector<std::string>{"host=c"});
  CHECK(map.group(GroupId{0}).name == "catalog");
}

TEST_CASE("under hash the key alone decides the slot") {
  const Group group = hash_group();
  const std::string key = canonical_bytes(42);
  CHECK(slot_of_row(group, key, std::nullopt) == slot_of(key, 1024));
  CHECK(slot_of_row(group, key, "Drama") == slot_of(key, 1024));
  const SlotSet slots = slots_of_key(group, key);
  CHECK(slots.size() == 1);
  CHECK(slots.contains(slot_of(key, 1024)));
}

TEST_CASE("under list the value picks the list and the key picks a slot of it") {
  const Group group = list_group();
  const std::string key = canonical_bytes(42);
  const auto hash = hash_bytes(key);
  CHECK(slot_of_row(group, key, "Drama") == Slot{static_cast<std::uint32_t>(hash % 256)});
  CHECK(slot_of_row(group, key, "Western") == Slot{static_cast<std::uint32_t>(300 + hash % 7)});
}

TEST_CASE("null and values on no list go to otherwise, by exact bytes") {
  const Group group = list_group();
  const std::string key = canonical_bytes(42);
  const Slot otherwise{static_cast<std::uint32_t>(960 + hash_bytes(key) % 64)};
  CHECK(slot_of_row(group, key, std::nullopt) == otherwise);
  CHECK(slot_of_row(group, key, "Anime") == otherwise);
  CHECK(slot_of_row(group, key, "drama") == otherwise);
  CHECK(slot_of_row(group, key, "Drama ") == otherwise);
  CHECK(slot_of_row(group, key, "") == otherwise);
}

TEST_CASE("a key alone narrows a list group to one slot per list") {
  const Group group = list_group();
  const SlotSet slots = slots_of_key(group, canonical_bytes(42));
  CHECK(slots.size() == 3);
}

TEST_CASE("a list value narrows to the slots of its list") {
  const Group group = list_group();
  CHECK(slots_of_list_value(group, "Drama").to_string() == "0-255");
  CHECK(slots_of_list_value(group, "Western").to_string() == "300-306");
  CHECK(slots_of_list_value(group, "Anime").to_string() == "960-1023");
  CHECK(slots_of_list_value(group, std::nullopt).to_string() == "960-1023");
}

TEST_CASE("a row is always where a filter on its key or its list value looks for it") {
  const std::vector<std::optional<std::string_view>> genres = {"Drama", "Western", "Anime", "", std::nullopt};
  for (unsigned seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    for (const Group& group : {hash_group(), list_group()}) {
      for (int i = 0; i < 2000; ++i) {
        const std::string key = canonical_bytes(static_cast<std::int64_t>(random()));
        const auto genre = genres[random() % genres.size()];
        const Slot slot = slot_of_row(group, key, genre);
        CHECK(slots_of_key(group, key).contains(slot));
        if (std::holds_alternative<ListStrategy>(group.strategy))
          CHECK(slots_of_list_value(group, genre).contains(slot));
      }
    }
  }
}

TEST_CASE("a key's slot never depends on the placement") {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    for (const Group& before : {hash_group(), list_group()}) {
      Group after = before;
      for (ShardId& shard : after.placement) shard.value = static_cast<std::uint16_t>(random() % 7);
      for (int i = 0; i < 2000; ++i) {
        const std::string key = canonical_bytes(static_cast<std::int64_t>(random()));
        CHECK(slot_of_row(before, key, "Drama") == slot_of_row(after, key, "Drama"));
        CHECK(slots_of_key(before, key) == slots_of_key(after, key));
      }
    }
  }
}
