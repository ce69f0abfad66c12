// What is known of a request when it has been answered, for the query patterns and the log of slow requests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "router/pattern_table.hpp"

namespace shardplex::router {

/// Whoever learns of a thing writes it down.
struct RequestRecord {
  PatternTable::Ticket pattern;
  bool is_explained = false;       ///< `shardplex explain` tells what such a request does
  std::vector<std::string> asked;  ///< names of the servers that answered
  std::uint64_t parse_us = 0, plan_us = 0, shards_us = 0, merge_us = 0;
  std::uint64_t rows = 0;                  ///< of the answer so far; of a write, those that it touched
  std::optional<std::uint64_t> rows_read;  ///< that shards sent for it; nullopt: not known
};

}  // namespace shardplex::router
