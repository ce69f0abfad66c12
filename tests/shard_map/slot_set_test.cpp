#include "shard_map/slot_set.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <set>
#include <vector>

using namespace shardplex;

namespace {

std::set<std::uint32_t> members(const SlotSet& slots) {
  std::set<std::uint32_t> result;
  std::uint32_t visits = 0;
  slots.for_each([&](Slot slot) {
    if (!result.empty()) CHECK(*result.rbegin() < slot.value);  // ascending
    result.insert(slot.value);
    ++visits;
  });
  CHECK(visits == result.size());
  return result;
}

SlotSet slot_set(std::uint32_t slot_count, const std::set<std::uint32_t>& values) {
  SlotSet slots = SlotSet::none(slot_count);
  for (const std::uint32_t value : values) slots.insert(Slot{value});
  return slots;
}

}  // namespace

TEST_CASE("a slot set agrees with std::set under random inserts, unions and intersections") {
  for (const std::uint32_t slot_count : {1u, 2u, 32u, 64u, 128u, 1024u, 32768u}) {
    for (unsigned seed = 1; seed <= 40; ++seed) {
      CAPTURE(slot_count);
      CAPTURE(seed);
      std::mt19937 random(seed);
      std::uniform_int_distribution<std::uint32_t> any_slot(0, slot_count - 1);
      std::uniform_int_distribution<std::uint32_t> any_size(0, std::min(slot_count, 2000u));
      std::set<std::uint32_t> a, b;
      for (auto n = any_size(random); n > 0; --n) a.insert(any_slot(random));
      for (auto n = any_size(random); n > 0; --n) b.insert(any_slot(random));
      const SlotSet left = slot_set(slot_count, a), right = slot_set(slot_count, b);
      std::set<std::uint32_t> both, either;
      std::ranges::set_intersection(a, b, std::inserter(both, both.end()));
      std::ranges::set_union(a, b, std::inserter(either, either.end()));
      SlotSet intersection = left, united = left;
      intersection &= right;
      united |= right;
      CHECK(members(left) == a);
      CHECK(members(intersection) == both);
      CHECK(members(united) == either);
      CHECK(united.size() == either.size());
      CHECK(intersection.empty() == both.empty());
      CHECK(united.is_all() == (either.size() == slot_count));
      CHECK((left == right) == (a == b));
      for (std::uint32_t probe = 0; probe < std::min(slot_count, 200u); ++probe)
        CHECK(left.contains(Slot{probe}) == a.contains(probe));
    }
  }
}

TEST_CASE("all and none hold every slot and no slot, also where the last word is not full") {
  for (const std::uint32_t slot_count : {1u, 2u, 63u, 64u, 65u, 1024u}) {
    CAPTURE(slot_count);
    CHECK(SlotSet::all(slot_count).size() == slot_count);
    CHECK(SlotSet::all(slot_count).is_all());
    CHECK(SlotSet::none(slot_count).empty());
    CHECK(SlotSet::none(slot_count).slot_count() == slot_count);
    SlotSet filled = SlotSet::none(slot_count);
    for (std::uint32_t s = 0; s < slot_count; ++s) filled.insert(Slot{s});
    CHECK(filled == SlotSet::all(slot_count));
  }
}

TEST_CASE("a slot set is written in runs, as the YAML writes it") {
  CHECK(SlotSet::none(1024).to_string() == "");
  CHECK(SlotSet::all(1024).to_string() == "0-1023");
  CHECK(SlotSet::all(1).to_string() == "0");
  CHECK(slot_set(1024, {0}).to_string() == "0");
  CHECK(slot_set(1024, {1023}).to_string() == "1023");
  CHECK(slot_set(1024, {3, 7, 8, 9}).to_string() == "3, 7-9");
  CHECK(slot_set(1024, {0, 1, 63, 64, 65, 1022, 1023}).to_string() == "0-1, 63-65, 1022-1023");
}

TEST_CASE("sentences name one slot or several") {
  CHECK(name_slots(slot_set(8, {5})) == "slot 5");
  CHECK(name_slots(slot_set(8, {3, 5, 6})) == "slots 3, 5-6");
}

TEST_CASE("sets intersect where they share a slot, under fixed seeds") {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    SlotSet a = SlotSet::none(256), b = SlotSet::none(256);
    for (unsigned i = 0; i < 1 + seed / 10; ++i) {
      a.insert(Slot{static_cast<std::uint32_t>(random() % 256)});
      b.insert(Slot{static_cast<std::uint32_t>(random() % 256)});
    }
    SlotSet both = a;
    both &= b;
    CHECK(a.intersects(b) == !both.empty());
    CHECK(b.intersects(a) == a.intersects(b));
  }
  CHECK_FALSE(SlotSet::none(8).intersects(SlotSet::all(8)));
}
