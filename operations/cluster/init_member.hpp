// A shard while cluster init is at work on it.
#pragma once

#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/shard/server.hpp"
#include "query/catalogue/catalogue.hpp"
#include "shard_map/ownership.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

/// A shard under way: its transaction, open from the first check to the commit.
struct Member {
  const Shard* shard = nullptr;
  std::string conninfo;  ///< of its primary
  std::unique_ptr<pqxx::connection> connection;
  std::unique_ptr<pqxx::work> transaction;
  ServerState state;
  std::optional<ShardOwnership> ownership;  ///< as found, where it was initialised
  ShardCatalogue catalogue;                 ///< its tables as found
  std::vector<std::string> done;            ///< what was changed, for people
  std::vector<std::string> notes;
};

using Problems = std::vector<std::string>;

/// Some of them are no shard yet, and are made one.
bool makes_shards(const std::vector<Member>& members);

}  // namespace shardplex::operations
