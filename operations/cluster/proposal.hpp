// Which slots should move where, with what they weigh: a plan, and all that there is to tell of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operations/cluster/slot_weights.hpp"
#include "shard_map/rebalance_plan.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// What is shared out.
enum class Measure : std::uint8_t { rows, bytes, load };

std::string_view to_string(Measure measure);
std::optional<Measure> parse_measure(std::string_view name);

/// Slots that are to go to one shard, whatever the balance.
struct MoveByHand {
  GroupId group;
  SlotSet slots;
  std::string target;
};

struct ProposalRequest {
  std::vector<Shard> added;
  std::vector<std::string> drained;
  Measure by = Measure::rows;
  std::vector<std::string> routers;      ///< URLs of all routers' admin ports, for Measure::load
  std::optional<MoveByHand> by_hand;     ///< instead of balancing
  std::optional<std::size_t> max_moves;  ///< nullopt: as many as it takes
};

/// What slots of a plan amount to.
struct Amount {
  std::uint64_t slots = 0, rows = 0, bytes = 0, requests = 0;
};

/// Loads of every shard, before or after the moves.
struct MeasuredLoads {
  ShardLoads rows, bytes;
  ShardLoads load;  ///< empty where it was not asked for

  const ShardLoads& by(Measure measure) const;
};

/// What was found and what is planned.
struct Proposal {
  const ShardMap& map;
  ProposalRequest request;
  SlotSurvey survey;
  SlotWeights load;  ///< empty unless it was asked for
  ClusterLoad cluster;
  RebalancePlan plan;
  std::vector<HotSlot> hot;

  /// With the moves done that are given.
  MeasuredLoads loads(std::span<const PlannedMove> moves) const;
  Amount amount_of(const PlannedMove& move) const;
  Amount total() const;
  /// Whether there is anything to do.
  bool changes_anything() const;
};

/// Reads owners and weights from the shards, and plans. `map` outlives the proposal. Throws CommandFailed
/// where survey_slots() or read_router_load() do.
Proposal propose(const ShardMap& map, ProposalRequest request);

/// Sentences on what the plan leaves undone, or cannot help.
std::vector<std::string> warnings_of(const Proposal& proposal);

}  // namespace shardplex::operations
