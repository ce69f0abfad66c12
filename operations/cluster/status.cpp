#include "operations/cluster/status.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "operations/process/failure.hpp"
#include "operations/shard/directory.hpp"
#include "operations/shard/place_guard.hpp"
#include "operations/shard/pqxx_rows.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/primary_choice.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::operations {
namespace {

std::vector<Server> servers_of(const ShardMap& map) {
  std::vector<Server> servers;
  for (std::uint16_t i = 0; i < map.shards().size(); ++i) {
    const Shard& shard = map.shards()[i];
    servers.push_back({ShardId{i}, true, shard.primary, {}, {}, {}});
    for (const auto& replica : shard.replicas) servers.push_back({ShardId{i}, false, replica, {}, {}, {}});
  }
  return servers;
}

std::uint64_t count_leftovers(pqxx::transaction_base& transaction, const std::string& qualified,
                              const std::string& group) {
  const std::string counts = "SELECT coalesce(sum(t.n), 0) FROM (SELECT shardplex_slot, count(*) AS n FROM " +
                             qualified + " GROUP BY shardplex_slot) t";
  const std::string left_over = " WHERE NOT " + slot_may_have_rows("$1", "t.shardplex_slot");
  return transaction.exec_params1(counts + left_over, group)[0].as<std::uint64_t>();
}

std::optional<TableSize> measure_table(pqxx::transaction_base& transaction, const ShardMap& map,
                                       const TablePlacement& placement, bool exact) {
  const std::string qualified = quote_map_name(placement.name);
  const auto found = transaction.exec_params(
      "SELECT c.reltuples::bigint, pg_total_relation_size(c.oid) FROM pg_class c WHERE c.oid = "
      "to_regclass($1)",
      qualified);
  if (found.empty()) return std::nullopt;
  TableSize size;
  size.name = placement.name;
  const auto estimate = found[0][0].as<std::int64_t>();
  size.known = exact || estimate >= 0;  // -1: never analysed
  size.exact = exact;
  size.rows = exact ? transaction.exec1("SELECT count(*) FROM " + qualified)[0].as<std::uint64_t>()
                    : static_cast<std::uint64_t>(std::max<std::int64_t>(estimate, 0));
  size.bytes = found[0][1].as<std::uint64_t>();
  const auto table = placement.reference ? std::nullopt : read_table(transaction, placement.name);
  if (table && table->has_slot_column)
    size.leftover_rows = count_leftovers(transaction, qualified, map.group(*placement.group).name);
  return size;
}

// Rows as JSON: a schema of an older version lacks columns, and may lack tables.
constexpr const char* has_journals_sql =
    "SELECT coalesce(has_table_privilege(to_regclass('shardplex.moves'), 'SELECT') AND "
    "has_table_privilege(to_regclass('shardplex.imports'), 'SELECT'), false)";
constexpr const char* has_ways_back_sql = R"sql(
SELECT EXISTS (SELECT FROM shardplex.moves m WHERE to_jsonb(m) ->> 'phase' = 'reversible')
    OR EXISTS (SELECT FROM shardplex.imports i WHERE i.phase IN ('reversible', 'reversing', 'returning')))sql";

ShardContent read_content(pqxx::transaction_base& transaction, const ShardMap& map, bool exact) {
  ShardContent content;
  content.problems = definition_problems(transaction, map);
  content.ownership = read_ownership(transaction, map, content.problems);
  content.directory_differences = directory_differences(transaction, map);
  for (const auto& table : map.tables()) {
    auto size = measure_table(transaction, map, table, exact);
    if (!size)
      content.problems.push_back("table " + table.name + " does not exist");
    else if (content.tables.push_back(*std::move(size));
             read_place_guard(transaction, table) != PlaceGuard::in_place)
      content.problems.push_back(guard_problem(table));
  }
  for (const auto& row :
       transaction.exec("SELECT gid FROM pg_prepared_xacts WHERE database = current_database() "
                        "AND gid LIKE 'shardplex\\_load\\_%' ORDER BY gid"))
    content.prepared.push_back(row[0].as<std::string>());
  content.waiting_parts = decode_waiting_parts(PqxxRows(transaction.exec(std::string(waiting_parts_sql))));
  content.has_ways_back =
      transaction.exec1(has_journals_sql)[0].as<bool>() && transaction.exec1(has_ways_back_sql)[0].as<bool>();
  return content;
}

