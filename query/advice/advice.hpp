// A piece of advice on a cluster, as a value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace shardplex {

enum class AdviceKind : std::uint8_t {
  invalid_index,         ///< PostgreSQL does not read it, and may write it all the same
  index_on_some_shards,  ///< it is on one shard and not on another
  duplicate_index,       ///< another one does all that it does
  unused_index,          ///< no server has used it
  missing_index,         ///< requests ask for rows that no index finds
  whole_reads,           ///< a table is read from its first page to its last, again and again
  shard_key,             ///< requests ask all shards, and by another key would ask one
  related_elsewhere,     ///< embeds are looked up on other shards
  reference_table,       ///< the same of a table that is small enough to be on every shard
  collation,             ///< requests are refused, as text is not ordered by its bytes
  uneven_load,           ///< shards answer unevenly many requests
  hot_slot,              ///< one slot has more of them than a shard's fair share
};

/// "unused_index": its name in JSON.
std::string_view to_string(AdviceKind kind);

/// What is known, and of whom.
struct Evidence {
  std::string source;  ///< "pg_stat_user_indexes of 4 servers"
  std::string says;    ///< with its numbers
  std::string
      since;  ///< when what was counted began to be, such as 2026-11-20T08:00:00Z; "" where it is of now
  bool operator==(const Evidence&) const = default;
};

/// One step of what to do.
struct AdvisedStep {
  std::vector<std::string> shards;  ///< whose primaries the SQL is for; none: a command for a shell, or YAML
  std::string text;
  bool operator==(const AdvisedStep&) const = default;
};

struct Advice {
  AdviceKind kind = AdviceKind::unused_index;
  std::string subject;  ///< the table, or the group of slots
  std::string what;     ///< in a sentence
  std::vector<Evidence> evidence;
  std::string costs;  ///< what is lost or risked by it, in sentences
  std::vector<AdvisedStep> steps;
  bool operator==(const Advice&) const = default;
};

/// What is advised, and why nothing is where too little is known.
struct Advised {
  std::vector<Advice> advice;
  std::vector<std::string> not_judged;  ///< sentences

  void add(Advised more) {
    std::move(more.advice.begin(), more.advice.end(), std::back_inserter(advice));
    std::move(more.not_judged.begin(), more.not_judged.end(), std::back_inserter(not_judged));
  }
};

/// What statistics have to be for anything to be advised from them.
struct AdviceBounds {
  double least_days = 7;             ///< that they reach back, where something is said not to be used
  std::uint64_t least_calls = 1000;  ///< of a pattern; scans of a table
};

/// "1.4 MB", of 1,000,000 bytes each.
std::string in_megabytes(std::uint64_t bytes);

/// "3 scans", "1 scan".
std::string counted(std::uint64_t count, std::string_view one);

}  // namespace shardplex
