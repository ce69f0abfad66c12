// Moves slots by the steps that config/schema/shardplex.sql provides, as a rebalance does.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {

/// Keeps track of who owns the slots of the group `catalog`. Shards are counted in the order of the
/// cluster's map. Throws pqxx exceptions.
class SlotMover {
 public:
  /// Takes over what the ownership reports of the shards say.
  explicit SlotMover(const Cluster& cluster);

  /// Moves slots from the shard that owns them. Returns the moment at which the target had said that they are
  /// its own.
  std::chrono::steady_clock::time_point move(const std::vector<int>& slots, std::size_t from, std::size_t to);

  /// Moves some slots from one shard to another.
  void move_some(std::mt19937_64& random);

  const std::vector<int>& owned(std::size_t shard) const { return owned_[shard]; }

  /// Every slot is owned by the shard that it has recorded, no row is anywhere else.
  void check();

 private:
  std::deque<Database> shards_;
  std::vector<std::vector<int>> owned_;  // by shard
};

}  // namespace shardplex::integration
