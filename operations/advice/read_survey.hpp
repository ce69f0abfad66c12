// Asks every server of a map for its statistics.
#pragma once

#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "query/advice/survey.hpp"
#include "query/catalogue/catalogue.hpp"
#include "shard_map/ownership.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// What a cluster says of itself. By shard, in the order of the map.
struct ClusterSurvey {
  Survey survey;
  /// To the server that told the shard's tables: its primary, or else a replica. Null where none answered.
  std::vector<std::unique_ptr<pqxx::connection>> connections;
  std::vector<std::optional<ShardOwnership>> ownership;
  std::optional<Catalogue> catalogue;  ///< of the shards that answered; nullopt where none did
  std::vector<std::string> problems;   ///< servers that say nothing, and why
};

/// Asks the primaries and replicas of all shards, in parallel, each in transactions that only read. Servers
/// that do not answer, and those that are not what the map says, are told in `problems`. Throws nothing for
/// what a server does.
ClusterSurvey read_survey(const ShardMap& map);

}  // namespace shardplex::operations
