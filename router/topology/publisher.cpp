#include "router/topology/publisher.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "router/log.hpp"

namespace shardplex::router {
namespace {

/// `before` itself where nothing has come of what was read anew: plans of requests under way hold.
std::shared_ptr<const Catalogue> combined_catalogue(const Membership& membership,
                                                    const std::shared_ptr<const Catalogue>& before) {
  const auto tables = tables_of(membership);
  if (tables.empty()) return nullptr;
  auto catalogue = combine(*membership.map, tables);
  if (before && *before == catalogue) return before;
  return std::make_shared<const Catalogue>(std::move(catalogue));
}

std::shared_ptr<const Ownership> combined_ownership(const Membership& membership) {
  std::vector<std::optional<ShardOwnership>> reports;
  for (const auto& shard : membership.shards) reports.push_back(shard->ownership);
  return std::make_shared<const Ownership>(*membership.map, reports);
}

bool was_there(const std::map<std::string, std::string, std::less<>>& before, const std::string& table,
               const std::string& text) {
  const auto found = before.find(table);
  return found != before.end() && found->second == text;
}

/// What was not said of `before`.
void log_catalogue(const Catalogue& catalogue, const Catalogue& before) {
  for (const auto& [table, reason] : catalogue.refused)
    if (!was_there(before.refused, table, reason))
      log_error("table not served", {{"table", table}, {"reason", reason}});
  for (const auto& [table, difference] : catalogue.differing)
    if (!was_there(before.differing, table, difference))
      log_warning("shards differ, what is the same is served",
                  {{"table", table}, {"difference", difference}});
  for (const auto& [table, difference] : before.differing)
    if (!catalogue.not_alike(table)) log_info("shards do not differ any more", {{"table", table}});
  for (const auto& warning : catalogue.warnings)
    if (std::ranges::count(before.warnings, warning) == 0) log_warning("catalogue", {{"warning", warning}});
}

}  // namespace

Snapshot next_snapshot(const Membership& membership, const Changes& changes, const SnapshotPtr& before,
                       const std::vector<std::string>& schemas) {
  Snapshot next;
  next.map_version = membership.version;
  next.map = membership.map;
  const bool same_map = before && before->map_version == membership.version;
  next.catalogue = before && !changes.tables
                       ? before->catalogue
                       : combined_catalogue(membership, same_map ? before->catalogue : nullptr);
  expose_schemas(next, schemas, before.get());
  next.ownership = before && !changes.ownership ? before->ownership : combined_ownership(membership);
  for (const auto& shard : membership.shards) next.shards.push_back(shard->state);
  next.tables_seen = tables_seen(membership);
  next.version = !before ? 1 : before->version + (routes_alike(*before, next) ? 0 : 1);
  return next;
}

std::vector<Metrics::ServerGauge> server_gauges(const Membership& membership) {
  std::vector<Metrics::ServerGauge> gauges;
  for (const auto& shard : membership.shards)
    for (const auto& server : shard->state.servers)
      gauges.push_back({shard->name, server.name, server.up, server.writable, server.readable,
                        server.epoch.value, server.lag_seconds});
  return gauges;
}

std::vector<Metrics::TableGauge> table_gauges(const Snapshot& snapshot) {
  std::vector<Metrics::TableGauge> gauges;
  if (!snapshot.catalogue) return gauges;
  for (const auto* placements : {&snapshot.map->tables(), &snapshot.map->views()})
    for (const auto& table : *placements)
      gauges.push_back({table.name, snapshot.catalogue->differing.contains(table.name),
                        snapshot.catalogue->refused.contains(table.name)});
  return gauges;
}

Publisher::Publisher(Metrics& metrics, Publish publish, std::vector<std::string> schemas)
    : metrics_(metrics), publish_to_workers_(std::move(publish)), schemas_(std::move(schemas)) {}

void Publisher::publish(const Membership& membership, const Changes& changes) {
  const auto before = latest_;
  latest_ = std::make_shared<const Snapshot>(next_snapshot(membership, changes, before, schemas_));
  if (latest_->catalogue && (!before || latest_->catalogue != before->catalogue))
    log_catalogue(*latest_->catalogue, before && before->catalogue ? *before->catalogue : Catalogue{});
  if (!before || latest_->version != before->version || changes.seen) publish_to_workers_(latest_);
  metrics_.set_servers(server_gauges(membership));
  metrics_.set_tables(table_gauges(*latest_));
}

}  // namespace shardplex::router
