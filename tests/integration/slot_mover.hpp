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

/// A group, and the tables that are moved with its slots: all tables of the group.
struct MovedGroup {
  std::string name = "catalog";
  std::vector<std::string> tables{"movies", "ratings"};
};

/// Keeps track of who owns the slots of a group. Shards are counted in the order in which they are given.
/// Throws pqxx exceptions.
class SlotMover {
 public:
  /// Takes over what the ownership reports of the shards say.
  explicit SlotMover(const Cluster& cluster);
  /// The same, by the connection strings of the primaries.
  SlotMover(const std::vector<std::string>& primaries, MovedGroup group);

  /// Moves slots from the shard that owns them. Returns the moment at which the target had said that they are
  /// its own.
  std::chrono::steady_clock::time_point move(const std::vector<int>& slots, std::size_t from, std::size_t to);

  /// Moves some slots from one shard to another.
  void move_some(std::mt19937_64& random);
  /// The same of groups with few slots: any number of those of a shard, none where no shard has two.
  void move_any(std::mt19937_64& random);

  const std::vector<int>& owned(std::size_t shard) const { return owned_[shard]; }

  /// Every slot is owned by the shard that it has recorded, no row is anywhere else; std::runtime_error where
  /// that is not so.
  void check();

 private:
  void copy(Database& source, Database& target, const std::string& slots) const;
  void remove(Database& shard, const std::string& slots) const;

  MovedGroup group_;
  std::deque<Database> shards_;
  std::vector<std::vector<int>> owned_;  // by shard
};

}  // namespace shardplex::integration
