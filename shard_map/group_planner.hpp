// How the slots of one group are moved, so that every shard comes to its fair share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "shard_map/rebalance_plan.hpp"

namespace shardplex {

// Weights are multiplied by the number of shards that share, so that a fair share is a whole number and every
// comparison exact; 128 bits hold the sum of any weights.
__extension__ using ExactWeight = __int128;

/// Slots of one group that go from one shard to another.
struct SlotFlow {
  std::size_t source, target;
  ExactWeight weight;
  std::vector<std::uint32_t> slots;
};

/// Plans one group. Every step taken improves balance by itself: a slot that leaves a shard above its share
/// and does not raise the target above its own; or a slot that leaves a drained shard for one below its
/// share.
class GroupPlanner {
 public:
  /// `totals`: what each shard has of all groups, kept up to date.
  GroupPlanner(const ClusterLoad& cluster, const GroupLoad& group, std::vector<ExactWeight>& totals,
               std::uint64_t& steps);

  std::vector<SlotFlow> plan();

  /// By how much the flow improves Σ (weight - fair share)², halved.
  static double gain(const SlotFlow& flow, const std::vector<ExactWeight>& excess) {
    return static_cast<double>(flow.weight) *
           static_cast<double>(excess[flow.source] - excess[flow.target] - flow.weight);
  }
  /// By shard: weight - fair share, as the group was found.
  const std::vector<ExactWeight>& excess_before() const { return excess_before_; }

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

  ExactWeight excess(std::size_t shard) const { return loads_[shard] - shares_[shard]; }
  ExactWeight lightest(std::size_t shard) const { return weights_[lightest_[shard]]; }
  bool far_off(std::size_t shard) const;
  void find_lightest(std::size_t shard);
  bool fill(std::size_t source, std::size_t target, ExactWeight room);
  void move(std::uint32_t slot, std::size_t source, std::size_t target);
  void move_lightest(std::size_t source, std::size_t target);
  template <class Eligible>
  std::size_t most_loaded(Eligible eligible);
  template <class Eligible>
  std::size_t least_loaded(Eligible eligible);

  std::vector<SlotFlow> joined_steps();
  std::vector<SlotFlow> best_first(const std::vector<SlotFlow>& flows);
  bool improves_throughout(const std::vector<SlotFlow>& flows);

  const ClusterLoad& cluster_;
  std::vector<ExactWeight>& totals_;
  std::uint64_t& steps_;

  std::vector<std::size_t> owners_;   // slot -> shard
  std::vector<ExactWeight> weights_;  // by slot
  std::size_t sharing_ = 0;           // shards that are not drained
  ExactWeight fair_ = 0;              // share of each shard without a hot slot
  std::vector<std::uint32_t> hot_;    // heaviest first

  // By shard.
  std::vector<ExactWeight> excess_before_;
  std::vector<ExactWeight> loads_;
  std::vector<ExactWeight> shares_;              // what it should have
  std::vector<std::vector<std::uint32_t>> own_;  // slots with weight that it may still give, ascending
  std::vector<std::uint32_t> lightest_;          // of own_ the first of the lightest, where there are any
  std::vector<std::vector<std::uint32_t>> empty_;
  std::vector<std::uint32_t> slot_counts_;
  std::vector<bool> source_;  // it gives and never receives
  std::vector<bool> active_;  // it was far off when roles were assigned, or is drained

  std::vector<SlotFlow> moved_;  // one slot each, in the order of moving
};

/// Takes the flow's weight from one shard's excess to the other's.
void carry_out(const SlotFlow& flow, std::vector<ExactWeight>& excess);

}  // namespace shardplex
