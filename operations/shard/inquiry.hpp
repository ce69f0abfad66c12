// Asks many servers at once what they say of themselves, without ever waiting for one that says nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "shard_map/shard_map.hpp"
#include "shard_schema/primary_choice.hpp"
#include "shard_schema/server_status.hpp"

namespace shardplex::operations {

/// What a server says of itself (without its directory), or why it says nothing.
struct ServerAnswer {
  std::optional<ServerStatus> status;
  std::string failure;
};

/// The servers of one shard, and how long they are waited for.
struct AskedShard {
  std::vector<std::string> conninfos;
  std::chrono::milliseconds patience{};
  /// Once one has answered as a primary, the others have this much longer.
  std::chrono::milliseconds patience_with_primary{};
};

/// Asks all servers of all shards at the same time; by shard and server, in the order given. Never throws for
/// what a server does.
std::vector<std::vector<ServerAnswer>> ask_servers(const std::vector<AskedShard>& shards);

/// The primary that the map names, then the others.
std::vector<std::string> servers_of(const Shard& shard);

/// The answers as choose_primary() takes them; valid while those live.
std::vector<ServerWord> words_of(const std::vector<ServerAnswer>& answers);

}  // namespace shardplex::operations
