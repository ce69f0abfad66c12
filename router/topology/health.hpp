// Which servers of a shard can be read and written, decided from what their probes told.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postgres/ownership_reader.hpp"
#include "router/topology/snapshot.hpp"
#include "shard_schema/primary_choice.hpp"

namespace shardplex::router {

/// One server, as its probes left it.
struct ProbedServer {
  bool probed = false;   ///< at least once, whatever came of it
  bool settled = false;  ///< and what the first probe called for has been read, or could not be
  bool up = false;       ///< it answered the last probe
  std::string failure;   ///< why it is not up
  bool hangs = false;    ///< it is not up since it did not answer in time
  postgres::ServerStatus status;
  bool overruled = false;  ///< an operator has ruled on the shard's timeline since it told its status
};

/// What the servers of one shard are measured by.
struct HealthCriteria {
  std::string cluster, shard;  ///< the identity that they must have
  std::chrono::milliseconds max_replica_lag{};
  std::int64_t known_timeline = 0;  ///< the newest of any server of the shard, ever
  std::int64_t known_ruling = 0;    ///< an operator's last on that
  bool others_heard = true;         ///< the other shards have told what they know of its timeline, or cannot
  std::optional<Epoch> epoch;       ///< of the ownership that requests are routed by
};

/// Which of the servers is the primary, by what they told last.
PrimaryChoice choose_primary(const HealthCriteria& criteria, const std::vector<ProbedServer>& servers);

/// `state` as it is after these probes, with the primary that was chosen by them; `servers[i]` is what is
/// known of `state.servers[i]`. A server that was never probed keeps the state it has. A primary that was not
/// chosen is neither written to nor read.
ShardState assess_health(const HealthCriteria& criteria, const std::vector<ProbedServer>& servers,
                         const PrimaryChoice& choice, ShardState state);

/// True where both are used for the same, and for the same reason.
bool same_health(const ServerState& a, const ServerState& b);

}  // namespace shardplex::router
