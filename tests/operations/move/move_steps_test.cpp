#include "operations/move/steps.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/operations/move/move_model.hpp"

using namespace shardplex;
using namespace shardplex::operations;
using namespace shardplex::test;

namespace {

/// What a person wants of the move: to abort it where it comes to a step, or what is next in the reverse
/// window.
enum class Goal { finish, reverse, nothing };
struct Path {
  Goal goal = Goal::finish;
  std::optional<Step> abort_at{};
};

const std::vector<Path> paths{{Goal::finish},
                              {Goal::reverse},
                              {Goal::finish, Step::record_on_target},
                              {Goal::finish, Step::copy},
                              {Goal::finish, Step::catch_up},
                              {Goal::finish, Step::make_reverse_replication_slot},
                              {Goal::finish, Step::drain}};

std::string name_of(const Path& path) {
  if (path.abort_at) return "abort at " + std::string(to_string(*path.abort_at));
  return path.goal == Goal::finish ? "finish" : "reverse";
}

/// What a person does about a move that is stuck; false: it should not have come to this.
bool help(MoveModel& model) {
  const bool target_owns = model.target.now.slots == SlotState::owned;
  const Phase phase = model.source.now.phase;
  if (phase == Phase::reversing && target_owns) return model.set_phase(Phase::finishing), true;
  if ((phase == Phase::finishing || phase == Phase::reversible) && !target_owns)
    return model.set_phase(Phase::reversing), true;
  return false;
}

/// Until the move is over, or reversible where nobody wants more of it. Why it is not, else "".
std::string drive(MoveModel& model, Goal goal) {
  for (int i = 0; i < 500; ++i) {
    switch (model.advance()) {
      case Outcome::stepped:
      case Outcome::interrupted:
        break;
      case Outcome::stuck:
        if (!help(model))
          return "stuck while " + std::string(to_string(model.source.now.phase)) + ": " + model.stuck_reason;
        break;
      case Outcome::resting:
        if (is_over(model.source.now.phase) || goal == Goal::nothing) return "";
        model.set_phase(goal == Goal::reverse ? Phase::reversing : Phase::finishing);
        if (goal == Goal::reverse) goal = Goal::finish;
        break;
    }
  }
  return "no end after 500 steps, at " + std::string(to_string(model.last_step));
}

bool is_bare(const ModelShard& shard) {
  return !shard.now.published && !shard.now.subscribed && !shard.replication_slot &&
         !shard.now.full_identities && !shard.now.markers;
}

/// The first thing that is wrong in the end, or "".
std::string verdict(const MoveModel& model) {
  if (!model.violations.empty()) return model.violations.front();
  const auto &source = model.source, &target = model.target;
  const Phase phase = source.now.phase;
  const bool source_owns = source.now.slots == SlotState::owned;
  const bool target_owns = target.now.slots == SlotState::owned;
  if (source_owns == target_owns) return source_owns ? "two owners" : "no owner";
  if (target_owns != (phase == Phase::finished || phase == Phase::reversible)) return "the wrong owner";
  const ModelShard& owner = source_owns ? source : target;
  const ModelShard& other = source_owns ? target : source;
  if (is_over(phase)) {
    if (!is_bare(source) || !is_bare(target) || target.now.recorded) return "something is left";
    if (other.now.slots != SlotState::absent || !other.now.rows.empty()) return "rows are left";
  }
  if (model.forgets_durable) return "";
  for (const auto* shard : {&source, &target})
    for (const auto& [number, commit] : shard->acknowledged) {
      const auto row = owner.now.rows.find(MoveModel::key_of(number));
      if (row == owner.now.rows.end() || !row->second.contains(number))
        return "write " + std::to_string(number) + " is lost";
    }
  return "";
}

constexpr int all_writes = 17;

/// A move with a client that writes on the way and replication that goes on. `happens` comes before each
/// transaction of the mover, with its number; it may throw MoverDied.
std::string play(MoveModel& model, const Path& path, const std::function<void(int)>& happens) {
  bool aborted = false;
  model.disturb = [&, number = 0]() mutable {
    const int at = number++;
    if (at % 3 == 0 && model.writes < all_writes) model.write();
    if (at % 2 == 0) model.replicate();
    if (path.abort_at == model.last_step && !aborted) model.abort_wanted = aborted = true;
    happens(at);
  };
  auto problem = drive(model, path.goal);
  model.disturb = [] {};
  if (!problem.empty()) return problem;
  for (int i = 0; model.writes < all_writes && i < all_writes; ++i) model.write();
  return verdict(model);
}

int transactions_of(const Path& path) {
  MoveModel model;
  play(model, path, [](int) {});
  return model.parts;
}

struct Chaos {
  unsigned seed;
  bool any_replica = false;  ///< may be promoted, those far behind included
  Planted planted = Planted::nothing;
};

/// A move among failovers, dying movers, slow replication and people who change their minds.
std::string run_with_failures(const Chaos& chaos) {
  std::mt19937 random(chaos.seed);
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  MoveModel model(chaos.planted);
  model.forgets_durable = chaos.any_replica;
  model.slow_drains = static_cast<int>(random() % 3);
  const auto haste = static_cast<unsigned>(1 + random() % 6);
  int failovers = 4, deaths = 4;
  model.disturb = [&] {
    while (one_in(2)) model.write();
    while (!one_in(haste)) model.replicate();
    if (one_in(150)) model.abort_wanted = true;
    // Once rows and records are being deleted, nothing tells that a shard has forgotten more than any should.
    const bool recorded = model.last_step < Step::delete_source_rows || model.last_step == Step::rest;
    if (failovers > 0 && one_in(25) && (recorded || !chaos.any_replica)) {
      --failovers;
      const std::size_t forgotten = one_in(8) ? 1000 : random() % 12;
      one_in(2) ? model.fail_over_source(forgotten) : model.fail_over_target(forgotten);
    }
    if (deaths > 0 && one_in(25)) {
      --deaths;
      throw MoverDied{};
    }
  };
  constexpr std::array goals{Goal::finish, Goal::reverse, Goal::nothing};
  if (auto problem = drive(model, goals[random() % goals.size()]); !problem.empty()) return problem;
  return verdict(model);
}

/// Whether one of so many runs ends badly.
bool any_ends_badly(Planted planted, unsigned runs) {
  for (unsigned seed = 1; seed <= runs; ++seed)
    if (!run_with_failures({seed, false, planted}).empty()) return true;
  return false;
}

}  // namespace

