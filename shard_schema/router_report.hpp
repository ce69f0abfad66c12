// What a router reports of itself to every shard that it routes to (the table shardplex.routers), for whoever
// is about to hand slots over: a shard that some router does not accept must not own any.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace shardplex {

/// Stored as {"shards": {…}, "tables": {…}}.
struct RouterReport {
  std::map<std::string, std::string> shards;  ///< every one it knows of: "", or why it cannot route to it
  std::map<std::string, std::string> tables;  ///< those it does not serve, and why
  bool operator==(const RouterReport&) const = default;
};

/// How often a router reports where nothing has changed. A row is good for 15 seconds (live_routers_sql).
inline constexpr std::chrono::seconds router_report_interval{2};

/// $1 id of the process, $2 its name for people, $3 the report as JSON.
inline constexpr std::string_view report_router_sql = "SELECT shardplex.report_router($1, $2, $3::jsonb)";

/// Ends the fences on this shard whose lease is over: the ids of their moves.
inline constexpr std::string_view end_overdue_fences_sql = "SELECT * FROM shardplex.end_overdue_fences()";

/// Rows of id, name, kind ("shards" or "tables"), subject, reason; kind and what follows are null for a
/// router that reports nothing.
inline constexpr std::string_view live_routers_sql = R"sql(
SELECT r.id, r.name, e.kind, e.subject, e.reason
  FROM shardplex.routers r
  LEFT JOIN LATERAL (SELECT k.kind, i.key, i.value
                       FROM (VALUES ('shards'), ('tables')) k(kind), jsonb_each_text(r.report -> k.kind) i)
       AS e(kind, subject, reason) ON true
 WHERE r.reported_at > clock_timestamp() - interval '15 seconds'
 ORDER BY r.name, r.id)sql";

}  // namespace shardplex
