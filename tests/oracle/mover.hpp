// Moves slots while requests are made.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/slot_mover.hpp"

namespace shardplex::oracle {

/// Rests until it is told to move. Ends with the move that it is at.
class Mover {
 public:
  /// `primaries`: their connection strings, in the order of the map.
  Mover(const std::vector<std::string>& primaries, const std::vector<integration::MovedGroup>& groups,
        std::uint64_t seed);
  ~Mover();
  Mover(const Mover&) = delete;

  /// One move after the other from now on; a failure of one ends them, and comes out of rest().
  void move();
  /// Returns when no slot is under way; every slot and row is where it has to be then, else it throws.
  void rest();
  std::uint64_t moves() const { return moves_; }
  /// Whether one is under way.
  bool is_moving() const;

 private:
  void run();

  std::deque<integration::SlotMover> groups_;
  std::mt19937_64 random_;
  std::atomic<std::uint64_t> moves_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_to_move_ = false, is_moving_ = false, is_over_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace shardplex::oracle