TEST_CASE("steps have names that can be read back") {
  for (int i = 0; i <= static_cast<int>(Step::rest); ++i)
    CHECK(parse_step(to_string(static_cast<Step>(i))) == static_cast<Step>(i));
  CHECK(to_string(Step::record_on_target) == "record_on_target");
  CHECK(to_string(Step::own_source) == "own_source");
  CHECK(to_string(Step::rest) == "rest");
  CHECK(!parse_step("nap"));
}

TEST_CASE("a move of which nothing goes wrong ends as it was wanted, whichever way") {
  for (const auto& path : paths) {
    MoveModel model;
    CAPTURE(name_of(path));
    CHECK(play(model, path, [](int) {}) == "");
    CHECK(to_string(model.source.now.phase) == (path.abort_at               ? "aborted"
                                                : path.goal == Goal::finish ? "finished"
                                                                            : "reversed"));
  }
}

TEST_CASE("a mover that dies before or after any transaction changes nothing about how the move ends") {
  for (const auto& path : paths) {
    MoveModel undisturbed;
    REQUIRE(play(undisturbed, path, [](int) {}) == "");
    for (int at = 0; at <= undisturbed.parts; ++at) {
      CAPTURE(name_of(path));
      CAPTURE(at);
      MoveModel model;
      CHECK(play(model, path, [&](int now) {
              if (now == at) throw MoverDied{};
            }) == "");
      CHECK(model.source.now.looks_like(undisturbed.source.now));
      CHECK(model.target.now.looks_like(undisturbed.target.now));
    }
  }
}

TEST_CASE("a step that is taken twice leaves what it leaves when it is taken once") {
  for (const auto& path : paths) {
    MoveModel model;
    bool aborted = false;
    Goal goal = path.goal;
    for (int i = 0; i < 200 && !is_over(model.source.now.phase); ++i) {
      const Outcome outcome = model.advance();
      if (outcome == Outcome::resting) {
        model.set_phase(goal == Goal::reverse ? Phase::reversing : Phase::finishing);
        continue;
      }
      REQUIRE(outcome == Outcome::stepped);
      CAPTURE(name_of(path));
      CAPTURE(to_string(model.last_step));
      const ShardState source = model.source.now, target = model.target.now;
      // Whoever finds a move closed does not close it again, under what would be another name.
      if (model.last_step != Step::close) model.repeat();
      CHECK(model.source.now.looks_like(source));
      CHECK(model.target.now.looks_like(target));
      if (path.abort_at == model.last_step && !aborted) model.abort_wanted = aborted = true;
    }
    CHECK(verdict(model) == "");
  }
}

