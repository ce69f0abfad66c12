#include "router/execution/servers.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace shardplex::router {

std::vector<std::size_t> read_candidates(const View& view, ShardId shard, Consistency consistency,
                                         std::minstd_rand& random) {
  const auto& state = view.state(shard);
  std::vector<std::size_t> candidates;
  if (consistency == Consistency::any)
    for (std::size_t i = 0; i < state.servers.size(); ++i)
      if (state.servers[i].readable && !state.servers[i].writable) candidates.push_back(i);
  if (candidates.size() > 1) std::shuffle(candidates.begin(), candidates.end(), random);
  if (state.primary) candidates.push_back(*state.primary);
  return candidates;
}

std::optional<std::size_t> best_reader(const View& view, ShardId shard, Consistency consistency,
                                       std::minstd_rand& random) {
  const auto& state = view.state(shard);
  if (consistency == Consistency::strong) return state.primary;
  const auto is_replica = [](const ServerState& server) { return server.readable && !server.writable; };
  const auto replicas = static_cast<std::size_t>(std::ranges::count_if(state.servers, is_replica));
  if (replicas == 0) return state.primary;
  auto chosen = replicas == 1 ? 0 : random() % replicas;
  for (std::size_t i = 0;; ++i)
    if (is_replica(state.servers[i]) && chosen-- == 0) return i;
}

Error nobody_up(const View& view, ShardId shard) {
  // Why not, with addresses, is for /ready and the log, not for clients.
  const auto& name = view.map().shard(shard).name;
  return shard_unavailable(name, "Shard " + name + " has no server that can answer.");
}

Attempt<std::vector<Target>> read_targets(const View& view, const CandidateSlots& where) {
  const auto& ownership = *view.snapshot->ownership;
  auto placed = place(where.slots, where.group, view.map(), ownership, false);
  if (const auto* fault = std::get_if<RouteFault>(&placed)) return failed_attempt(*fault);
  auto targets = std::move(std::get<Route>(placed).targets);
  const auto has_primary = [](const ShardState& state) { return state.primary.has_value(); };
  const auto has_reader = [](const ShardState& state) {
    return std::ranges::any_of(state.servers, &ServerState::readable);
  };
  const auto ask_one_that = [&](auto can_answer) {
    for (std::size_t i = 0; targets.empty() && i < view.shards.size(); ++i) {
      const ShardId shard{static_cast<std::uint16_t>(i)};
      const auto epoch = ownership.epoch(shard);
      if (epoch && can_answer(view.state(shard)))
        targets.push_back({shard, *epoch, ownership.clean(where.group, shard), where.slots});
    }
  };
  ask_one_that(has_primary);
  ask_one_that(has_reader);
  if (targets.empty()) return nobody_up(view, ShardId{0});
  return targets;
}

namespace {

void miss(RequestContext& context, const View& view, ShardId shard) {
  context.partial.given_up.insert(shard);
  context.partial.missing.insert(view.map().shard(shard).name);
}

/// The slots but those of shards that have never been reached, which are missed. A slot that has left the
/// shard which it was placed on may be on any of these.
SlotSet slots_of_reached(RequestContext& context, const View& view, const CandidateSlots& where) {
  const auto& ownership = *view.snapshot->ownership;
  if (!where.slots.intersects(ownership.faulty(where.group))) return where.slots;
  const auto& placement = view.map().group(where.group).placement;
  auto slots = SlotSet::none(where.slots.slot_count());
  std::set<ShardId> silent;
  bool may_be_any = false;
  where.slots.for_each([&](Slot slot) {
    const auto& owner = ownership.owner(where.group, slot);
    if (owner.fault != Ownership::Fault::shard_unknown) return slots.insert(slot);
    silent.insert(owner.shard);
    may_be_any |= owner.shard != placement[slot.value];
  });
  for (std::size_t i = 0; may_be_any && i < view.shards.size(); ++i) {
    const ShardId shard{static_cast<std::uint16_t>(i)};
    if (!ownership.epoch(shard)) silent.insert(shard);
  }
  for (const auto shard : silent) miss(context, view, shard);
  return slots;
}

/// Whether the request does without the shard, or has to from now on.
bool is_given_up(const RequestContext& context, const View& view, ShardId shard) {
  if (context.partial.given_up.contains(shard)) return true;
  if (best_reader(view, shard, context.consistency, context.worker.random())) return false;
  return context.consistency == Consistency::strong ||
         context.worker.outages().lasts(view.map().shard(shard).name, Clock::now());
}

}  // namespace

Attempt<std::vector<Target>> read_targets(RequestContext& context, const View& view,
                                          const CandidateSlots& where) {
  if (!context.partial.allowed || where.slots.empty()) return read_targets(view, where);
  const CandidateSlots reached{where.group, slots_of_reached(context, view, where)};
  if (reached.slots.empty()) return nobody_up(view, *context.partial.given_up.begin());
  auto targets = read_targets(view, reached);
  if (!targets) return targets;
  const auto first = targets->front().shard;
  std::erase_if(*targets, [&](const Target& target) {
    const bool lacks = is_given_up(context, view, target.shard);
    if (lacks) miss(context, view, target.shard);
    return lacks;
  });
  if (targets->empty()) return nobody_up(view, first);
  return targets;
}

}  // namespace shardplex::router
