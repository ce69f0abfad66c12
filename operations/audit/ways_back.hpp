// Ways back that are still open, of moves and of the import, and those of them that are broken.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operations/import/journal.hpp"
#include "operations/import/way_back_status.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// An import between its cutover and its end.
struct ReversibleImport {
  ImportEntry entry;  ///< reversible, reversing or returning
  std::vector<WayBackRow> rows;
};

struct WaysBack {
  std::multimap<std::string, std::string> broken_moves;  ///< by id, what is wrong with the way back
  std::optional<ReversibleImport> import;
};

/// Asks shards, and where there is such an import its source. Of shards that cannot be read nothing is told.
WaysBack read_ways_back(const ShardMap& map);

/// What is wrong with those of the import, in sentences.
std::vector<std::string> problems_of(const ReversibleImport& import);

/// For people: what can be done about the import; a sentence.
std::string to_string(const ReversibleImport& import);

/// For people: "move m1: there is no way back: …", and the import's; nothing where all is well.
std::vector<std::string> warnings_of(const WaysBack& ways);

}  // namespace shardplex::operations
