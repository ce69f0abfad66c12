// Everything that could make a move fail later, found before anything is made. Nothing is changed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shard_map/rebalance_plan.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct CheckFinding {
  enum class Kind : std::uint8_t {
    problem,  ///< a move would fail, or lose something
    warning,  ///< a move may be slow, or surprise somebody
    note,     ///< what could not be checked, or changes no answer
  };
  Kind kind = Kind::problem;
  std::string shard;
  std::string text;  ///< a sentence about the shard: what is wrong, and what would help
  bool operator==(const CheckFinding&) const = default;
};

/// All findings about the shards that take part in the moves of the plan, by shard. Shards are found by
/// find_primary(); those that the plan adds need not be initialised.
std::vector<CheckFinding> find_obstacles(const ShardMap& map, const RebalancePlan& plan);

/// The same for any move between any two shards of the map.
std::vector<CheckFinding> find_obstacles(const ShardMap& map);

/// What would keep a mover from beginning at all: another mover, moves that are under way.
std::vector<CheckFinding> find_movers(const ShardMap& map);

bool is_problem(const CheckFinding& finding);

/// The problems among find_obstacles(map, plan): "beta: wal_level is replica; …". Without what routers
/// object: who begins moves waits for them (await_routers()), as one that has just started accepts nothing
/// yet.
std::vector<std::string> check_moves(const ShardMap& map, const RebalancePlan& plan);

/// Reads a plan; throws CommandFailed with every problem found, each prefixed by the file's name.
RebalancePlan load_rebalance_plan(const std::string& file, const ShardMap& map);

}  // namespace shardplex::operations
