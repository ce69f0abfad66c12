// Reads a shard map from YAML, reporting every problem at once.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex {

/// One thing wrong with a map: `path` as in "groups.catalog.placement.beta", `line` counted from 1 (0: no
/// line).
struct MapProblem {
  std::string path;
  int line = 0;
  std::string message;  ///< says what is wrong and what would work
  /// "groups.catalog.placement.beta: slot 512 is also placed on alpha (line 14)"
  std::string to_string() const;
  bool operator==(const MapProblem&) const = default;
};

/// Either a map that is valid as a whole, or every problem found (never empty), ordered by line.
using MapOrProblems = std::variant<ShardMap, std::vector<MapProblem>>;

/// Reads the text of a YAML shard map (DESIGN: section 2). Never throws on bad input; refuses aliases and
/// anchors (YAML bombs), documents over 1 MiB and nesting deeper than 16 before building anything from them.
MapOrProblems read_shard_map(std::string_view yaml);

/// Reads the file; an unreadable file is one problem without a line.
MapOrProblems read_shard_map_file(const std::string& path);

}  // namespace shardplex
