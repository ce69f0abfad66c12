// What `/ready` tells.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "router/topology/membership.hpp"
#include "router/topology/snapshot.hpp"

namespace shardplex::router {

/// What is to be said of a router: whether it serves, and what it lacks.
struct Readiness {
  bool serves = false;               ///< some shard can be read: a balancer may send requests here
  std::vector<std::string> missing;  ///< in sentences: what makes requests fail, now or soon
  std::vector<std::string> unused;   ///< in sentences: servers that are not in use; others answer for them

  bool degraded() const { return serves && !(missing.empty() && unused.empty()); }
};

/// The tables and views that are not served, with the reason, in sentences. Nothing else waits for them.
std::vector<std::string> refused_tables(const SnapshotPtr& latest);

/// `latest` is the newest snapshot of `membership`, null before any server has been probed; `promised_ms` is
/// what is left of the promise of ids. `starting`: the router has begun but lately, and what is missing may
/// be a matter of moments; it serves only once nothing is.
Readiness readiness_of(const Membership& membership, const SnapshotPtr& latest, std::int64_t promised_ms,
                       bool starting);

}  // namespace shardplex::router
