// Discovery: shards that the directories name and the map does not have are watched, and join the map once
// they can take requests like any other.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "router/topology/added_shards.hpp"
#include "router/topology/membership.hpp"
#include "router/topology/warn_once.hpp"

namespace shardplex::router {

/// A shard that a directory names, until it is known well enough to be put into the map.
struct JoiningShard {
  AddedShard added;
  WatchedShardPtr shard;
};

/// Why the shard cannot be put into the map yet, if so: it needs a primary, an ownership report and its
/// tables, and must not keep any table from being served that `served` serves.
std::optional<std::string> obstacle_to_joining(const Membership& membership, const Catalogue& served,
                                               const JoiningShard& joining);

/// `membership` with these shards behind its own, all of them now read for the new map.
Membership with_joined(Membership membership, const std::vector<JoiningShard>& joined);

/// Thread: the control thread. It waits for nothing; who watches the shards it names is told by its answers.
class Discovery {
 public:
  struct Found {
    std::vector<WatchedShardPtr> named;    ///< for the first time: to be watched
    std::vector<WatchedShardPtr> dropped;  ///< no longer, or otherwise than before: to be left
  };
  /// Compares the directories with the map, and logs once what cannot be used.
  Found update(const Membership& membership);

  /// Those that can join now; they are joining no longer. What keeps others from it is logged once.
  std::vector<JoiningShard> take_ready(Membership membership, const Catalogue& served);

  /// The shards that directories name and that have not joined, with the reason.
  std::map<std::string, std::string> not_joined() const;

  /// Begins anew, as under another map. Returns the shards that are to be left.
  std::vector<WatchedShardPtr> forget();

 private:
  std::vector<JoiningShard> joining_;
  std::map<std::string, std::string> obstacles_;  // of those in joining_, as last looked at
  std::map<std::string, std::string> ignored_;    // named, and not watched
  WarnOnce warn_once_;
};

}  // namespace shardplex::router
