#include "shard_map/group_planner.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

namespace shardplex {
namespace {

/// A shard starts a move when it is more than the 20th part, 5 %, from its fair share.
constexpr ExactWeight tolerance_divisor = 20;

}  // namespace

void carry_out(const SlotFlow& flow, std::vector<ExactWeight>& excess) {
  excess[flow.source] -= flow.weight;
  excess[flow.target] += flow.weight;
}

GroupPlanner::GroupPlanner(const ClusterLoad& cluster, const GroupLoad& group,
                           std::vector<ExactWeight>& totals, std::uint64_t& steps)
    : cluster_(cluster), totals_(totals), steps_(steps) {
  const std::size_t shards = cluster.shards.size();
  sharing_ = static_cast<std::size_t>(std::ranges::count(cluster.shards, false, &BalancedShard::drained));
  const bool weightless = std::ranges::all_of(group.weights, [](std::uint64_t w) { return w == 0; });
  loads_.resize(shards);
  own_.resize(shards);
  lightest_.resize(shards);
  empty_.resize(shards);
  slot_counts_.resize(shards);
  ExactWeight total = 0;
  for (std::uint32_t slot = 0; slot < group.owners.size(); ++slot) {
    const std::size_t owner = group.owners[slot].value;
    const ExactWeight weight = static_cast<ExactWeight>(sharing_) * (weightless ? 1 : group.weights[slot]);
    owners_.push_back(owner);
    weights_.push_back(weight);
    loads_[owner] += weight;
    total += weight;
    ++slot_counts_[owner];
    (weight > 0 ? own_ : empty_)[owner].push_back(slot);
  }
  for (std::size_t shard = 0; shard < shards; ++shard) find_lightest(shard);
  const ExactWeight fair_share = total / static_cast<ExactWeight>(sharing_);
  for (std::size_t shard = 0; shard < shards; ++shard)
    excess_before_.push_back(loads_[shard] - (cluster.shards[shard].drained ? 0 : fair_share));
}

std::vector<SlotFlow> GroupPlanner::plan() {
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
  ExactWeight rest = 0;
  for (std::uint32_t slot = 0; slot < weights_.size(); ++slot) {
    by_weight.push_back(slot);
    rest += weights_[slot];
  }
  std::ranges::stable_sort(by_weight, std::greater{}, [&](std::uint32_t slot) { return weights_[slot]; });
  steps_ += by_weight.size();
  auto shards = static_cast<ExactWeight>(sharing_);
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
  const ExactWeight off = excess(shard);
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
bool GroupPlanner::fill(std::size_t source, std::size_t target, ExactWeight room) {
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
    for (const SlotFlow& flow : moved_)
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
  const ExactWeight weight = weights_[slot];
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
std::vector<SlotFlow> GroupPlanner::joined_steps() {
  std::vector<SlotFlow> flows;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> last_of;  // pair -> index of its last flow
  const auto join = [](SlotFlow& flow, const SlotFlow& step) {
    flow.weight += step.weight;
    flow.slots.push_back(step.slots.front());
  };
  for (const SlotFlow& step : moved_) {
    const auto [at, is_new] = last_of.try_emplace({step.source, step.target}, flows.size());
    if (!is_new) {
      SlotFlow& flow = flows[at->second];
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

bool GroupPlanner::improves_throughout(const std::vector<SlotFlow>& flows) {
  std::vector<ExactWeight> excess = excess_before_;
  steps_ += flows.size();
  for (const SlotFlow& flow : flows) {
    if (flow.weight > 0 && excess[flow.source] - excess[flow.target] <= flow.weight) return false;
    carry_out(flow, excess);
  }
  return true;
}

/// The flows so that each next one improves most; in the given order where that would leave one to the end
/// that does not improve.
std::vector<SlotFlow> GroupPlanner::best_first(const std::vector<SlotFlow>& flows) {
  std::vector<ExactWeight> excess = excess_before_;
  std::vector<SlotFlow> rest = flows, ordered;
  while (!rest.empty()) {
    const auto best =
        std::ranges::max_element(rest, {}, [&](const SlotFlow& flow) { return gain(flow, excess); });
    steps_ += rest.size();
    carry_out(*best, excess);
    ordered.push_back(std::move(*best));
    rest.erase(best);
  }
  return improves_throughout(ordered) ? ordered : flows;
}

}  // namespace shardplex