TEST_CASE("a failover of either shard at any time, however much it forgets, loses nothing else") {
  for (const auto& path : paths)
    for (int at = 0; at <= transactions_of(path); ++at)
      for (const std::size_t forgotten : {0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 30, 50, 1000})
        for (const bool of_source : {true, false}) {
          CAPTURE(name_of(path));
          CAPTURE(at);
          CAPTURE(forgotten);
          CAPTURE(of_source);
          MoveModel model;
          CHECK(play(model, path, [&](int now) {
                  if (now != at) return;
                  of_source ? model.fail_over_source(forgotten) : model.fail_over_target(forgotten);
                }) == "");
        }
}

namespace {

/// How a move ends whose mover stands still when it has seen the hand-over and is about to have the slots
/// owned at the other end. Meanwhile a server takes over that has forgotten the hand-over, its fence is ended
/// as a lease, and it takes a write.
std::string end_after_standing_still(Step own, Planted planted) {
  MoveModel model(planted);
  model.replicas_behind = true;
  ModelShard& before = own == Step::own ? model.source : model.target;
  int transactions = 0;
  model.disturb = [&] {
    if (model.last_step != own || ++transactions != 2) return;
    before.fail_over(1, false);
    REQUIRE(before.now.slots == SlotState::fenced);
    before.now.slots = SlotState::owned;
    before.commit();
    const int writes = model.writes;
    model.write();
    REQUIRE(model.writes == writes + 1);
  };
  const auto problem = drive(model, own == Step::own ? Goal::finish : Goal::reverse);
  REQUIRE(transactions >= 2);
  return problem.empty() ? verdict(model) : problem;
}

}  // namespace

TEST_CASE("no shard owns slots on the word of a hand-over that was forgotten while the mover stood still") {
  for (const auto own : {Step::own, Step::own_source}) {
    CAPTURE(to_string(own));
    CHECK(end_after_standing_still(own, Planted::nothing) == "");
    CHECK(end_after_standing_still(own, Planted::own_late) != "");
  }
}

namespace {

/// Facts of a move that has copied and follows, and is ready for its hand-over but for the fence.
MoveFacts ready() {
  MoveFacts facts;
  facts.source = {SlotState::owned, true, true, true, false, false, true, true, true};
  facts.target = {SlotState::incoming, true, true, true, false, true, true, true, true};
  facts.copied = true;
  facts.assurance = {true, true, false, false};
  return facts;
}

/// The same move in its reverse window.
MoveFacts in_window() {
  MoveFacts facts = ready();
  facts.source = {SlotState::moved, true, false, false, false, true, true, true, true};
  facts.target = {SlotState::owned, true, true, true, false, false, true, true, true};
  facts.assurance = {};
  return facts;
}

std::string step_of(Phase phase, const MoveFacts& facts) {
  const auto next = next_step(phase, facts);
  const auto* stuck = std::get_if<Stuck>(&next);
  return stuck != nullptr ? "stuck: " + stuck->reason : std::string(to_string(std::get<Step>(next)));
}

template <class F>
MoveFacts with(MoveFacts facts, F change) {
  change(facts);
  return facts;
}

}  // namespace

TEST_CASE("slots in several states on one shard stop a move in any phase") {
  CHECK(
      step_of(Phase::moving, with(ready(), [](auto& f) { f.target.slots.reset(); })).starts_with("stuck: "));
  CHECK(step_of(Phase::finishing, with(in_window(), [](auto& f) { f.source.slots.reset(); }))
            .starts_with("stuck"));
}

TEST_CASE("a move of slots that it cannot have is stuck, and nobody gives up what was never copied") {
  const auto already_there = [](MoveFacts& f) {
    f.target.slots = SlotState::owned;
    f.copied = f.source.has_replication_slot = f.target.subscribed = false;
  };
  CHECK(step_of(Phase::moving, with(ready(), already_there)) == "stuck: the target owns the slots already");
  CHECK(step_of(Phase::moving, with(ready(), [](auto& f) { f.source.slots = SlotState::absent; })) ==
        "stuck: the source does not own the slots");
  const auto unowned =
      with(in_window(), [](auto& f) { f.source.slots = f.target.slots = SlotState::absent; });
  CHECK(step_of(Phase::reversing, unowned) == "stuck: the target does not own the slots");
  CHECK(step_of(Phase::returning, in_window()) == "stuck: the source does not own the slots");
}

