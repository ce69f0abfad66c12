#include "shard_map/rebalance_plan.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <utility>

#include "shard_map/group_planner.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

/// The flows of all groups in one order: those of a group as they are, and of the groups' next ones always
/// that which improves most.
class Merge {
 public:
  void add(std::vector<SlotFlow> flows, std::vector<ExactWeight> excess) {
    groups_.push_back({std::move(flows), std::move(excess), 0});
  }

  /// Calls f(index of the group, flow) for each in turn, as long as it returns true.
  template <class F>
  void for_each(F f) {
    while (const auto group = next()) {
      Pending& pending = groups_[*group];
      const SlotFlow& flow = pending.flows[pending.next++];
      if (!f(*group, flow)) return;
      carry_out(flow, pending.excess);
    }
  }

 private:
  struct Pending {
    std::vector<SlotFlow> flows;
    std::vector<ExactWeight> excess;
    std::size_t next;
  };

  std::optional<std::size_t> next() const {
    std::optional<std::size_t> best;
    double best_gain = 0;
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      const Pending& pending = groups_[g];
      if (pending.next == pending.flows.size()) continue;
      const double gain = GroupPlanner::gain(pending.flows[pending.next], pending.excess);
      if (best && gain <= best_gain) continue;
      best = g;
      best_gain = gain;
    }
    return best;
  }

  std::vector<Pending> groups_;
};

PlannedMove to_move(const ClusterLoad& cluster, const GroupLoad& group, const SlotFlow& flow) {
  SlotSet slots = SlotSet::none(static_cast<std::uint32_t>(group.owners.size()));
  for (const std::uint32_t slot : flow.slots) slots.insert(Slot{slot});
  return {group.name, std::move(slots), cluster.shards[flow.source].name, cluster.shards[flow.target].name};
}

void check(const ClusterLoad& cluster) {
  invariant(!std::ranges::all_of(cluster.shards, &BalancedShard::drained), "a shard is left to balance on");
  for (const GroupLoad& group : cluster.groups) {
    invariant(group.weights.size() == group.owners.size(), "every slot has a weight");
    for (const ShardId owner : group.owners)
      invariant(owner.value < cluster.shards.size(), "slots are owned by shards of the cluster");
  }
}

/// Each group's slots with their owners after `moves`.
std::vector<std::vector<ShardId>> owners_after(const ClusterLoad& cluster,
                                               std::span<const PlannedMove> moves) {
  std::vector<std::vector<ShardId>> owners;
  for (const GroupLoad& group : cluster.groups) owners.push_back(group.owners);
  for (const PlannedMove& move : moves) {
    const auto group = std::ranges::find(cluster.groups, move.group, &GroupLoad::name);
    const auto target = std::ranges::find(cluster.shards, move.target, &BalancedShard::name);
    invariant(group != cluster.groups.end() && target != cluster.shards.end(),
              "moves are of groups of the cluster and between its shards");
    const ShardId to{static_cast<std::uint16_t>(target - cluster.shards.begin())};
    auto& of_group = owners[static_cast<std::size_t>(group - cluster.groups.begin())];
    move.slots.for_each([&](Slot slot) { of_group[slot.value] = to; });
  }
  return owners;
}

void find_hot_slots(const ClusterLoad& cluster, BalancePlan& plan) {
  const auto sharing =
      static_cast<std::size_t>(std::ranges::count(cluster.shards, false, &BalancedShard::drained));
  const auto owners = owners_after(cluster, plan.moves);
  for (std::size_t g = 0; g < cluster.groups.size(); ++g) {
    const GroupLoad& group = cluster.groups[g];
    std::uint64_t total = 0;
    for (const std::uint64_t weight : group.weights) total += weight;
    std::vector<HotSlot> hot;
    for (std::uint32_t slot = 0; slot < group.weights.size(); ++slot)
      if (static_cast<ExactWeight>(group.weights[slot]) * static_cast<ExactWeight>(sharing) >
          static_cast<ExactWeight>(total))
        hot.push_back({group.name, Slot{slot}, cluster.shards[owners[g][slot].value].name,
                       group.weights[slot], total, sharing});
    std::ranges::stable_sort(hot, std::greater{}, &HotSlot::weight);
    plan.hot.insert(plan.hot.end(), hot.begin(), hot.end());
  }
}

std::string percent(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

}  // namespace

std::string HotSlot::to_string() const {
  const auto shards = static_cast<double>(sharing);
  return group + ": slot " + std::to_string(slot.value) + " on " + shard + " alone is " +
         percent(static_cast<double>(weight) / static_cast<double>(group_weight)) +
         " of the group, and a shard's fair share is " + percent(1 / shards) +
         ". A slot is not divided: give " + shard +
         " a bigger server, or replicas if the load is reads, or find the key that fills the slot (most rows "
         "of a key by shardplex_slot) and lessen its part";
}

BalancePlan plan_balance(const ClusterLoad& cluster, std::optional<std::size_t> max_moves) {
  check(cluster);
  BalancePlan plan;
  std::vector<ExactWeight> totals(cluster.shards.size());
  const auto sharing = std::ranges::count(cluster.shards, false, &BalancedShard::drained);
  for (const GroupLoad& group : cluster.groups)
    for (std::size_t slot = 0; slot < group.owners.size(); ++slot)
      totals[group.owners[slot].value] += static_cast<ExactWeight>(sharing) * group.weights[slot];
  Merge merge;
  for (const GroupLoad& group : cluster.groups) {
    GroupPlanner planner(cluster, group, totals, plan.steps);
    auto flows = planner.plan();
    merge.add(std::move(flows), planner.excess_before());
  }
  merge.for_each([&](std::size_t group, const SlotFlow& flow) {
    if (plan.moves.size() == max_moves) return false;
    plan.moves.push_back(to_move(cluster, cluster.groups[group], flow));
    return true;
  });
  plan.before = loads_after(cluster, {});
  plan.after = loads_after(cluster, plan.moves);
  find_hot_slots(cluster, plan);
  return plan;
}

ShardLoads loads_after(const ClusterLoad& cluster, std::span<const PlannedMove> moves) {
  const auto owners = owners_after(cluster, moves);
  ShardLoads loads;
  for (std::size_t g = 0; g < cluster.groups.size(); ++g) {
    auto& of_group = loads.emplace_back(cluster.shards.size());
    for (std::size_t slot = 0; slot < owners[g].size(); ++slot) {
      ShardLoad& load = of_group[owners[g][slot].value];
      ++load.slots;
      load.weight += cluster.groups[g].weights[slot];
    }
  }
  return loads;
}

std::vector<PlannedMove> moves_to(const ClusterLoad& cluster, const GroupLoad& group, const SlotSet& slots,
                                  std::string_view target) {
  std::vector<PlannedMove> moves;
  for (std::size_t shard = 0; shard < cluster.shards.size(); ++shard) {
    const std::string& source = cluster.shards[shard].name;
    PlannedMove move{group.name, SlotSet::none(slots.slot_count()), source, std::string(target)};
    slots.for_each([&](Slot slot) {
      if (group.owners[slot.value].value == shard) move.slots.insert(slot);
    });
    if (source != target && !move.slots.empty()) moves.push_back(std::move(move));
  }
  return moves;
}

}  // namespace shardplex
