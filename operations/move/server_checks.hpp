// What one server says about its fitness for moves: settings, tables, leftovers.
#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/move/obstacles.hpp"
#include "shard_map/rebalance_plan.hpp"

namespace shardplex::operations {

/// What moves need of a server at the same time, beside what it uses already.
struct ServerNeeds {
  int replication_slots = 0;
  int senders = 0;        ///< walsenders
  int subscriptions = 0;  ///< each with a worker and a replication origin
};

/// The version and the role; no problem, and all other checks can be made.
std::vector<CheckFinding> check_basics(pqxx::transaction_base& transaction, const std::string& shard);

/// Settings, and transactions that would hold up a replication slot.
std::vector<CheckFinding> check_server(pqxx::transaction_base& transaction, const std::string& shard,
                                       const ServerNeeds& needs);

/// Whether the schema shardplex is of this version; no problem, and the checks below can be made.
std::vector<CheckFinding> check_schema(pqxx::transaction_base& transaction, const std::string& shard);

/// Publications, subscriptions, replication slots and markers of moves that are over or unknown.
/// Precondition: check_schema() found nothing.
std::vector<CheckFinding> check_leftovers(pqxx::transaction_base& transaction, const std::string& shard);

/// An import that may still be reversed: its way back carries changes of the rows that are here now.
/// Precondition as above.
std::vector<CheckFinding> check_import_over(pqxx::transaction_base& transaction, const std::string& shard);

/// Moves that are not over and have slots of this one, on either side. Precondition as above.
std::vector<CheckFinding> check_unfinished(pqxx::transaction_base& transaction, const std::string& shard,
                                           const PlannedMove& move);

/// Whether the table is one that can be moved. The slot column is not asked for where the server is still to
/// become a shard.
std::vector<CheckFinding> check_table(pqxx::transaction_base& transaction, const std::string& shard,
                                      const std::string& table, bool initialised);

/// Whether the rows that come will fit on the disk. `free_bytes` nullopt: it could not be looked at. Pure.
std::optional<CheckFinding> check_space(const std::string& shard, std::uint64_t needed_bytes,
                                        std::optional<std::uint64_t> free_bytes);

}  // namespace shardplex::operations
