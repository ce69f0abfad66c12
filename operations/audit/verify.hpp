// Whether every row is where it belongs, once, and alike wherever it has to be, while the cluster serves.
#pragma once

#include <cstdint>
#include <vector>

#include "operations/audit/verify_findings.hpp"
#include "operations/process/terminal.hpp"
#include "shard_map/shard_map.hpp"
#include "shard_map/slot_set.hpp"

namespace shardplex::operations {

struct VerifyRequest {
  std::vector<const TablePlacement*> tables;
  std::vector<SlotSet> slots;  ///< of each group: rows in others are not looked at
  int jobs = 1;                ///< connections to each shard
};

struct Verification {
  Findings findings;
  std::uint64_t rows = 0;
  double seconds = 0;

  double rows_per_second() const { return seconds > 0 ? static_cast<double>(rows) / seconds : 0; }
};

/// Looks at all shards, changes nothing, and shows on the terminal how far it is. What is found goes into
/// `found`. Throws CommandFailed where a shard has no primary.
void verify_cluster(const ShardMap& map, const VerifyRequest& request, const Terminal& terminal,
                    Verification& found);

}  // namespace shardplex::operations
