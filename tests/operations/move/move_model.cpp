#include "tests/operations/move/move_model.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

namespace shardplex::test {

using operations::Phase;
using operations::Step;

namespace {

/// The mover's connection is gone, or what it was about is not as it was when it looked.
struct LookAgain {};

}  // namespace

bool ShardState::looks_like(const ShardState& other) const {
  const auto visible = [](const ShardState& state) {
    return std::tie(state.slots, state.rows, state.recorded, state.published, state.subscribed,
                    state.full_identities, state.markers, state.phase);
  };
  return visible(*this) == visible(other);
}

void ModelShard::commit() {
  now.log_length = log.size();
  history.push_back(now);
}

void ModelShard::set_row(int key, Row row) {
  log.push_back({key, row});
  now.rows[key] = std::move(row);
}

void ModelShard::fail_over(std::size_t commits, bool any) {
  const std::size_t last = history.size() - 1;
  const std::size_t kept = std::max(any ? 0 : durable, last - std::min(commits, last));
  now = history[kept];
  history.resize(kept + 1);
  durable = std::min(durable, kept);
  log.resize(now.log_length);
  std::erase_if(acknowledged, [&](const auto& write) { return write.second > kept; });
  replication_slot.reset();
  ++timeline;
  mover_connected = false;
}

MoveModel::MoveModel(Planted planted) : planted_(planted) {
  source.now.slots = SlotState::owned;
  source.now.recorded = true;
  for (auto* shard : {&source, &target}) shard->commit();
  for (int i = 0; i < 5; ++i) write();
  source.durable = source.history.size() - 1;
}

void MoveModel::write() {
  const auto claims = [](const ModelShard& shard) {
    return shard.now.slots == SlotState::owned || shard.now.slots == SlotState::fenced;
  };
  if (claims(source) && claims(target)) {
    if (!forgets_durable) violations.push_back("two shards claim the slots");
    return;  // a router refuses, and so says that something is wrong
  }
  ModelShard& owner = claims(source) ? source : target;
  const bool fenced = owner.now.slots == SlotState::fenced && planted_ != Planted::no_fence;
  if (!claims(owner) || fenced) return;  // the client waits
  const int number = ++writes;
  Row row = owner.now.rows[key_of(number)];
  row.insert(number);
  owner.set_row(key_of(number), std::move(row));
  owner.commit();
  owner.acknowledged[number] = owner.history.size() - 1;
}

bool MoveModel::deliver(ModelShard& from, ModelShard& to) {
  if (!to.now.subscribed || !from.now.published || !from.replication_slot) return false;
  const std::size_t position = std::max(to.now.origin, *from.replication_slot);
  if (position >= from.log.size()) return false;
  to.set_row(from.log[position].key, from.log[position].row);
  to.now.origin = position + 1;
  to.commit();
  from.replication_slot = position + 1;
  return true;
}

void MoveModel::replicate() {
  deliver(source, target);
  deliver(target, source);
}

void MoveModel::set_phase(Phase phase) {
  source.now.phase = phase;
  source.commit();
}

operations::MoveFacts MoveModel::look() {
  for (auto* shard : {&source, &target}) {
    if (!shard->mover_connected) assurance_ = {};
    shard->mover_connected = true;
  }
  const auto facts_of = [](const ModelShard& shard) {
    operations::ShardFacts facts;
    facts.slots = shard.now.slots;
    facts.recorded = shard.now.recorded;
    facts.published = shard.now.published;
    facts.has_replication_slot = shard.replication_slot.has_value();
    facts.subscribed = shard.now.subscribed;
    facts.full_identities = shard.now.full_identities;
    facts.markers = shard.now.markers;
    return facts;
  };
  operations::MoveFacts facts{facts_of(source), facts_of(target), target.now.copied, assurance_};
  if (planted_ == Planted::no_timelines) return facts;
  facts.source.same_timeline = source.now.source_timeline.value_or(source.timeline) == source.timeline;
  facts.target.same_timeline = source.now.target_timeline.value_or(target.timeline) == target.timeline;
  return facts;
}

Outcome MoveModel::advance() try {
  const auto facts = look();
  if (abort_wanted) {
    abort_wanted = false;
    if (source.now.phase == Phase::moving) set_phase(Phase::aborting);
    assurance_ = {};
    return Outcome::stepped;
  }
  const auto next = operations::next_step(source.now.phase, facts);
  if (const auto* stuck = std::get_if<operations::Stuck>(&next)) {
    stuck_reason = stuck->reason;
    return Outcome::stuck;
  }
  last_step = std::get<Step>(next);
  if (last_step == Step::rest) return Outcome::resting;
  perform(last_step);
  disturb();
  return Outcome::stepped;
} catch (const LookAgain&) {
  assurance_ = {};
  return Outcome::interrupted;
} catch (const MoverDied&) {
  assurance_ = {};
  return Outcome::interrupted;
}

void MoveModel::connected(const ModelShard& shard) const {
  if (!shard.mover_connected) throw LookAgain{};
}

/// A transaction on one shard.
template <class F>
void MoveModel::on(ModelShard& shard, F change) {
  disturb();
  ++parts;
  connected(shard);
  change(shard.now);
  shard.commit();
}

/// Something that needs both shards to answer.
template <class F>
void MoveModel::on_both(F change) {
  disturb();
  ++parts;
  connected(source);
  connected(target);
  change();
}

void MoveModel::take(ModelShard& shard, SlotState state) {
  on(shard, [&](ShardState& now) { now.slots = state; });
}

/// What the mover sees of the shard that has handed over, before the other one owns the slots.
void MoveModel::see_handed_over(ModelShard& from) {
  on_both([&] {
    if (!replicas_behind) from.durable = from.history.size() - 1;
    if (from.now.slots == SlotState::owned || from.now.slots == SlotState::fenced) throw LookAgain{};
  });
}

/// A failover that leads to a write takes longer than a mover that does not stand still.
void MoveModel::not_long_after(const ModelShard& from) const {
  if (planted_ != Planted::own_late) connected(from);
}

void MoveModel::subscribe(ModelShard& to) {
  on(to, [](ShardState& now) {
    now.subscribed = now.markers = true;
    now.origin = 0;  // so it begins where the replication slot does
  });
}

void MoveModel::copy() {
  const int target_timeline = target.timeline;
  on(source, [&](ShardState& now) {
    now.source_timeline = source.timeline;
    now.target_timeline = target_timeline;
  });
  Rows snapshot;
  on(source, [&](ShardState& now) {
    source.replication_slot = source.log.size();
    snapshot = now.rows;
  });
  on_both([&] {
    target.now.rows.clear();
    for (const auto& [key, row] : snapshot) target.set_row(key, row);
    target.now.copied = target.now.markers = true;
    target.commit();
  });
}

void MoveModel::start_over() {
  on(target, [](ShardState& now) { now.subscribed = false; });
  on(source, [&](ShardState&) { source.replication_slot.reset(); });
  on(target, [](ShardState& now) { now.copied = false; });
  on(source, [](ShardState& now) { now.source_timeline = now.target_timeline = std::nullopt; });
  assurance_ = {};
}

void MoveModel::follow_to_the_end(ModelShard& from, ModelShard& to) {
  if (!to.now.subscribed || !from.replication_slot) throw LookAgain{};
  while (deliver(from, to)) continue;
}

void MoveModel::fence(ModelShard& shard) {
  assurance_.drained = false;
  on(shard, [](ShardState& now) {
    now.slots = SlotState::fenced;
    now.markers = true;
  });
}

void MoveModel::unfence(ModelShard& shard) {
  take(shard, SlotState::owned);
  assurance_.caught_up = assurance_.drained = false;
}

void MoveModel::drain(ModelShard& from, ModelShard& to) {
  if (slow_drains > 0) {
    --slow_drains;
    return unfence(from);
  }
  on_both([&] {
    if (planted_ != Planted::no_drain) follow_to_the_end(from, to);
    assurance_.drained = true;
  });
}

void MoveModel::delete_rows(ModelShard& shard, ModelShard& owner) {
  if (planted_ != Planted::delete_at_once && source.now.phase != Phase::aborting)
    on_both([&] { owner.durable = owner.history.size() - 1; });
  on(shard, [](ShardState& now) {
    if (!now.rows.empty()) now.rows.erase(now.rows.begin());
  });
  on(shard, [](ShardState& now) { now.rows.clear(); });
  assurance_.rows_deleted = true;
}

void MoveModel::perform(Step step) {
  const auto set = [](bool ShardState::*member, bool value) {
    return [member, value](ShardState& now) { now.*member = value; };
  };
  const auto publish = [](ShardState& now) { now.published = now.full_identities = now.markers = true; };
  switch (step) {
    case Step::record_on_target:
      return on(target, set(&ShardState::recorded, true));
    case Step::receive:
      return take(target, SlotState::incoming);
    case Step::publish:
      return on(source, publish);
    case Step::copy:
      return copy();
    case Step::subscribe:
      return subscribe(target);
    case Step::catch_up:
      return on_both([&] {
        follow_to_the_end(source, target);
        assurance_.caught_up = true;
      });
    // Comparing is no proof here: the decisions have to be right without it.
    case Step::verify:
    case Step::verify_reverse:
      return on_both([&] {
        assurance_.verified = true;
        assurance_.caught_up = step == Step::verify_reverse;
      });
    case Step::publish_reverse:
      return on(target, publish);
    case Step::make_reverse_replication_slot:
      return on(target, [&](ShardState&) { target.replication_slot = target.log.size(); });
    case Step::fence:
      return fence(source);
    case Step::drain:
      return drain(source, target);
    case Step::hand_over:
      return on(source, [](ShardState& now) {
        now.slots = SlotState::moved;
        now.phase = Phase::switching;
      });
    case Step::own:
      if (planted_ != Planted::own_at_once) see_handed_over(source);
      return on(target, [&](ShardState& now) {
        not_long_after(source);
        now.slots = SlotState::owned;
        now.reverse_from = target.log.size();
      });
    case Step::start_over:
      return start_over();
    case Step::unfence:
      return unfence(source);
    case Step::release_on_source:
      return on(source, [](ShardState& now) {
        now.slots = SlotState::moved;
        now.phase = Phase::switching;
      });
    case Step::take_back:
      on(source, [](ShardState& now) {
        now.slots = SlotState::owned;
        now.phase = Phase::moving;
      });
      assurance_ = {};
      return;
    case Step::unsubscribe:
      return on(target, set(&ShardState::subscribed, false));
    case Step::drop_replication_slot:
      return on(source, [&](ShardState&) { source.replication_slot.reset(); });
    case Step::unpublish:
      return on(source, set(&ShardState::published, false));
    case Step::subscribe_reverse:
      on(target, [&](ShardState& now) {
        if (target.replication_slot)
          target.replication_slot = std::max(*target.replication_slot, now.reverse_from);
      });
      return subscribe(source);
    case Step::open_window:
      return on(source, [](ShardState& now) { now.phase = Phase::reversible; });
    case Step::catch_up_reverse:
      return on_both([&] {
        follow_to_the_end(target, source);
        assurance_.caught_up = true;
      });
    case Step::fence_target:
      return fence(target);
    case Step::drain_reverse:
      return drain(target, source);
    case Step::hand_back:
      return take(target, SlotState::moved);
    case Step::unfence_target:
      return unfence(target);
    case Step::own_source:
      if (planted_ != Planted::own_source_at_once) see_handed_over(target);
      return on(source, [&](ShardState& now) {
        not_long_after(target);
        now.slots = SlotState::owned;
        now.phase = Phase::returning;
      });
    case Step::take_back_target:
      return take(target, SlotState::owned);
    case Step::release_on_target:
      return take(target, SlotState::moved);
    case Step::unsubscribe_reverse:
      return on(source, set(&ShardState::subscribed, false));
    case Step::drop_reverse_replication_slot:
      return on(target, [&](ShardState&) { target.replication_slot.reset(); });
    case Step::unpublish_reverse:
      return on(target, set(&ShardState::published, false));
    case Step::delete_source_rows:
      return delete_rows(source, target);
    case Step::forget_on_source:
      return take(source, SlotState::absent);
    case Step::delete_target_rows:
      return delete_rows(target, source);
    case Step::forget_on_target:
      return take(target, SlotState::absent);
    case Step::restore_identities:
      on(source, set(&ShardState::full_identities, false));
      return on(target, set(&ShardState::full_identities, false));
    case Step::erase:
      on(target, [](ShardState& now) { now.recorded = now.copied = now.markers = false; });
      return on(source, set(&ShardState::markers, false));
    case Step::close:
      if (planted_ != Planted::close_at_once) on_both([&] { target.durable = target.history.size() - 1; });
      return on(source, [](ShardState& now) {
        now.phase = now.phase == Phase::finishing  ? Phase::finished
                    : now.phase == Phase::aborting ? Phase::aborted
                                                   : Phase::reversed;
      });
    case Step::rest:
      return;
  }
}

}  // namespace shardplex::test
