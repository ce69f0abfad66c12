// The moves of this process and how far they are: written by the runners, read by whoever shows them.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "operations/move/progress.hpp"
#include "operations/shard/move_entry.hpp"

namespace shardplex::operations {

/// The moves of this process. Any thread.
class MoveBoard {
 public:
  struct Line {
    MoveEntry entry;  ///< phase and problem are kept up to date
    MoveProgress progress;
    bool running = false;  ///< a runner is at it
  };
  void put(const MoveEntry& entry);  ///< replaces the line of that move
  void update(const std::string& id, const std::function<void(Line&)>& change);
  std::vector<Line> lines() const;  ///< by creation and number

 private:
  mutable std::mutex mutex_;
  std::vector<Line> lines_;
};

}  // namespace shardplex::operations
