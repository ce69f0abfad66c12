#include "shard_map/ownership.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace shardplex;
using Fault = Ownership::Fault;

namespace {

constexpr std::uint32_t slot_count = 16;
constexpr GroupId catalog{0};

/// Slots 0-7 are placed on alpha, 8-15 on beta, none on gamma.
ShardMap two_halves() {
  std::vector<ShardId> placement(slot_count);
  for (std::uint32_t s = 8; s < slot_count; ++s) placement[s] = ShardId{1};
  return ShardMap("movies", {{"alpha", "host=a", {}}, {"beta", "host=b", {}}, {"gamma", "host=c", {}}},
                  {{"catalog", slot_count, HashStrategy{}, placement}}, {{"movies", false, catalog, "id"}},
                  {});
}

using States = std::vector<SlotState>;

/// A report of states written one letter per slot: o owned, f fenced, i incoming, m moved, - absent.
ShardOwnership report(std::int64_t epoch, const std::string& letters) {
  States states;
  for (const char letter : letters) {
    switch (letter) {
      case 'o':
        states.push_back(SlotState::owned);
        break;
      case 'f':
        states.push_back(SlotState::fenced);
        break;
      case 'i':
        states.push_back(SlotState::incoming);
        break;
      case 'm':
        states.push_back(SlotState::moved);
        break;
      default:
        states.push_back(SlotState::absent);
    }
  }
  return {Epoch{epoch}, {{"catalog", states}}};
}

const ShardOwnership lower_half = report(3, "oooooooo--------");
const ShardOwnership upper_half = report(4, "--------oooooooo");
const ShardOwnership nothing = report(1, "----------------");

}  // namespace

TEST_CASE("states are named as the schema names them") {
  for (const auto state :
       {SlotState::absent, SlotState::incoming, SlotState::owned, SlotState::fenced, SlotState::moved})
    CHECK(parse_slot_state(to_string(state)) == state);
  CHECK(parse_slot_state("owned") == SlotState::owned);
  CHECK(parse_slot_state("Owned") == std::nullopt);
  CHECK(parse_slot_state("") == std::nullopt);
}

TEST_CASE("when every shard is heard and owns its half, each slot has its owner and nothing is wrong") {
  const ShardMap map = two_halves();
  const Ownership ownership(map, {lower_half, upper_half, nothing});
  for (std::uint32_t s = 0; s < slot_count; ++s) {
    const auto& owner = ownership.owner(catalog, Slot{s});
    CHECK(owner.fault == Fault::none);
    CHECK(owner.shard == ShardId(s < 8 ? 0 : 1));
    CHECK_FALSE(owner.fenced);
  }
  CHECK(ownership.complete(catalog));
  CHECK(ownership.faults(map).empty());
  CHECK(ownership.epoch(ShardId{0}) == Epoch{3});
  CHECK(ownership.epoch(ShardId{1}) == Epoch{4});
  for (std::uint16_t shard = 0; shard < 3; ++shard) CHECK(ownership.clean(catalog, ShardId{shard}));
}

TEST_CASE("the shards, not the map, say who owns a slot") {
  const ShardMap map = two_halves();
  const Ownership ownership(map, {report(5, "oooooomm--------"), upper_half, report(2, "------oo--------")});
  CHECK(ownership.owner(catalog, Slot{6}).shard == ShardId{2});
  CHECK(ownership.owner(catalog, Slot{6}).fault == Fault::none);
  CHECK(ownership.complete(catalog));
  CHECK(ownership.faults(map).empty());
}

TEST_CASE("a fenced slot keeps its owner and says that it is fenced") {
  const ShardMap map = two_halves();
  const Ownership ownership(map, {report(3, "ooofoooo--------"), upper_half, report(1, "---i------------")});
  CHECK(ownership.owner(catalog, Slot{3}).fault == Fault::none);
  CHECK(ownership.owner(catalog, Slot{3}).shard == ShardId{0});
  CHECK(ownership.owner(catalog, Slot{3}).fenced);
  CHECK_FALSE(ownership.owner(catalog, Slot{2}).fenced);
  CHECK(ownership.complete(catalog));
  CHECK(ownership.faults(map).empty());
}

