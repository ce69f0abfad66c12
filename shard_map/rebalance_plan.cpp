#include "shard_map/rebalance_plan.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

// Weights are multiplied by the number of shards that share, so that a fair share is a whole number and every
// comparison exact; 128 bits hold the sum of any weights.
__extension__ using Weight = __int128;

/// A shard starts a move when it is more than the 20th part, 5 %, from its fair share.
constexpr Weight tolerance_divisor = 20;

/// Slots of one group that go from one shard to another.
struct Flow {
  std::size_t source, target;
  Weight weight;
  std::vector<std::uint32_t> slots;
};

/// Plans one group. Every step taken improves balance by itself: a slot that leaves a shard above its share
/// and does not raise the target above its own; or a slot that leaves a drained shard for one below its
/// share.
class GroupPlanner {
 public:
  /// `totals`: what each shard has of all groups, kept up to date.
  GroupPlanner(const ClusterLoad& cluster, const GroupLoad& group, std::vector<Weight>& totals,
               std::uint64_t& steps);

  std::vector<Flow> plan();

  /// By how much the flow improves Σ (weight - fair share)², halved.
  static double gain(const Flow& flow, const std::vector<Weight>& excess) {
    return static_cast<double>(flow.weight) *
           static_cast<double>(excess[flow.source] - excess[flow.target] - flow.weight);
  }
  /// By shard: weight - fair share, as the group was found.
  const std::vector<Weight>& excess_before() const { return excess_before_; }

 private:
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

  void find_hot_slots();
  void house_hot_slots();
  void assign_roles();
  void move_in_bulk();
  void place_leftovers();
  void relieve_sources();
  void top_up_targets();
  void place_empty_slots();

  Weight excess(std::size_t shard) const { return loads_[shard] - shares_[shard]; }
  Weight lightest(std::size_t shard) const { return weights_[lightest_[shard]]; }
  bool far_off(std::size_t shard) const;
  void find_lightest(std::size_t shard);
  bool fill(std::size_t source, std::size_t target, Weight room);
  void move(std::uint32_t slot, std::size_t source, std::size_t target);
  void move_lightest(std::size_t source, std::size_t target);
  template <class Eligible>
  std::size_t most_loaded(Eligible eligible);
  template <class Eligible>
  std::size_t least_loaded(Eligible eligible);

  std::vector<Flow> joined_steps();
  std::vector<Flow> best_first(const std::vector<Flow>& flows);
  bool improves_throughout(const std::vector<Flow>& flows);

  const ClusterLoad& cluster_;
  std::vector<Weight>& totals_;
  std::uint64_t& steps_;

  std::vector<std::size_t> owners_;  // slot -> shard
  std::vector<Weight> weights_;      // by slot
  std::size_t sharing_ = 0;          // shards that are not drained
  Weight fair_ = 0;                  // share of each shard without a hot slot
  std::vector<std::uint32_t> hot_;   // heaviest first

  // By shard.
  std::vector<Weight> excess_before_;
  std::vector<Weight> loads_;
  std::vector<Weight> shares_;                   // what it should have
  std::vector<std::vector<std::uint32_t>> own_;  // slots with weight that it may still give, ascending
  std::vector<std::uint32_t> lightest_;          // of own_ the first of the lightest, where there are any
  std::vector<std::vector<std::uint32_t>> empty_;
  std::vector<std::uint32_t> slot_counts_;
  std::vector<bool> source_;  // it gives and never receives
  std::vector<bool> active_;  // it was far off when roles were assigned, or is drained

  std::vector<Flow> moved_;  // one slot each, in the order of moving
};

GroupPlanner::GroupPlanner(const ClusterLoad& cluster, const GroupLoad& group, std::vector<Weight>& totals,
                           std::uint64_t& steps)
    : cluster_(cluster), totals_(totals), steps_(steps) {
  const std::size_t shards = cluster.shards.size();
  sharing_ = static_cast<std::size_t>(std::ranges::count(cluster.shards, false, &BalancedShard::drained));
  const bool weightless = std::ranges::all_of(group.weights, [](std::uint64_t w) { return w == 0; });
  loads_.resize(shards);
  own_.resize(shards);
  lightest_.resize(shards);
  empty_.resize(shards);
  slot_counts_.resize(shards);
  Weight total = 0;
  for (std::uint32_t slot = 0; slot < group.owners.size(); ++slot) {
    const std::size_t owner = group.owners[slot].value;
    const Weight weight = static_cast<Weight>(sharing_) * (weightless ? 1 : group.weights[slot]);
    owners_.push_back(owner);
    weights_.push_back(weight);
    loads_[owner] += weight;
    total += weight;
    ++slot_counts_[owner];
    (weight > 0 ? own_ : empty_)[owner].push_back(slot);
  }
  for (std::size_t shard = 0; shard < shards; ++shard) find_lightest(shard);
  const Weight fair_share = total / static_cast<Weight>(sharing_);
  for (std::size_t shard = 0; shard < shards; ++shard)
    excess_before_.push_back(loads_[shard] - (cluster.shards[shard].drained ? 0 : fair_share));
}

