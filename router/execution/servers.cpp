#include "router/execution/servers.hpp"

#include <algorithm>
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

}  // namespace shardplex::router
