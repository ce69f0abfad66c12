#include "operations/move/selection.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "operations/move/decide.hpp"
#include "operations/move/start.hpp"
#include "operations/process/failure.hpp"

using namespace shardplex;
using namespace shardplex::operations;

namespace {

MoveEntry move_in(const std::string& id, Phase phase) {
  MoveEntry move;
  move.id = id;
  move.phase = phase;
  return move;
}

const std::vector<MoveEntry> moves{move_in("m1", Phase::moving), move_in("m2", Phase::reversible),
                                   move_in("m3", Phase::aborting)};

std::string chosen(const std::vector<std::string>& ids) {
  return ids_of(choose_moves(moves, ids, can_be_aborted, "reverse it"));
}

}  // namespace

TEST_CASE("without ids, the moves whose phase fits are chosen; with ids, those, in the order asked for") {
  CHECK(chosen({}) == "m1, m3");
  CHECK(chosen({"m3", "m1"}) == "m3, m1");
}

TEST_CASE("a move that is not known, or in another phase, is refused") {
  CHECK_THROWS_WITH_AS(chosen({"m1", "m9"}), "there is no move m9; shardplex rebalance status lists them",
                       CommandFailed);
  CHECK_THROWS_WITH_AS(chosen({"m2"}), "move m2 is reversible; reverse it", CommandFailed);
}

TEST_CASE("the moves of a plan are numbered in its order, and each has an id of its own") {
  RebalancePlan plan;
  for (const std::string target : {"beta", "gamma"})
    plan.moves.push_back({"catalog", SlotSet::all(4), "alpha", target});
  const auto made = new_moves(plan);
  REQUIRE(made.size() == 2);
  CHECK(made[0].number == 1);
  CHECK(made[1].number == 2);
  CHECK(made[0].target == "beta");
  CHECK(made[1].target == "gamma");
  CHECK(made[0].phase == Phase::moving);
  CHECK(made[0].desired_state == DesiredState::run);
  CHECK(made[0].id != made[1].id);
}
