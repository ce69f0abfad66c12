#include "operations/move/steps.hpp"

#include <algorithm>

namespace shardplex::operations {
namespace {

/// In the order of the enumeration. They are shown (as `step` in JSON) and stored in the journal, so they
/// stay as they were first written.
constexpr auto step_names = std::to_array<std::string_view>({
    "record_on_target",
    "receive",
    "publish",
    "copy",
    "subscribe",
    "catch_up",
    "verify",
    "publish_reverse",
    "make_reverse_slot",
    "fence",
    "drain",
    "hand_over",
    "own",
    "start_over",
    "unfence",
    "yield",
    "take_back",
    "unsubscribe",
    "drop_slot",
    "unpublish",
    "subscribe_reverse",
    "open_window",
    "catch_up_reverse",
    "verify_reverse",
    "fence_target",
    "drain_reverse",
    "hand_back",
    "unfence_target",
    "own_source",
    "take_back_target",
    "yield_target",
    "unsubscribe_reverse",
    "drop_reverse_slot",
    "unpublish_reverse",
    "delete_source_rows",
    "forget_on_source",
    "delete_target_rows",
    "forget_on_target",
    "restore_identities",
    "erase",
    "close",
    "rest",
});
static_assert(step_names.size() == static_cast<std::size_t>(Step::rest) + 1);

using Next = std::variant<Step, Stuck>;

/// What the target has may lack writes that the source has acknowledged: a server that took over from a
/// failed one lacks its last transactions, and PostgreSQL's subscriptions do not notice.
bool copy_is_doubtful(const MoveFacts& facts) {
  const bool failed_over = !facts.source.same_timeline || !facts.target.same_timeline;
  const bool begun = facts.copied || facts.target.subscribed;
  const bool replication_slot_missing =
      !facts.source.has_replication_slot || facts.source.replication_slot_lost;
  return failed_over || (begun && replication_slot_missing) || (facts.target.subscribed && !facts.copied);
}

/// By this move, and in the source's future where the source has failed over and forgotten it: slots that
/// hold the copy are incoming until the target owns them.
bool target_has_owned(const MoveFacts& facts) {
  const auto slots = facts.target.slots;
  return facts.copied &&
         (slots == SlotState::owned || slots == SlotState::fenced || slots == SlotState::moved);
}

Next next_of_hand_over(const MoveFacts& facts) {
  const Assurance& sure = facts.assurance;
  if (facts.source.slots == SlotState::fenced) return sure.drained ? Step::hand_over : Step::drain;
  if (!sure.caught_up && !sure.verified) return Step::catch_up;
  if (!sure.verified) return Step::verify;
  if (!facts.target.published) return Step::publish_reverse;
  if (facts.target.replication_slot_lost) return Step::drop_reverse_replication_slot;
  if (!facts.target.has_replication_slot) return Step::make_reverse_replication_slot;
  return sure.caught_up ? Step::fence : Step::catch_up;
}

Next next_of_moving(const MoveFacts& facts) {
  const auto &source = facts.source, &target = facts.target;
  if (target_has_owned(facts)) return Step::release_on_source;
  if (source.slots != SlotState::owned && source.slots != SlotState::fenced)
    return Stuck{"the source does not own the slots"};
  // A fence is left by a mover that died, or what it was for has failed: writes first, then anew.
  const bool doubtful = copy_is_doubtful(facts);
  if (source.slots == SlotState::fenced && (doubtful || !facts.assurance.verified)) return Step::unfence;
  // Left by an ownership that was taken back: changes must not go both ways.
  if (source.subscribed) return Step::unsubscribe_reverse;
  if (!target.recorded) return Step::record_on_target;
  if (doubtful) return Step::start_over;
  if (target.slots == SlotState::absent || target.slots == SlotState::moved) return Step::receive;
  if (target.slots != SlotState::incoming) return Stuck{"the target owns the slots already"};
  if (!source.published) return Step::publish;
  if (!facts.copied) return Step::copy;
  if (!target.subscribed) return Step::subscribe;
  return next_of_hand_over(facts);
}

/// Where the source has failed over and forgotten that the slots were on their way back: the target goes on
/// owning them. nullopt: it does, or has never done.
std::optional<Step> next_of_target_ownership(const MoveFacts& facts) {
  if (facts.source.slots != SlotState::moved) return std::nullopt;
  if (facts.target.slots == SlotState::fenced) return Step::unfence_target;
  if (facts.target.slots == SlotState::moved && facts.copied) return Step::take_back_target;
  return std::nullopt;
}

Next next_of_switching(const MoveFacts& facts) {
  const auto &source = facts.source, &target = facts.target;
  if (source.slots != SlotState::moved)
    return Stuck{"the source has handed over, and yet the slots are not moved"};
  if (const auto step = next_of_target_ownership(facts)) return *step;
  if (target.slots != SlotState::owned) {
    const bool has_all = target.slots == SlotState::incoming && facts.copied && target.same_timeline;
    return has_all ? Step::own : Step::take_back;
  }
  if (target.subscribed) return Step::unsubscribe;
  if (source.has_replication_slot) return Step::drop_replication_slot;
  if (source.published) return Step::unpublish;
  // Without the replication slot, as after a failover of the target, there is no way back; the window tells.
  if (!source.subscribed && target.has_replication_slot && !target.replication_slot_lost)
    return Step::subscribe_reverse;
  return Step::open_window;
}

Next next_of_reversible(const MoveFacts& facts) {
  if (const auto step = next_of_target_ownership(facts)) return *step;
  if (facts.source.slots == SlotState::moved && facts.target.slots != SlotState::owned)
    return Stuck{
        "the target failed over and has forgotten that it owns the slots, so nobody does; "
        "shardplex rebalance reverse gives them back to the source"};
  return Step::rest;
}

/// What is still there of the way forth and back; nullopt: nothing.
std::optional<Step> next_of_objects(const MoveFacts& facts) {
  const auto &source = facts.source, &target = facts.target;
  if (target.subscribed) return Step::unsubscribe;
  if (source.has_replication_slot) return Step::drop_replication_slot;
  if (source.published) return Step::unpublish;
  if (source.subscribed) return Step::unsubscribe_reverse;
  if (target.has_replication_slot) return Step::drop_reverse_replication_slot;
  if (target.published) return Step::unpublish_reverse;
  // Before rows are deleted, which would log each of them whole.
  if (source.full_identities || target.full_identities) return Step::restore_identities;
  return std::nullopt;
}

Next next_of_records(const MoveFacts& facts) {
  const auto &source = facts.source, &target = facts.target;
  if (target.recorded || source.markers || target.markers) return Step::erase;
  return Step::close;
}

Next next_of_finishing(const MoveFacts& facts) {
  const bool source_has_rows = facts.source.slots == SlotState::moved;
  if (const auto step = next_of_target_ownership(facts)) return *step;
  // Whether it has the move on record or not: what the source has may be all there is.
  if (source_has_rows && facts.target.slots != SlotState::owned)
    return Stuck{
        "the target does not own the slots, so the source's copy is not deleted; shardplex rebalance reverse "
        "gives them back to the source"};
  if (const auto step = next_of_objects(facts)) return *step;
  if (source_has_rows)
    return facts.assurance.rows_deleted ? Step::forget_on_source : Step::delete_source_rows;
  return next_of_records(facts);
}

Next next_of_target_copy(const MoveFacts& facts) {
  const auto slots = facts.target.slots;
  if (slots == SlotState::incoming || slots == SlotState::moved)
    return facts.assurance.rows_deleted ? Step::forget_on_target : Step::delete_target_rows;
  return next_of_records(facts);
}

Next next_of_aborting(const MoveFacts& facts) {
  if (target_has_owned(facts)) return Step::release_on_source;  // too late: only reverse gives them back
  if (facts.source.slots == SlotState::fenced) return Step::unfence;
  if (const auto step = next_of_objects(facts)) return *step;
  return next_of_target_copy(facts);
}

Next next_of_reversing(const MoveFacts& facts) {
  const auto &source = facts.source, &target = facts.target;
  const Assurance& sure = facts.assurance;
  if (source.slots == SlotState::moved && target.slots != SlotState::owned &&
      target.slots != SlotState::fenced) {
    // Handed back, which the source may not have caught: a failed-over one lacks its last transactions.
    if (target_has_owned(facts)) return source.same_timeline ? Step::own_source : Step::take_back_target;
    // The target failed over and has forgotten that it owned; the source's copy has all that it has.
    return Step::own_source;
  }
  if (!source.subscribed || !target.has_replication_slot || target.replication_slot_lost ||
      !source.same_timeline || !target.same_timeline) {
    if (target.slots == SlotState::fenced) return Step::unfence_target;
    return Stuck{
        "the source's copy may lack writes, for a server failed over or replication stopped since the "
        "hand-over; finish the move, and plan another one back"};
  }
  if (target.slots == SlotState::fenced) {
    if (!sure.verified) return Step::unfence_target;
    return sure.drained ? Step::hand_back : Step::drain_reverse;
  }
  if (target.slots != SlotState::owned) return Stuck{"the target does not own the slots"};
  if (!sure.caught_up) return Step::catch_up_reverse;
  return sure.verified ? Step::fence_target : Step::verify_reverse;
}

Next next_of_returning(const MoveFacts& facts) {
  if (facts.source.slots != SlotState::owned) return Stuck{"the source does not own the slots"};
  if (target_has_owned(facts) && facts.target.slots != SlotState::moved) return Step::release_on_target;
  if (const auto step = next_of_objects(facts)) return *step;
  return next_of_target_copy(facts);
}

}  // namespace

std::string_view to_string(Step step) {
  return step_names.at(static_cast<std::size_t>(step));
}

std::optional<Step> parse_step(std::string_view name) {
  const auto found = std::ranges::find(step_names, name);
  if (found == step_names.end()) return std::nullopt;
  return static_cast<Step>(found - step_names.begin());
}

std::variant<Step, Stuck> next_step(Phase phase, const MoveFacts& facts) {
  if (!facts.source.slots || !facts.target.slots)
    return Stuck{"the slots of the move are in different states on one shard; shardplex verify tells which"};
  switch (phase) {
    case Phase::moving:
      return next_of_moving(facts);
    case Phase::switching:
      return next_of_switching(facts);
    case Phase::finishing:
      return next_of_finishing(facts);
    case Phase::aborting:
      return next_of_aborting(facts);
    case Phase::reversing:
      return next_of_reversing(facts);
    case Phase::returning:
      return next_of_returning(facts);
    case Phase::reversible:
      return next_of_reversible(facts);
    case Phase::finished:
    case Phase::aborted:
    case Phase::reversed:
      break;
  }
  return Step::rest;
}

}  // namespace shardplex::operations
