// Everything that could fail later in an import, and all that it changes or loses, found before anything is
// made.
#pragma once

#include <string>
#include <vector>

#include "operations/import/losses.hpp"
#include "operations/process/terminal.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct ImportFindings {
  std::vector<std::string> problems;  ///< with any of them nothing begins
  std::vector<ImportLoss> losses;     ///< nor with one of these that is not accepted
  std::vector<std::string> warnings;
};

/// Looks at the source and at every shard of the map; changes nothing. `shards` become those of an import
/// that is to begin: they must not be shards yet.
ImportFindings check_import(const ShardMap& map, const std::string& source);

/// Whether an import may begin.
bool is_ready(const ImportFindings& findings, const AcceptedLosses& accepted);

/// Throws CommandFailed with all problems of check_import() and all losses that are not accepted; tells the
/// rest on the terminal.
void require_importable(const ImportFindings& findings, const AcceptedLosses& accepted,
                        const Terminal& terminal);

}  // namespace shardplex::operations
