// Whether rows would better be placed by another column. Pure.
#pragma once

#include <vector>

#include "query/advice/table_pattern.hpp"

namespace shardplex {

/// Tables under hash of which more calls compare another column with values, and ask several shards for that,
/// than compare the shard key. Another key is advised for a column of a key's type with many values, lists
/// for one with few; where the shards' statistics do not say how many, nothing is.
Advised advise_shard_keys(const std::vector<TablePattern>& patterns, const AdvisedCluster& cluster);

/// Relations between sharded tables that requests embed, with `least_calls`, and that lead to other shards:
/// a table that can be placed by what relates it to the other's shard key, or that is small enough to be a
/// reference table.
Advised advise_relations(const std::vector<TablePattern>& patterns, const AdvisedCluster& cluster);

/// Columns by which shards order text otherwise than by its bytes, and for which requests over several shards
/// were refused, most of them and a hundredth of `least_calls`.
Advised advise_collations(const std::vector<TablePattern>& patterns, const AdvisedCluster& cluster);

}  // namespace shardplex
