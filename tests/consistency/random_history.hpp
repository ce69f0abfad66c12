// Histories that clients of a correct store would have recorded.
#pragma once

#include <cstdint>
#include <random>

#include "tests/consistency/history.hpp"

namespace shardplex::consistency {

using Random = std::mt19937_64;

struct RandomHistoryOptions {
  int processes = 4;
  int operations = 200;       ///< about as many
  int registers = 3;          ///< rows of table 0, in group "registers", which nobody removes
  unsigned unknown = 5;       ///< percent of the operations
  unsigned weak = 10;         ///< percent of the reads and lists
  Time staleness{20'000};     ///< how old their answers are at most
  bool unique_values = true;  ///< false: changes write one of three values
};

/// Rows of table 1 come and go in the groups "set.0" and "set.1". The store has two shards, and a list sees
/// each at a moment of its own. A change of unknown outcome takes place at once, later, or never. The last
/// operation lists all rows, with places, when all others have ended. The same `random` gives the same
/// history.
History random_history(Random& random, const RandomHistoryOptions& options);

}  // namespace shardplex::consistency
