// What `/ready` waits for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "router/topology/membership.hpp"
#include "router/topology/snapshot.hpp"

namespace shardplex::router {

/// What keeps the router from being ready, in sentences; empty where it is ready. `latest` is the newest
/// snapshot of `membership`, null before any server has been probed; `promised_ms` is what is left of the
/// promise of ids.
std::vector<std::string> missing_for_readiness(const Membership& membership, const SnapshotPtr& latest,
                                               std::int64_t promised_ms);

}  // namespace shardplex::router