TEST_CASE("a fence is lifted before anything else where the hand-over it was for cannot follow") {
  const auto fenced = with(ready(), [](auto& f) { f.source.slots = SlotState::fenced; });
  CHECK(step_of(Phase::moving, fenced) == "drain");
  CHECK(step_of(Phase::moving, with(fenced, [](auto& f) { f.assurance.drained = true; })) == "hand_over");
  CHECK(step_of(Phase::moving, with(fenced, [](auto& f) { f.assurance = {}; })) == "unfence");
  CHECK(step_of(Phase::moving, with(fenced, [](auto& f) { f.source.same_timeline = false; })) == "unfence");
  const auto both_failed_over = [](MoveFacts& f) {
    f.target = {};
    f.source.has_replication_slot = f.copied = false;
    f.assurance = {};
  };
  CHECK(step_of(Phase::moving, with(fenced, both_failed_over)) == "unfence");
  const auto fenced_target = with(in_window(), [](auto& f) { f.target.slots = SlotState::fenced; });
  for (const auto phase : {Phase::reversing, Phase::reversible, Phase::finishing, Phase::switching})
    CHECK(step_of(phase, fenced_target) == "unfence_target");
}

TEST_CASE("a copy is not trusted where a server failed over or WAL is gone") {
  for (const auto& doubt : {with(ready(), [](auto& f) { f.source.same_timeline = false; }),
                            with(ready(), [](auto& f) { f.target.same_timeline = false; }),
                            with(ready(), [](auto& f) { f.source.has_replication_slot = false; }),
                            with(ready(), [](auto& f) { f.source.replication_slot_lost = true; }),
                            with(ready(), [](auto& f) { f.copied = false; })})
    CHECK(step_of(Phase::moving, doubt) == "start_over");
}

TEST_CASE("a reverse slot whose WAL is gone is made anew before the fence, and not subscribed to after it") {
  const auto lost = [](MoveFacts& f) { f.target.replication_slot_lost = true; };
  CHECK(step_of(Phase::moving, with(ready(), lost)) == "drop_reverse_slot");
  CHECK(step_of(Phase::moving, with(ready(), [](auto& f) { f.target.has_replication_slot = false; })) ==
        "make_reverse_slot");
  const auto unsubscribed = with(in_window(), [](auto& f) { f.source.subscribed = false; });
  CHECK(step_of(Phase::switching, unsubscribed) == "subscribe_reverse");
  CHECK(step_of(Phase::switching, with(unsubscribed, lost)) == "open_window");
  CHECK(step_of(Phase::switching,
                with(unsubscribed, [](auto& f) { f.target.has_replication_slot = false; })) == "open_window");
}

TEST_CASE("rows are compared when the target has caught up, and slots fenced when it has again") {
  CHECK(step_of(Phase::moving, with(ready(), [](auto& f) { f.assurance = {}; })) == "catch_up");
  CHECK(step_of(Phase::moving, with(ready(), [](auto& f) { f.assurance.verified = false; })) == "verify");
  CHECK(step_of(Phase::moving, with(ready(), [](auto& f) { f.assurance.caught_up = false; })) == "catch_up");
  CHECK(step_of(Phase::moving, ready()) == "fence");
}

TEST_CASE("changes never go both ways: one way ends before the other begins") {
  MoveFacts facts = in_window();
  facts.source.subscribed = false;
  facts.target.subscribed = facts.source.has_replication_slot = facts.source.published = true;
  CHECK(step_of(Phase::switching, facts) == "unsubscribe");
  facts.target.subscribed = false;
  CHECK(step_of(Phase::switching, facts) == "drop_slot");
  facts.source.has_replication_slot = false;
  CHECK(step_of(Phase::switching, facts) == "unpublish");
  facts.source.published = false;
  CHECK(step_of(Phase::switching, facts) == "subscribe_reverse");
  CHECK(step_of(Phase::moving, with(ready(), [](auto& f) { f.source.subscribed = true; })) ==
        "unsubscribe_reverse");
}