std::vector<Flow> GroupPlanner::plan() {
  find_hot_slots();
  house_hot_slots();
  assign_roles();
  move_in_bulk();
  place_leftovers();
  relieve_sources();
  top_up_targets();
  place_empty_slots();
  return best_first(joined_steps());
}

/// A slot is hot when it outweighs an equal part of what the hotter ones leave for the other shards.
void GroupPlanner::find_hot_slots() {
  std::vector<std::uint32_t> by_weight;
  Weight rest = 0;
  for (std::uint32_t slot = 0; slot < weights_.size(); ++slot) {
    by_weight.push_back(slot);
    rest += weights_[slot];
  }
  std::ranges::stable_sort(by_weight, std::greater{}, [&](std::uint32_t slot) { return weights_[slot]; });
  steps_ += by_weight.size();
  auto shards = static_cast<Weight>(sharing_);
  for (const std::uint32_t slot : by_weight) {
    if (weights_[slot] * shards <= rest) break;
    hot_.push_back(slot);
    rest -= weights_[slot];
    --shards;
  }
  fair_ = rest / shards;
  for (const auto& shard : cluster_.shards) shares_.push_back(shard.drained ? 0 : fair_);
}

/// Each hot slot gets a shard to itself, and stays where it is if it can. There are fewer of them than
/// shards: what is left for the last shard is never outweighed by a part of it.
void GroupPlanner::house_hot_slots() {
  std::vector<bool> housed(cluster_.shards.size());
  const auto house = [&](std::uint32_t slot, std::size_t shard) {
    housed[shard] = true;
    shares_[shard] = weights_[slot];
  };
  std::vector<std::uint32_t> homeless;
  for (const std::uint32_t slot : hot_) {
    const std::size_t owner = owners_[slot];
    std::erase(own_[owner], slot);
    find_lightest(owner);
    if (cluster_.shards[owner].drained || housed[owner])
      homeless.push_back(slot);
    else
      house(slot, owner);
  }
  for (const std::uint32_t slot : homeless) {
    const std::size_t home = least_loaded([&](std::size_t s) { return !housed[s]; });
    move(slot, owners_[slot], home);
    house(slot, home);
  }
}

bool GroupPlanner::far_off(std::size_t shard) const {
  const Weight off = excess(shard);
  return tolerance_divisor * (off < 0 ? -off : off) > fair_;
}

void GroupPlanner::assign_roles() {
  for (std::size_t shard = 0; shard < cluster_.shards.size(); ++shard) {
    const bool drained = cluster_.shards[shard].drained;
    source_.push_back(drained || excess(shard) > 0);
    active_.push_back(drained || far_off(shard));
  }
}

/// The most loaded shard gives to the least loaded one as much as both want, until all are near their share
/// or nothing fits. Each time at least one of the two is done, so there are few moves.
void GroupPlanner::move_in_bulk() {
  std::vector<bool> done(cluster_.shards.size());
  for (;;) {
    const auto target = least_loaded([&](std::size_t s) { return !source_[s] && excess(s) < 0; });
    if (target == nobody) return;
    const auto source = most_loaded([&](std::size_t s) {
      return source_[s] && !done[s] && excess(s) > 0 && (active_[s] || active_[target]);
    });
    if (source == nobody) return;
    if (!fill(source, target, std::min(excess(source), -excess(target)))) done[source] = true;
  }
}

/// Moves slots that together weigh `room` at most, in order of their numbers: so runs stay together, and
/// light and heavy ones go as they come. Afterwards none fits any more. False where none did.
bool GroupPlanner::fill(std::size_t source, std::size_t target, Weight room) {
  std::vector<std::uint32_t> kept;
  const std::size_t before = own_[source].size();
  for (const std::uint32_t slot : own_[source]) {
    if (weights_[slot] > room) {
      kept.push_back(slot);
      continue;
    }
    room -= weights_[slot];
    move(slot, source, target);
  }
  steps_ += before;
  own_[source] = std::move(kept);
  find_lightest(source);
  return own_[source].size() < before;
}