void visit(Server& server, const ShardMap& map, bool exact) try {
  const auto connection = connect(server.conninfo);
  pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction(*connection);
  auto state = read_server_state(transaction);
  read_noted_timelines(transaction, state);
  server.state = std::move(state);
  if (server.state->initialised && !server.state->in_recovery &&
      !identity_problem(*server.state, map, map.shard(server.shard)))
    server.content = read_content(transaction, map, exact);
} catch (const std::exception& error) {
  server.problem = reason_of(error);
}

/// The primary that routers would take; why another server is not it, is its problem. nullptr where there is
/// none whose content could be read.
const Server* judge_servers(const ShardMap& map, std::vector<Server>& servers, ShardId shard) {
  std::vector<Server*> members;
  std::vector<ServerWord> words, all;
  for (auto& server : servers) {
    all.push_back({server.state ? &*server.state : nullptr, false});
    if (server.shard != shard) continue;
    members.push_back(&server);
    words.push_back(all.back());
  }
  const auto choice = choose_primary(map.cluster(), map.shard(shard).name, words, all);
  for (std::size_t i = 0; i < members.size(); ++i)
    if (members[i]->problem.empty() && choice.servers[i].standing != Standing::replica)
      members[i]->problem = choice.servers[i].reason;
  const Server* primary = choice.primary ? members[*choice.primary] : nullptr;
  return primary != nullptr && primary->content ? primary : nullptr;
}

void find_server_faults(const ShardMap& map, ClusterStatus& status) {
  for (const auto& server : status.servers)
    if (server.state && !server.problem.empty())
      status.faults.push_back(map.shard(server.shard).name + ": " + address_of(server.conninfo) + ": " +
                              server.problem);
  for (std::uint16_t i = 0; i < map.shards().size(); ++i)
    if (status.primaries[i] == nullptr)
      status.faults.push_back(map.shards()[i].name + ": no primary can be reached");
}

void find_content_faults(const ShardMap& map, ClusterStatus& status) {
  std::vector<std::optional<ShardOwnership>> ownership_reports;
  for (std::size_t i = 0; i < status.primaries.size(); ++i) {
    const Server* primary = status.primaries[i];
    ownership_reports.push_back(primary != nullptr ? std::optional(primary->content->ownership)
                                                   : std::nullopt);
    if (primary == nullptr) continue;
    for (const auto& problem : primary->content->problems)
      status.faults.push_back(map.shards()[i].name + ": " + problem);
  }
  for (const auto& fault : Ownership(map, ownership_reports).faults(map)) status.faults.push_back(fault);
}

}  // namespace

std::string role_of(const Server& server) {
  if (!server.state) return "unknown";
  return server.state->in_recovery ? "replica" : "primary";
}

std::string state_of(const Server& server) {
  if (!server.state) return "unreachable";
  return server.problem.empty() ? "up" : "wrong";
}

std::optional<std::int64_t> lag_bytes(const Server& server, const Server* primary) {
  if (!server.state || !server.state->in_recovery || primary == nullptr) return std::nullopt;
  return std::max<std::int64_t>(0, primary->state->wal_lsn - server.state->wal_lsn);
}

ClusterStatus read_cluster_status(const ShardMap& map, bool exact) {
  ClusterStatus status;
  status.servers = servers_of(map);
  in_parallel(status.servers.size(), [&](std::size_t i) { return visit(status.servers[i], map, exact), 0; });
  for (std::uint16_t i = 0; i < map.shards().size(); ++i)
    status.primaries.push_back(judge_servers(map, status.servers, ShardId{i}));
  find_server_faults(map, status);
  find_content_faults(map, status);
  return status;
}

}  // namespace shardplex::operations
