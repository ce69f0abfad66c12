// What requests of each shape have cost: counts that can be added up over workers and routers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/error.hpp"
#include "query/patterns/latency_buckets.hpp"

namespace shardplex {

struct PatternCounts {
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;        ///< answered with a status of 400 and more
  std::uint64_t time_us = 0;       ///< of all calls, in microseconds
  std::uint64_t shards = 0;        ///< servers that answered, over all calls
  std::uint64_t scatters = 0;      ///< calls that more than one server answered
  std::uint64_t rows = 0;          ///< of the answers; of writes, the rows that they touched
  std::uint64_t rows_read = 0;     ///< that shards sent for them
  std::uint64_t not_known = 0;     ///< calls of which that is not known
  std::uint64_t bytes = 0;         ///< of the answers' bodies, as they were sent
  std::uint64_t inherited_us = 0;  ///< time that may have been spent while the pattern was not kept
  LatencyCounts latency{};

  void add(const PatternCounts& more);
  bool operator==(const PatternCounts&) const = default;
};

struct QueryPattern {
  std::string text;  ///< a request's shape (request_shape.hpp)
  PatternCounts counts;
  bool operator==(const QueryPattern&) const = default;
};

struct PatternReport {
  std::vector<QueryPattern> patterns;  ///< each text once
  PatternCounts other;                 ///< of the patterns that were not kept

  /// Adds up what is of one text.
  void add(const PatternReport& more);
  /// Leaves the `most` patterns with the most time, and adds what is of the rest to `other`.
  void keep(std::size_t most);
  bool operator==(const PatternReport&) const = default;
};

enum class PatternOrder : std::uint8_t { time, calls, errors };

/// "time", "calls" or "errors"; nullopt for anything else.
std::optional<PatternOrder> read_pattern_order(std::string_view word);

/// The greatest first; equal ones by their text.
void sort_patterns(std::vector<QueryPattern>& patterns, PatternOrder order);

/// What /patterns is asked for.
struct PatternsAsked {
  PatternOrder order = PatternOrder::time;
  std::size_t limit = std::numeric_limits<std::size_t>::max();
  bool operator==(const PatternsAsked&) const = default;
};

/// The query of GET /patterns, without its '?': order=time|calls|errors and limit=N, each at most once.
/// SHARD400 for anything else.
Result<PatternsAsked> read_patterns_asked(std::string_view query);

}  // namespace shardplex