void GroupPlanner::find_lightest(std::size_t shard) {
  const auto& slots = own_[shard];
  steps_ += slots.size();
  if (!slots.empty())
    lightest_[shard] =
        *std::ranges::min_element(slots, {}, [&](std::uint32_t slot) { return weights_[slot]; });
}

/// What is too heavy to fit anywhere still has to leave a drained shard, and goes where most is missing.
void GroupPlanner::place_leftovers() {
  std::vector<std::uint32_t> slots;
  for (std::size_t shard = 0; shard < cluster_.shards.size(); ++shard)
    if (cluster_.shards[shard].drained) slots.insert(slots.end(), own_[shard].begin(), own_[shard].end());
  std::ranges::stable_sort(slots, std::greater{}, [&](std::uint32_t slot) { return weights_[slot]; });
  for (const std::uint32_t slot : slots)
    move(slot, owners_[slot], least_loaded([&](std::size_t s) { return !source_[s]; }));
}

/// A shard that is above its share by more than one of its slots gives, even if a target then has a little
/// more than its share.
void GroupPlanner::relieve_sources() {
  std::vector<bool> done(cluster_.shards.size());
  for (;;) {
    const auto source = most_loaded([&](std::size_t s) {
      return source_[s] && !done[s] && !own_[s].empty() && far_off(s) && excess(s) > lightest(s);
    });
    const auto target = least_loaded([&](std::size_t s) { return !source_[s] && excess(s) < 0; });
    if (source == nobody || target == nobody) return;
    if (loads_[target] + lightest(source) < loads_[source])
      move_lightest(source, target);
    else
      done[source] = true;
  }
}

/// A shard that was far below its share takes what fits, even if a source then has a little less than its
/// share: many sources may have a part of a slot too much each, and no whole one.
void GroupPlanner::top_up_targets() {
  std::vector<bool> done(cluster_.shards.size());
  for (;;) {
    const auto target =
        least_loaded([&](std::size_t s) { return !source_[s] && active_[s] && !done[s] && excess(s) < 0; });
    if (target == nobody) return;
    const auto source = most_loaded([&](std::size_t s) {
      return source_[s] && excess(s) > 0 && !own_[s].empty() && lightest(s) <= -excess(target);
    });
    if (source == nobody)
      done[target] = true;
    else
      move_lightest(source, target);
  }
}

/// Empty slots leave a drained shard along with others where there are any: they make no move of their own
/// then.
void GroupPlanner::place_empty_slots() {
  for (std::size_t source = 0; source < cluster_.shards.size(); ++source) {
    if (!cluster_.shards[source].drained || empty_[source].empty()) continue;
    std::vector<bool> receives(cluster_.shards.size());
    bool any = false;
    for (const Flow& flow : moved_)
      if (flow.source == source) receives[flow.target] = any = true;
    for (const std::uint32_t slot : empty_[source]) {
      std::size_t target = nobody;
      for (std::size_t s = 0; s < cluster_.shards.size(); ++s)
        if (!cluster_.shards[s].drained && (receives[s] || !any) &&
            (target == nobody || slot_counts_[s] < slot_counts_[target]))
          target = s;
      steps_ += cluster_.shards.size();
      move(slot, source, target);
    }
  }
}

void GroupPlanner::move(std::uint32_t slot, std::size_t source, std::size_t target) {
  const Weight weight = weights_[slot];
  loads_[source] -= weight;
  loads_[target] += weight;
  totals_[source] -= weight;
  totals_[target] += weight;
  --slot_counts_[source];
  ++slot_counts_[target];
  moved_.push_back({source, target, weight, {slot}});
}

void GroupPlanner::move_lightest(std::size_t source, std::size_t target) {
  const std::uint32_t slot = lightest_[source];
  move(slot, source, target);
  std::erase(own_[source], slot);
  find_lightest(source);
}

/// The eligible shard that is furthest above its share; `nobody` where none is eligible.
template <class Eligible>
std::size_t GroupPlanner::most_loaded(Eligible eligible) {
  std::size_t best = nobody;
  for (std::size_t s = 0; s < cluster_.shards.size(); ++s)
    if (eligible(s) &&
        (best == nobody || std::pair(excess(s), totals_[s]) > std::pair(excess(best), totals_[best])))
      best = s;
  steps_ += cluster_.shards.size();
  return best;
}

