// Reloading: the map file is read again, and its map taken over whole, or not at all.
#pragma once

#include <cstddef>
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

/// `next` without the shards behind the first `written` ones, those of the map file, that none of these names
/// in its directory any more.
Membership without_removed(Membership next, std::size_t written);

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

  /// The pending map, once every server of it has been probed, or has been given up; nothing before. By what
  /// their directories said then, shards that were removed are not in it any more.
  std::optional<Membership> take_settled();

 private:
  void refuse(const std::vector<std::string>& problems);

  const std::string map_file_;
  Metrics& metrics_;
  std::optional<Membership> next_;
  std::size_t written_ = 0;  // shards of next_ that the file has
};

}  // namespace shardplex::router
