#include "shard_schema/slots.hpp"

#include <doctest/doctest.h>

#include "query/plan/owned_slots.hpp"
#include "shard_schema/row_ids.hpp"
#include "tests/shard_schema/rows_of_text.hpp"

namespace shardplex::test {
namespace {

ShardMap map_with(std::uint32_t slots) {
  return ShardMap("movies", {{"alpha", "", {}}},
                  {{"catalog", slots, HashStrategy{}, std::vector<ShardId>(slots, ShardId{0})}}, {}, {});
}

}  // namespace

TEST_CASE("slots that have no row are absent, and a shard without any has an epoch") {
  const auto none = decode_ownership(RowsOfText({{"3", null, null, null}}), map_with(2));
  CHECK(none.has_identity);
  CHECK(none.ownership.epoch == Epoch{3});
  CHECK(none.ownership.groups.at("catalog") == std::vector(2, SlotState::absent));
  using enum SlotState;
  const auto some = decode_ownership(
      RowsOfText({{"4", "catalog", "2", "owned"}, {"4", "catalog", "0", "fenced"}}), map_with(4));
  CHECK(some.ownership.groups.at("catalog") == std::vector{fenced, absent, owned, absent});
  CHECK_FALSE(decode_ownership(RowsOfText({}), map_with(2)).has_identity);
}

TEST_CASE("what does not fit the map or this version is told by group and slot") {
  const auto report = decode_ownership(RowsOfText({{"1", "catalog", "1", "frozen"},
                                                   {"1", "catalog", "2", "owned"},
                                                   {"1", "catalog", "-1", "owned"},
                                                   {"1", "attic", "0", "owned"},
                                                   {"1", "attic", "1", "frozen"}}),
                                       map_with(2));
  CHECK(report.unknown_states ==
        std::vector<std::string>{
            "it has slot 1 of group catalog in the state \"frozen\", which this version does not know"});
  CHECK(report.slots_beyond ==
        std::vector<std::string>{"it has 2 slots of group catalog beyond the number of slots of the map"});
  CHECK(report.unknown_groups ==
        std::vector<std::string>{"it has 2 slots of group attic, which is not in the map"});
  CHECK(report.ownership.groups.at("catalog") == std::vector(2, SlotState::absent));
}

TEST_CASE("definitions are read by subject") {
  CHECK(decode_definitions(RowsOfText({{"group catalog", "slots=8 hash"}, {"table movies", "reference"}})) ==
        Definitions{{"group catalog", "slots=8 hash"}, {"table movies", "reference"}});
}

TEST_CASE("parts of statements name the group and the slot as they are given") {
  CHECK(select_owned_slots("$2") ==
        "SELECT s.slot FROM shardplex.slots s WHERE s.grp = $2 AND s.state IN ('owned', 'fenced')");
  CHECK(join_slot_state("$1", "t.x") == " LEFT JOIN shardplex.slots s ON s.grp = $1 AND s.slot = t.x");
  CHECK(has_slot_state("$1", "t.x") ==
        "EXISTS (SELECT FROM shardplex.slots s WHERE s.grp = $1 AND s.slot = t.x)");
  CHECK(slot_may_have_rows("$1", "t.x") ==
        "EXISTS (SELECT FROM shardplex.slots s WHERE s.grp = $1 AND s.slot = t.x AND s.state IN ('owned', "
        "'fenced', 'incoming'))");
}

TEST_CASE("row ids are milliseconds of the epoch 2024, node and sequence, within 53 bits") {
  using namespace std::chrono;
  CHECK(row_id_ms(sys_days{year{2024} / 1 / 1} + milliseconds(7)) == 7);
  CHECK(make_row_id(1, 0, 0) == 4096);
  CHECK(make_row_id(0, 1, 0) == 32);
  CHECK(make_row_id(0, 0, 31) == 31);
  CHECK(make_row_id((std::int64_t{1} << 41) - 1, 127, 31) == (std::int64_t{1} << 53) - 1);
}

}  // namespace shardplex::test