TEST_CASE("a slot that no shard claims is unowned, though the map places it somewhere") {
  const ShardMap map = two_halves();
  const Ownership ownership(map, {report(3, "oooxoooo--------"), report(4, "--------omiooooo"), nothing});
  for (const std::uint32_t s : {3u, 9u, 10u})
    CHECK(ownership.owner(catalog, Slot{s}).fault == Fault::unowned);
  CHECK(ownership.owner(catalog, Slot{4}).fault == Fault::none);
  CHECK_FALSE(ownership.complete(catalog));
  CHECK(ownership.faults(map) == std::vector<std::string>{"catalog: slots 3, 9-10 have no owner"});
}

TEST_CASE("a slot claimed twice is doubly owned, fenced or not") {
  const ShardMap map = two_halves();
  const Ownership ownership(
      map, {report(3, "oofooooo--------"), report(4, "-oo-----oooooooo"), report(1, "-o--------------")});
  CHECK(ownership.owner(catalog, Slot{1}).fault == Fault::doubly_owned);
  CHECK(ownership.owner(catalog, Slot{2}).fault == Fault::doubly_owned);
  CHECK(ownership.owner(catalog, Slot{0}).fault == Fault::none);
  CHECK_FALSE(ownership.complete(catalog));
  CHECK(ownership.faults(map) ==
        std::vector<std::string>{"catalog: slot 2 is owned by alpha and beta",
                                 "catalog: slot 1 is owned by alpha, beta and gamma"});
}

TEST_CASE("a slot that no heard shard claims is attributed to an unheard one, best to where it was placed") {
  const ShardMap map = two_halves();
  const Ownership ownership(map, {report(3, "ooooooo---------"), std::nullopt, nothing});
  CHECK(ownership.owner(catalog, Slot{0}).fault == Fault::none);
  // Slot 7 is placed on alpha, which does not own it: it may have been moved to the silent beta.
  CHECK(ownership.owner(catalog, Slot{7}).fault == Fault::shard_unknown);
  CHECK(ownership.owner(catalog, Slot{7}).shard == ShardId{1});
  CHECK(ownership.owner(catalog, Slot{8}).fault == Fault::shard_unknown);
  CHECK(ownership.owner(catalog, Slot{8}).shard == ShardId{1});
  CHECK(ownership.epoch(ShardId{1}) == std::nullopt);
  CHECK_FALSE(ownership.complete(catalog));
  CHECK_FALSE(ownership.clean(catalog, ShardId{1}));
  CHECK(ownership.faults(map) ==
        std::vector<std::string>{
            "catalog: slots 7-15 are owned by no shard that has been heard; beta has not"});
}

TEST_CASE("a slot that is on its way between shards that were heard is not taken for an unheard one's") {
  const ShardMap map = two_halves();
  const Ownership ownership(map,
                            {report(3, "ooooommo--------"), std::nullopt, report(2, "-----i-i--------")});
  CHECK(ownership.owner(catalog, Slot{5}).fault == Fault::unowned);
  CHECK(ownership.owner(catalog, Slot{6}).fault == Fault::shard_unknown);  // only handed over
  CHECK(ownership.owner(catalog, Slot{6}).shard == ShardId{1});
  CHECK(ownership.owner(catalog, Slot{7}).fault == Fault::none);
  CHECK(ownership.owner(catalog, Slot{8}).fault == Fault::shard_unknown);
  CHECK(ownership.faults(map) ==
        std::vector<std::string>{
            "catalog: slot 5 has no owner",
            "catalog: slots 6, 8-15 are owned by no shard that has been heard; beta has not"});
}

