#include "router/topology/readiness.hpp"

#include <algorithm>
#include <utility>

namespace shardplex::router {
namespace {

std::vector<std::string> missing_of(const Membership& membership, const SnapshotPtr& latest,
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
  if (promised_ms <= 0) missing.emplace_back("no shard has promised any ids for new rows");
  if (latest->catalogue && latest->catalogue->tables.empty()) missing.emplace_back("no table is served");
  return missing;
}

/// Servers that are not in use beside a primary that is.
std::vector<std::string> unused_of(const Membership& membership) {
  std::vector<std::string> unused;
  for (const auto& shard : membership.shards)
    for (const auto& server : shard->state.servers)
      if (shard->state.primary && !server.readable)
        unused.push_back("server " + server.name + " is not in use: " + server.address + ": " +
                         server.problem);
  return unused;
}

bool can_be_read(const WatchedShardPtr& shard) {
  return shard->ownership && std::ranges::any_of(shard->state.servers, &ServerState::readable);
}

}  // namespace

std::vector<std::string> refused_tables(const SnapshotPtr& latest) {
  std::vector<std::string> sentences;
  if (latest && latest->catalogue)
    for (const auto& [table, reason] : latest->catalogue->refused)
      sentences.push_back((latest->map->find_view(table) ? "view " : "table ") + table +
                          " is not served: " + reason);
  return sentences;
}

Readiness readiness_of(const Membership& membership, const SnapshotPtr& latest, std::int64_t promised_ms,
                       bool starting) {
  Readiness readiness{.serves = false,
                      .missing = missing_of(membership, latest, promised_ms),
                      .unused = unused_of(membership)};
  const bool any = latest && latest->catalogue && !latest->catalogue->tables.empty() &&
                   std::ranges::any_of(membership.shards, can_be_read);
  readiness.serves = any && (!starting || readiness.missing.empty());
  return readiness;
}

}  // namespace shardplex::router
