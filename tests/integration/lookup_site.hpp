// The same tables over three shards, where related rows are on others, and on one shard.
#pragma once

#include <optional>
#include <string>

#include "tests/integration/cluster.hpp"
#include "tests/integration/http_client.hpp"
#include "tests/integration/process.hpp"

namespace shardplex::integration {

/// A cluster with the sample, laid out as `layout` says: `groups:` and `tables:` of a map.
struct LookupSite {
  LookupSite(int shard_count, const std::string& layout);
  HttpResponse get(const std::string& target, const Headers& headers = {}) const {
    return HttpClient(router->port()).get(target, headers);
  }

  Cluster cluster;
  std::optional<Router> router;
};

/// Movies and ratings are of one group, genres are a reference table, everything else is of another group.
/// Made by the first who asks, as is the other.
LookupSite& shards();
/// All of them are reference tables, of one shard.
LookupSite& one();

/// How many movies and users the sample has. A movie's id is a multiple of 1000003, from 1 on.
inline constexpr unsigned films = 60, users = 25;

}  // namespace shardplex::integration