/// The eligible shard that is furthest below its share, drained ones left out.
template <class Eligible>
std::size_t GroupPlanner::least_loaded(Eligible eligible) {
  std::size_t best = nobody;
  for (std::size_t s = 0; s < cluster_.shards.size(); ++s)
    if (!cluster_.shards[s].drained && eligible(s) &&
        (best == nobody || std::pair(excess(s), totals_[s]) < std::pair(excess(best), totals_[best])))
      best = s;
  steps_ += cluster_.shards.size();
  return best;
}

/// One flow per pair of shards, where its steps may be taken at once: a step that is brought forward can
/// leave less to improve for those that it overtakes.
std::vector<Flow> GroupPlanner::joined_steps() {
  std::vector<Flow> flows;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> last_of;  // pair -> index of its last flow
  const auto join = [](Flow& flow, const Flow& step) {
    flow.weight += step.weight;
    flow.slots.push_back(step.slots.front());
  };
  for (const Flow& step : moved_) {
    const auto [at, is_new] = last_of.try_emplace({step.source, step.target}, flows.size());
    if (!is_new) {
      Flow& flow = flows[at->second];
      join(flow, step);
      // Next to each other, or without weight, they improve together as they did one by one.
      if (at->second + 1 == flows.size() || step.weight == 0 || improves_throughout(flows)) continue;
      flow.weight -= step.weight;
      flow.slots.pop_back();
      at->second = flows.size();
    }
    flows.push_back(step);
  }
  return flows;
}

void carry_out(const Flow& flow, std::vector<Weight>& excess) {
  excess[flow.source] -= flow.weight;
  excess[flow.target] += flow.weight;
}

bool GroupPlanner::improves_throughout(const std::vector<Flow>& flows) {
  std::vector<Weight> excess = excess_before_;
  steps_ += flows.size();
  for (const Flow& flow : flows) {
    if (flow.weight > 0 && excess[flow.source] - excess[flow.target] <= flow.weight) return false;
    carry_out(flow, excess);
  }
  return true;
}

/// The flows so that each next one improves most; in the given order where that would leave one to the end
/// that does not improve.
std::vector<Flow> GroupPlanner::best_first(const std::vector<Flow>& flows) {
  std::vector<Weight> excess = excess_before_;
  std::vector<Flow> rest = flows, ordered;
  while (!rest.empty()) {
    const auto best =
        std::ranges::max_element(rest, {}, [&](const Flow& flow) { return gain(flow, excess); });
    steps_ += rest.size();
    carry_out(*best, excess);
    ordered.push_back(std::move(*best));
    rest.erase(best);
  }
  return improves_throughout(ordered) ? ordered : flows;
}

/// The flows of all groups in one order: those of a group as they are, and of the groups' next ones always
/// that which improves most.
class Merge {
 public:
  void add(std::vector<Flow> flows, std::vector<Weight> excess) {
    groups_.push_back({std::move(flows), std::move(excess), 0});
  }

  /// Calls f(index of the group, flow) for each in turn, as long as it returns true.
  template <class F>
  void for_each(F f) {
    while (const auto group = next()) {
      Pending& pending = groups_[*group];
      const Flow& flow = pending.flows[pending.next++];
      if (!f(*group, flow)) return;
      carry_out(flow, pending.excess);
    }
  }

 private:
  struct Pending {
    std::vector<Flow> flows;
    std::vector<Weight> excess;
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

PlannedMove to_move(const ClusterLoad& cluster, const GroupLoad& group, const Flow& flow) {
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
      if (static_cast<Weight>(group.weights[slot]) * static_cast<Weight>(sharing) >
          static_cast<Weight>(total))
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
  std::vector<Weight> totals(cluster.shards.size());
  const auto sharing = std::ranges::count(cluster.shards, false, &BalancedShard::drained);
  for (const GroupLoad& group : cluster.groups)
    for (std::size_t slot = 0; slot < group.owners.size(); ++slot)
      totals[group.owners[slot].value] += static_cast<Weight>(sharing) * group.weights[slot];
  Merge merge;
  for (const GroupLoad& group : cluster.groups) {
    GroupPlanner planner(cluster, group, totals, plan.steps);
    auto flows = planner.plan();
    merge.add(std::move(flows), planner.excess_before());
  }
  merge.for_each([&](std::size_t group, const Flow& flow) {
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
