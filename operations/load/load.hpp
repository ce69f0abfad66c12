// A load: rows from NDJSON or CSV into the shards that own them, all or none.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "operations/load/csv_dialect.hpp"
#include "operations/load/input_blocks.hpp"
#include "operations/load/load_mode.hpp"
#include "operations/process/terminal.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct LoadRequest {
  std::string table;
  std::string input;  ///< a file, or "-" for the terminal's input; gzip is decompressed
  Format format = Format::ndjson;
  CsvDialect dialect;      ///< of a CSV; how its lines end is found out
  bool keep_good = false;  ///< keep the good rows where some are bad; else one is enough to keep none
  unsigned jobs = 1;       ///< parsing threads
  LoadMode mode = LoadMode::insert;
};

struct LoadSummary {
  std::string table;
  std::vector<std::pair<std::string, std::uint64_t>> shards;  ///< rows on each, in the map's order
  std::uint64_t rows = 0;                                     ///< of the input
  std::uint64_t bad_rows = 0;                                 ///< left out
  double seconds = 0;
};

/// Loads the input, tells of each row that is refused, and shows how far it is. Throws CommandFailed where
/// nothing of the load was kept.
LoadSummary load_rows(const ShardMap& map, const LoadRequest& request, const Terminal& terminal);

/// "1 bad row", "20 bad rows".
std::string count_of_bad_rows(std::uint64_t count);

}  // namespace shardplex::operations
