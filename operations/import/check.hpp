// Everything that could fail later in an import, found before anything is made.
#pragma once

#include <string>
#include <vector>

#include "operations/process/terminal.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct ImportFindings {
  std::vector<std::string> problems;  ///< with any of them nothing begins
  std::vector<std::string> warnings;
};

/// Looks at the source and at every shard of the map; changes nothing. `shards` become those of an import
/// that is to begin: they must not be shards yet.
ImportFindings check_import(const ShardMap& map, const std::string& source);

/// Throws CommandFailed with all problems of check_import(), and warns of the rest.
void require_importable(const ShardMap& map, const std::string& source, const Terminal& terminal);

}  // namespace shardplex::operations
