// The board of moves, for Prometheus.
#pragma once

#include <memory>
#include <string>

#include "operations/move/board.hpp"

namespace shardplex::operations {

/// Serves the board to Prometheus at http://address:port/metrics while it lives (shardplex_move_*, labels
/// move, group, source, target). Throws CommandFailed where the port is taken.
class MoverMetrics {
 public:
  MoverMetrics(const MoveBoard& board, const std::string& address_and_port);
  ~MoverMetrics();
  MoverMetrics(const MoverMetrics&) = delete;

 private:
  struct Exposed;
  std::unique_ptr<Exposed> exposed_;
};

}  // namespace shardplex::operations
