// What statements have cost in the shards, by pg_stat_statements of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// What a statement has cost on one shard.
struct StatementCost {
  std::uint64_t calls = 0, rows = 0;
  double milliseconds = 0;  ///< of execution
};

/// What one shard says. Texts are those of pg_stat_statements, which have $1, $2, … for values.
struct ShardStatements {
  std::map<std::string, StatementCost> statements;
  std::vector<std::string> problems;  ///< why something of it is not known, in sentences
};

/// A statement on all shards of which something is known.
struct SharedStatement {
  std::string text;
  std::vector<StatementCost> shards;  ///< by shard; nothing for one that it has not run on
  StatementCost sum() const;
};

/// How unevenly the shards share a statement's time.
struct StatementSkew {
  double ratio = 1;                    ///< of the busiest shard's time to the mean: 1 is even
  std::optional<std::size_t> busiest;  ///< nullopt where none has spent any
};

struct StatementSurvey {
  std::vector<bool> known;  ///< by shard: whether anything is known of it
  std::vector<SharedStatement> statements;
  std::vector<std::string> problems;  ///< each names its shard
};

/// Over the shards that are known. Precondition: there is one.
StatementSkew skew_of(const SharedStatement& statement, const std::vector<bool>& known);

/// Those of one text together. `shards`: by shard; nullopt where nothing is known of it. Pure.
std::vector<SharedStatement> shared_statements(const std::vector<std::optional<ShardStatements>>& shards);

/// Asks the primary of each shard for the statements of its database: SELECT, INSERT, UPDATE, DELETE and
/// MERGE, as others keep their values. A shard without the extension, or without a primary, is told of in
/// the problems. Throws CommandFailed where no shard has a primary.
StatementSurvey survey_statements(const ShardMap& map);

}  // namespace shardplex::operations
