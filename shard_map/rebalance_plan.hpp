// Which slots should move where, so that shards carry alike. Pure and deterministic.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shard_map/shard_map.hpp"
#include "shard_map/slot_set.hpp"
#include "shard_map/yaml_map.hpp"

namespace shardplex {

/// Slots of one group that go from one shard to another in one move. Shards by name, as the plan may name
/// ones that the map does not have yet.
struct PlannedMove {
  std::string group;
  SlotSet slots;
  std::string source, target;
  bool operator==(const PlannedMove&) const = default;
};

/// A group as it is: who owns each slot, and what the slot weighs (rows, bytes or requests).
struct GroupLoad {
  std::string name;
  std::vector<ShardId> owners;         ///< slot -> index into ClusterLoad::shards
  std::vector<std::uint64_t> weights;  ///< by slot
};

struct BalancedShard {
  std::string name;
  bool drained = false;  ///< it has to end without slots, and its fair share is nothing
};

/// What is to be balanced. A shard that was just added owns nothing yet.
struct ClusterLoad {
  std::vector<BalancedShard> shards;
  std::vector<GroupLoad> groups;
};

/// What one shard has of one group.
struct ShardLoad {
  std::uint32_t slots = 0;
  std::uint64_t weight = 0;
  bool operator==(const ShardLoad&) const = default;
};
using ShardLoads = std::vector<std::vector<ShardLoad>>;  ///< by group, then by shard

/// A slot that outweighs a shard's fair share of its group: no plan can balance it, as slots are not divided.
struct HotSlot {
  std::string group;
  Slot slot;
  std::string shard;  ///< its owner after the plan
  std::uint64_t weight = 0, group_weight = 0;
  std::size_t sharing = 0;  ///< shards that the group is to be shared out to
  /// What is wrong and what to do about it, in a sentence or two.
  std::string to_string() const;
};

struct BalancePlan {
  std::vector<PlannedMove> moves;  ///< in the order in which they help most
  std::vector<HotSlot> hot;        ///< by group, heaviest first
  ShardLoads before, after;
  /// How often the planner looked at a slot, a shard or a move: what planning costs, told without a clock.
  std::uint64_t steps = 0;
};

/// Shares every group out to the shards that are not drained.
///
/// A shard's fair share of a group is an equal part of its weight; a group that weighs nothing is shared out
/// by number of slots. Shards less than 5 % from their fair share do not start a move. Otherwise slots go
/// from shards above their share to shards below it, and no shard both gives and receives, so that what moves
/// is what has to: Σ max(0, weight - fair share), plus less than a slot per receiving shard where slots are
/// too heavy to fit. In the end a shard is within 5 % of its fair share or within the weight of one slot,
/// where no slot outweighs a fair share. Slots that do are given a shard to themselves, as far as that helps.
/// Slots without weight only leave drained shards.
///
/// Balance is measured by (Σ over groups and shards of (weight - fair share)², slots on drained shards),
/// smaller being better, the first number first. Every prefix of the plan is better balanced than the one
/// before.
///
/// Equal choices go to the shard with least of all groups together, then by order of shards and slots; the
/// same input always has the same plan. With `max_moves`, those are kept that help most.
///
/// Preconditions: a shard is left that is not drained; owners are shards of the cluster; one weight per slot.
BalancePlan plan_balance(const ClusterLoad& cluster, std::optional<std::size_t> max_moves = std::nullopt);

/// The loads as they are after `moves`, of which each names a group and shards of the cluster.
ShardLoads loads_after(const ClusterLoad& cluster, std::span<const PlannedMove> moves);

/// The moves that bring `slots` of a group to a shard: one from each of their present owners but the target.
std::vector<PlannedMove> moves_to(const ClusterLoad& cluster, const GroupLoad& group, const SlotSet& slots,
                                  std::string_view target);

/// What `shardplex rebalance run` carries out, in this order: adds the shards, then makes the moves.
struct RebalancePlan {
  std::string cluster;
  std::vector<Shard> added;          ///< shards that the map does not have yet
  std::vector<std::string> drained;  ///< shards that end up without slots
  std::vector<PlannedMove> moves;
};

/// The plan as YAML, and back; the latter reports every problem with path and line. A plan of another version
/// or with unknown keys is refused. An added shard that the map has by now, with the same servers, is no
/// problem and not told as added.
std::string to_yaml(const RebalancePlan& plan);
std::variant<RebalancePlan, std::vector<MapProblem>> read_rebalance_plan(std::string_view yaml,
                                                                         const ShardMap& map);

}  // namespace shardplex
