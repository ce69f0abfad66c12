// Values that two shards have of a constraint that each keeps by itself: listed, and on request mended.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "operations/compare/doubled_values.hpp"
#include "operations/shard/local_unique.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct DuplicatesRequest {
  std::vector<std::string> tables;    ///< only these; empty: all
  bool separate = false;              ///< set sequences apart that would give more of them
  std::vector<std::string> renumber;  ///< names of constraints whose duplicates get new numbers
};

/// The duplicates of one constraint.
struct Duplicates {
  LocalUnique unique;
  std::vector<DoubledValue> values;  ///< `shards`: of the map; without those that were renumbered
  std::uint64_t renumbered = 0;      ///< rows
};

/// A sequence that gives values that another shard gives, too.
struct SequenceAtRisk {
  std::string sequence, constraint, one, other;
};

struct DuplicatesReport {
  std::vector<Duplicates> constraints;  ///< all that hold within a shard only
  std::vector<SequenceAtRisk> at_risk;  ///< still
  std::vector<std::string> separated;   ///< sequences

  bool clean() const;
};

/// Why the rows of a constraint cannot be given new numbers; "" where they can.
std::string why_not_renumbered(const LocalUnique& unique);

/// SQL that a person may begin with, for one of the shards that has the value.
std::string repair_of(const LocalUnique& unique, const DoubledValue& doubled);

/// Reads all shards. Where something is changed, no mover is at work meanwhile. A duplicate keeps its number
/// on the first of its shards that does not follow another in a reverse window. Throws CommandFailed where a
/// shard cannot be read, a mover is at work, or a constraint to be renumbered is none or cannot be. `read` is
/// told how many rows were read, often.
DuplicatesReport examine_duplicates(const ShardMap& map, const DuplicatesRequest& request,
                                    const std::function<void(std::size_t)>& read);

}  // namespace shardplex::operations
