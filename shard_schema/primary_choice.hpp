// Which server of a shard is its primary: the one rule by which routers and command line judge what a shard's
// servers say of themselves. Roles are found, not configured: after a failover the map names a dead server,
// or an old primary that came back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shard_schema/server_status.hpp"

namespace shardplex {

/// Whether a database that `cluster init` has not been to may be taken for the shard.
enum class Uninitialised : bool { refused, allowed };

/// What the servers of one shard are judged by.
struct PrimaryCriteria {
  std::string cluster, shard;       ///< the identity that they must have
  std::int64_t known_timeline = 0;  ///< the newest that is known of the shard from elsewhere: newest_noted()
  std::int64_t known_ruling = 0;    ///< that of it: a server whose history lacks it was given up
  bool others_heard = true;         ///< the other shards have told what they know of it, or cannot
  Uninitialised uninitialised = Uninitialised::refused;
};

/// What one server said.
struct ServerWord {
  const ServerStatus* status = nullptr;  ///< nullptr: it did not answer
  bool overruled = false;                ///< an operator has ruled on the shard's timeline since it said so
};

/// What a server is to its shard.
enum class Standing : std::uint8_t {
  primary,
  replica,
  silent,         ///< it did not answer
  uninitialised,  ///< it says that it is no shard
  stranger,       ///< of another shard or cluster
  replaced,       ///< a primary on an earlier timeline than is known
  overruled,      ///< of a history that an operator gave up: its role and timeline do not count
  rival,          ///< one of several primaries on the newest timeline: nothing tells which has the writes
  same_database,  ///< the primary again, by another address
  unconfirmed,    ///< it would be the primary, but the other shards have not been heard
};

struct JudgedServer {
  Standing standing = Standing::silent;
  std::string reason;  ///< why it is not the primary; empty for the primary, and for a silent one
};

struct PrimaryChoice {
  std::optional<std::size_t> primary;
  std::int64_t newest_timeline = 0;  ///< that any of them is on, or that was known before
  std::vector<JudgedServer> servers;
};

/// Judges the servers of one shard. The primary is not in recovery, says that it is this shard, and is on the
/// newest timeline that any server of the shard is on, or was known before, also where whoever was on that is
/// away. Of two databases on that timeline neither is taken: each may have acknowledged what the other does
/// not have. A server whose history lacks the last ruling of an operator is neither, nor does its timeline
/// count, however new. A database without identity is taken only where that is allowed, and all servers of
/// the shard have answered and none says that it is the shard: one that is silent may be. A shard of one
/// server waits for no other shard's word: nobody can have replaced it.
PrimaryChoice choose_primary(const PrimaryCriteria& criteria, const std::vector<ServerWord>& servers);

/// The same for somebody who has asked all servers of the cluster just now: `all`, with nullptr for those
/// that did not answer, is what they said. What they have noted is what is known from elsewhere.
PrimaryChoice choose_primary(const std::string& cluster, const std::string& shard,
                             const std::vector<ServerWord>& servers, const std::vector<ServerWord>& all,
                             Uninitialised uninitialised = Uninitialised::refused);

/// The history of this server of the shard lacks an operator's ruling.
bool was_given_up(const ServerStatus& status, std::int64_t ruling);

/// Why the server is another shard's, in a sentence without subject; nullopt where it is this one, or none.
std::optional<std::string> identity_problem(const ServerStatus& status, const std::string& cluster,
                                            const std::string& shard);

/// The newest timeline of the shard that a server of the cluster has noted, or `before` where that outweighs
/// it. What servers of other clusters noted, or such as are no shard, does not count.
KnownTimeline newest_noted(const std::string& cluster, const std::string& shard, const ServerStatus& status,
                           KnownTimeline before);

}  // namespace shardplex
