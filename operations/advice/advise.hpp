// Advice on a cluster, from what its servers and routers have counted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "query/advice/advice.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

struct AdviceAsked {
  std::vector<std::string> routers;  ///< URLs of admin ports, http://host:port
  AdviceBounds bounds{};
  std::string first_schema = "public";  ///< of the routers' --schemas
};

/// Whose statistics the advice is from.
struct AdviceSource {
  std::string server;
  std::string since;
  double days = 0;
};

struct AdviceReport {
  Advised advised;
  std::vector<AdviceSource> servers;  ///< those that answered
  std::vector<std::string> routers;   ///< the same
  std::vector<std::string> away;      ///< servers and routers that did not, with the reason
};

/// Asks all servers of the map and the routers, and changes nothing. What does not answer is told in `away`,
/// and advice is given of the others. Throws CommandFailed, with all reasons, where no server answers.
AdviceReport advise(const ShardMap& map, const AdviceAsked& asked);

}  // namespace shardplex::operations
