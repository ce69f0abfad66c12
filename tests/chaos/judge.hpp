// Whether all that a round has recorded is as it must be. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/chaos/bounds.hpp"
#include "tests/chaos/evidence.hpp"
#include "tests/chaos/figures.hpp"
#include "tests/chaos/stock.hpp"

namespace shardplex::chaos {

struct Record {
  std::vector<Asked> asked;
  /// What the load was answered, and after its end the films and ratings of the load that the shards hold.
  consistency::History history;
  std::vector<StoredRow> before, after;  ///< all rows of all shards
  std::string load;                      ///< whose rows may differ in them: see stock.hpp
  Hit hit;
  std::optional<int> peak_megabytes;
  std::vector<Evidence> proof;                        ///< that the fault has happened
  std::function<std::string(std::int64_t)> shard_of;  ///< whose a film is while the fault lasts
};

struct Judgement {
  Figures figures;
  std::vector<Evidence> proof;  ///< that of the record, and that there was a load
  std::size_t lost_or_doubled = 0;
  std::size_t operations = 0, rows = 0;  ///< that were looked at
  std::vector<std::string> violations;   ///< sentences; empty: all was well
};

Judgement judge(Record record, const Bounds& bounds);

}  // namespace shardplex::chaos