TEST_CASE("a slot that nobody claims has no owner once every shard has been heard") {
  const Ownership ownership(two_halves(), {report(3, "ooooooo---------"), upper_half, nothing});
  CHECK(ownership.owner(catalog, Slot{7}).fault == Fault::unowned);
}

TEST_CASE("a slot of an unheard shard that another claims has that owner") {
  const Ownership ownership(two_halves(), {lower_half, std::nullopt, report(2, "--------oooooooo")});
  CHECK(ownership.owner(catalog, Slot{8}).shard == ShardId{2});
  CHECK(ownership.complete(catalog));
}

TEST_CASE("rows that are arriving or left behind make a shard unclean, fenced ones do not") {
  const ShardMap map = two_halves();
  CHECK_FALSE(
      Ownership(map, {lower_half, upper_half, report(1, "i---------------")}).clean(catalog, ShardId{2}));
  CHECK_FALSE(
      Ownership(map, {lower_half, upper_half, report(1, "---------------m")}).clean(catalog, ShardId{2}));
  CHECK(Ownership(map, {report(3, "ffffffff--------"), upper_half, nothing}).clean(catalog, ShardId{0}));
}

TEST_CASE("a report without the group, or shorter than it, has nothing there") {
  const ShardMap map = two_halves();
  const Ownership ownership(map, {report(3, "oooooooo"), upper_half, ShardOwnership{Epoch{1}, {}}});
  CHECK(ownership.complete(catalog));
  CHECK(ownership.clean(catalog, ShardId{2}));
}

TEST_CASE("a shard that owns slots past the map's count makes the whole group unroutable") {
  const ShardMap map = two_halves();
  const Ownership ownership(map, {lower_half, report(4, "--------oooooooooo"), nothing});
  for (std::uint32_t s = 0; s < slot_count; ++s)
    CHECK(ownership.owner(catalog, Slot{s}).fault == Fault::unowned);
  CHECK_FALSE(ownership.complete(catalog));
  REQUIRE(ownership.faults(map).size() == 1);
  CHECK(ownership.faults(map)[0].starts_with("catalog: beta owns slots past 15"));
}

TEST_CASE("under random reports every slot has exactly the owner or the fault that the claims imply") {
  const ShardMap map = two_halves();
  for (unsigned seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::vector<std::optional<ShardOwnership>> reports(3);
    for (auto& heard : reports) {
      if (random() % 5 == 0) continue;
      std::string letters;
      for (std::uint32_t s = 0; s < slot_count; ++s) letters += "o-f-m-i--"[random() % 9];
      heard = report(seed, letters);
    }
    const Ownership ownership(map, reports);
    bool complete = true;
    for (std::uint32_t s = 0; s < slot_count; ++s) {
      std::vector<ShardId> claimants;
      bool is_gone = false, is_arriving = false;
      for (std::uint16_t shard = 0; shard < 3; ++shard) {
        if (!reports[shard]) continue;
        const SlotState state = reports[shard]->groups.at("catalog")[s];
        if (state == SlotState::owned || state == SlotState::fenced) claimants.push_back(ShardId{shard});
        is_gone = is_gone || state == SlotState::moved;
        is_arriving = is_arriving || state == SlotState::incoming;
      }
      const auto& owner = ownership.owner(catalog, Slot{s});
      const bool all_are_heard =
          std::ranges::all_of(reports, [](const auto& report) { return report.has_value(); });
      const bool is_on_its_way = is_gone && is_arriving;
      const Fault expected = claimants.size() == 1            ? Fault::none
                             : claimants.size() > 1           ? Fault::doubly_owned
                             : all_are_heard || is_on_its_way ? Fault::unowned
                                                              : Fault::shard_unknown;
      CHECK(owner.fault == expected);
      if (expected == Fault::none) CHECK(owner.shard == claimants.front());
      complete = complete && expected == Fault::none;
    }
    CHECK(ownership.complete(catalog) == complete);
    CHECK(ownership.faults(map).empty() == complete);
  }
}
