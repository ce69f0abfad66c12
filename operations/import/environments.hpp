// Whether the shards of an import are alike, and have nothing of the source's that is not as it is there.
#pragma once

#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// What decides answers beside the tables. Between the shards all of it; between each and the source the
/// objects that the tables use and that the shard already has. Sentences with the name of the shard; servers
/// that cannot be read are left to the rest of the check.
struct EnvironmentsOfImport {
  std::vector<std::string> problems, warnings;
};
EnvironmentsOfImport compare_environments(const ShardMap& map, const std::string& source);

}  // namespace shardplex::operations
