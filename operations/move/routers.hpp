// What the routers of a cluster say that they route to (shard_schema/router_report.hpp), and what of it
// stands in the way of a move: slots must not be handed to a shard that a router does not accept.
#pragma once

#include <chrono>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/process/terminal.hpp"
#include "shard_map/rebalance_plan.hpp"
#include "shard_map/shard_map.hpp"
#include "shard_schema/router_report.hpp"

namespace shardplex::operations {

/// A router that has reported to a shard a short while ago. One that died is seen for up to 15 seconds more.
struct RouterSeen {
  std::string id;
  std::string name;  ///< "web3, process 4711"
  RouterReport report;
};

/// The routers that live, by name. Precondition: the shard has the schema of this version.
std::vector<RouterSeen> read_live_routers(pqxx::transaction_base& transaction);

/// Why this router would not find slots of these tables on the shard, a sentence; nullopt where it would.
/// Pure.
std::optional<std::string> objection(const RouterSeen& router, const std::string& shard,
                                     const std::vector<std::string>& tables);

/// The sharded tables of the group.
std::vector<std::string> tables_of_group(const ShardMap& map, const std::string& group);

/// Waits until each router that lives accepts the targets of these moves; to be called once the targets are
/// in the directories, from where routers learn of them. Throws CommandFailed with their objections where
/// that has not come about after `patience`.
void await_routers(const ShardMap& map, const std::vector<PlannedMove>& moves, std::chrono::seconds patience,
                   const Terminal& terminal);

}  // namespace shardplex::operations