TEST_CASE("only a copy that is whole becomes the owner") {
  const auto handed_over = with(in_window(), [](auto& f) { f.target.slots = SlotState::incoming; });
  CHECK(step_of(Phase::switching, handed_over) == "own");
  CHECK(step_of(Phase::switching, with(handed_over, [](auto& f) { f.target.same_timeline = false; })) ==
        "take_back");
  CHECK(step_of(Phase::switching, with(handed_over, [](auto& f) { f.copied = false; })) == "take_back");
  CHECK(step_of(Phase::switching, with(handed_over, [](auto& f) { f.target.slots = SlotState::absent; })) ==
        "take_back");
}

TEST_CASE("what the target handed back it takes again where the source has not caught it") {
  const auto handed_back = with(in_window(), [](auto& f) { f.target.slots = SlotState::moved; });
  CHECK(step_of(Phase::reversing, handed_back) == "own_source");
  CHECK(step_of(Phase::reversing, with(handed_back, [](auto& f) { f.source.same_timeline = false; })) ==
        "take_back_target");
  for (const auto phase : {Phase::switching, Phase::reversible, Phase::finishing})
    CHECK(step_of(phase, handed_back) == "take_back_target");
  // Slots that were moved away before this move began.
  const auto forgotten = with(handed_back, [](auto& f) { f.copied = false; });
  CHECK(step_of(Phase::reversing, with(forgotten, [](auto& f) { f.source.same_timeline = false; })) ==
        "own_source");
  CHECK(step_of(Phase::switching, forgotten) == "take_back");
}

TEST_CASE("the way back needs replication that has never stopped, and a comparison by this mover") {
  CHECK(step_of(Phase::reversing, in_window()) == "catch_up_reverse");
  CHECK(step_of(Phase::reversing, with(in_window(), [](auto& f) { f.assurance.caught_up = true; })) ==
        "verify_reverse");
  const auto sure = with(in_window(), [](auto& f) { f.assurance = {true, true, false, false}; });
  CHECK(step_of(Phase::reversing, sure) == "fence_target");
  CHECK(step_of(Phase::reversing, with(sure, [](auto& f) { f.target.slots = SlotState::fenced; })) ==
        "drain_reverse");
  for (const auto& closed : {with(sure, [](auto& f) { f.source.subscribed = false; }),
                             with(sure, [](auto& f) { f.source.same_timeline = false; }),
                             with(sure, [](auto& f) { f.target.same_timeline = false; }),
                             with(sure, [](auto& f) { f.target.has_replication_slot = false; }),
                             with(sure, [](auto& f) { f.target.replication_slot_lost = true; })})
    CHECK(step_of(Phase::reversing, closed).starts_with("stuck: the source's copy may lack writes"));
}

TEST_CASE("no copy is deleted unless the other shard owns the slots") {
  for (const auto state : {SlotState::absent, SlotState::incoming}) {
    const auto unowned = with(in_window(), [&](auto& f) { f.target.slots = state; });
    CHECK(step_of(Phase::finishing, unowned).starts_with("stuck: the target does not own the slots"));
    CHECK(step_of(Phase::reversible, unowned).starts_with("stuck: the target failed over"));
    const auto unrecorded = with(unowned, [](auto& f) { f.target.recorded = f.copied = false; });
    CHECK(step_of(Phase::finishing, unrecorded).starts_with("stuck: the target does not own the slots"));
  }
  // The source's copy has gone, and the slots went on to another shard since.
  const auto moved_on = with(in_window(), [](auto& f) {
    f.source = {};
    f.target = {SlotState::moved, true};
  });
  CHECK(step_of(Phase::finishing, moved_on) == "erase");
  const auto doubly_owned = with(in_window(), [](auto& f) { f.source.slots = SlotState::owned; });
  CHECK(step_of(Phase::returning, doubly_owned) == "yield_target");
}

TEST_CASE("failovers, dying movers and people who change their minds lose nothing and leave nothing") {
  for (unsigned seed = 1; seed <= 5'000; ++seed) {
    CAPTURE(seed);
    CHECK(run_with_failures({seed}) == "");
  }
}

TEST_CASE("whatever a promoted replica has forgotten, the slots have one owner in the end") {
  for (unsigned seed = 1; seed <= 5'000; ++seed) {
    CAPTURE(seed);
    CHECK(run_with_failures({seed, true}) == "");
  }
}

TEST_CASE("these runs find a mover that does not what it should") {
  for (const auto planted :
       {Planted::own_at_once, Planted::own_source_at_once, Planted::delete_at_once, Planted::close_at_once,
        Planted::no_drain, Planted::no_fence, Planted::no_timelines}) {
    CAPTURE(static_cast<int>(planted));
    CHECK(any_ends_badly(planted, 2'000));
  }
}
