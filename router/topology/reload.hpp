// Reloading: the map file is read again, and its map taken over whole, or not at all.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "router/metrics.hpp"
#include "router/topology/membership.hpp"

namespace shardplex::router {

/// The map to be served after `written` was read, or why it cannot be: how keys become slots must stay as it
/// is. Placement, servers, new groups and tables may change under a running router. The file may be older
/// than a shard in use, which stays as long as a directory of `current` names it.
std::variant<ShardMap, std::vector<std::string>> next_map(const Membership& current, const ShardMap& written);

/// The shards of `next`, to be probed anew. Of those that `current` has too, what was known goes along, so
/// that no older report is taken.
Membership carry_over(const Membership& current, const std::shared_ptr<const ShardMap>& next);

/// Thread: the control thread.
class Reload {
 public:
  Reload(std::string map_file, Metrics& metrics);

  /// Reads the file. True where its map is pending now, in place of one that was; a bad one is logged,
  /// problem by problem, and changes nothing.
  bool read(const Membership& current);

  bool pending() const { return next_.has_value(); }
  /// The shards of the pending map; empty where there is none.
  std::vector<WatchedShardPtr> shards() const;

  /// The pending map, once every server of it has been probed, or has been given up; nothing before.
  std::optional<Membership> take_settled();

 private:
  void refuse(const std::vector<std::string>& problems);

  const std::string map_file_;
  Metrics& metrics_;
  std::optional<Membership> next_;
};

}  // namespace shardplex::router
