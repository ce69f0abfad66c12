#include "operations/move/routers.hpp"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

/// What the routers that report to the moves' sources say against their targets.
std::vector<std::string> objections(const ShardMap& map, const std::vector<PlannedMove>& moves) {
  std::set<std::string> found;
  std::set<std::string> sources;
  for (const auto& move : moves) sources.insert(move.source);
  for (const auto& source : sources) {
    const auto primary = find_primary(map, map.shard(*map.find_shard(source)));
    pqxx::nontransaction transaction(*primary.connection);
    const auto routers = read_live_routers(transaction);
    for (const auto& move : moves)
      if (move.source == source)
        for (const auto& router : routers)
          if (auto what = objection(router, move.target, tables_of_group(map, move.group)))
            found.insert(*std::move(what));
  }
  return {found.begin(), found.end()};
}

}  // namespace

std::vector<RouterSeen> read_live_routers(pqxx::transaction_base& transaction) {
  std::vector<RouterSeen> routers;
  for (const auto& row : transaction.exec(std::string(live_routers_sql))) {
    auto id = row["id"].as<std::string>();
    if (routers.empty() || routers.back().id != id)
      routers.push_back({std::move(id), row["name"].as<std::string>(), {}});
    if (row["kind"].is_null()) continue;
    auto& report = routers.back().report;
    (row["kind"].as<std::string>() == "shards" ? report.shards : report.tables)
        .emplace(row["subject"].as<std::string>(), row["reason"].as<std::string>(""));
  }
  return routers;
}

std::optional<std::string> objection(const RouterSeen& router, const std::string& shard,
                                     const std::vector<std::string>& tables) {
  const std::string who = "router " + router.name;
  const auto known = router.report.shards.find(shard);
  if (known == router.report.shards.end())
    return who + " does not know of shard " + shard +
           " (does it read an old map, or may it not read shardplex.shards?)";
  if (!known->second.empty()) return who + " has not accepted shard " + shard + ": " + known->second;
  for (const auto& table : tables)
    if (const auto refused = router.report.tables.find(table); refused != router.report.tables.end())
      return who + " does not serve table " + table + ": " + refused->second;
  return std::nullopt;
}

std::vector<std::string> tables_of_group(const ShardMap& map, const std::string& group) {
  std::vector<std::string> names;
  for (const auto& table : map.tables())
    if (table.group && map.group(*table.group).name == group) names.push_back(table.name);
  return names;
}

void await_routers(const ShardMap& map, const std::vector<PlannedMove>& moves, std::chrono::seconds patience,
                   const Terminal& terminal) {
  const auto begun = std::chrono::steady_clock::now();
  bool told = false;
  while (true) {
    auto found = objections(map, moves);
    if (found.empty()) return;
    const auto waited = std::chrono::steady_clock::now() - begun;
    if (waited > patience) {
      found.emplace_back(
          "no slots were moved; routers that are gone are forgotten after 15 s, the others have to accept "
          "the "
          "shard first");
      throw CommandFailed(std::move(found));
    }
    if (!told && waited > std::chrono::seconds(2)) {
      told = true;
      terminal.note("waiting until all routers accept the shards: " + found.front());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

}  // namespace shardplex::operations
