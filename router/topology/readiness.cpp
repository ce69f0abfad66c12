#include "router/topology/readiness.hpp"

#include <utility>

namespace shardplex::router {

std::vector<std::string> missing_for_readiness(const Membership& membership, const SnapshotPtr& latest,
                                               std::int64_t promised_ms) {
  if (!latest) return {"no shard has been asked yet"};
  std::vector<std::string> missing;
  for (const auto& shard : membership.shards) {
    const auto& configured = shard->state.servers.front();
    if (!shard->state.primary)
      missing.push_back("shard " + shard->name + " has no primary: " + configured.address + ": " +
                        configured.problem);
    if (!shard->failure.empty()) missing.push_back(shard->failure);
  }
  if (!latest->catalogue) missing.emplace_back("no shard's catalogue has been read");
  for (auto& fault : latest->ownership->faults(*membership.map)) missing.push_back(std::move(fault));
  if (promised_ms <= 0)
    missing.push_back("shard " + membership.map->shards().front().name +
                      " has not promised any ids for new rows");
  if (latest->catalogue)
    for (const auto& [table, reason] : latest->catalogue->refused)
      missing.push_back("table " + table + " is not served: " + reason);
  return missing;
}

}  // namespace shardplex::router
