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

/// What `shardplex rebalance run` carries out, in this order: adds the shards, then makes the moves.
struct RebalancePlan {
  std::string cluster;
  std::vector<Shard> added;          ///< shards that the map does not have yet
  std::vector<std::string> drained;  ///< shards that end up without slots
  std::vector<PlannedMove> moves;
};

/// The plan as YAML, and back; the latter reports every problem with path and line. A plan of another version
/// or with unknown keys is refused.
std::string to_yaml(const RebalancePlan& plan);
std::variant<RebalancePlan, std::vector<MapProblem>> read_rebalance_plan(std::string_view yaml,
                                                                         const ShardMap& map);

}  // namespace shardplex
