#include "operations/cluster/members.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "operations/process/failure.hpp"
#include "operations/shard/directory.hpp"
#include "operations/shard/map_file.hpp"
#include "operations/shard/move_entry.hpp"
#include "operations/shard/mover.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/sequence_strides.hpp"
#include "operations/shard/server.hpp"
#include "shard_map/ownership.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::operations {
namespace {

using Problems = std::vector<std::string>;

constexpr const char* routers_note =
    "routers take it over when they read their map again (SIGHUP, with the new file where they have their "
    "own)";

ShardId shard_of_map(const ShardMap& map, const std::string& name) {
  const auto id = map.find_shard(name);
  if (!id) throw CommandFailed("the map has no shard " + name);
  return *id;
}

/// Writes the directories of all shards for `wanted`; those of shards that it does not have are left alone.
void write_directories(const ShardMap& wanted, const std::string& removed = "") {
  for (const auto& primary : find_primaries(wanted)) {
    pqxx::work transaction(*primary.connection);
    write_directory(transaction, wanted);
    if (!removed.empty()) transaction.exec_params("DELETE FROM shardplex.shards WHERE name = $1", removed);
    transaction.commit();
  }
}

// Removing a shard.

/// What one shard has that still needs the other one to be there.
Problems ties_to(pqxx::transaction_base& transaction, const std::string& shard, const std::string& leaving) {
  Problems problems;
  for (const auto& row : transaction.exec_params(
           "SELECT id, phase FROM shardplex.moves WHERE $1 IN (source, target) AND phase NOT IN " +
               phases_over_sql() + " ORDER BY id",
           leaving))
    problems.push_back(shard + ": move " + row[0].as<std::string>() + " from or to " + leaving + " is " +
                       row[1].as<std::string>() + "; shardplex rebalance finish, resume or abort it first");
  if (transaction.exec1("SELECT EXISTS (SELECT FROM shardplex.imports WHERE phase <> 'done')")[0].as<bool>())
    problems.push_back(shard + ": an import is not over");
  return problems;
}

/// The map without the shard, with every slot where its owner is now.
ShardMap without_shard(const ShardMap& map, ShardId leaving, const Ownership& ownership) {
  const auto shifted = [&](ShardId id) {
    return id.value > leaving.value ? ShardId{static_cast<std::uint16_t>(id.value - 1)} : id;
  };
  std::vector<Shard> shards = map.shards();
  shards.erase(shards.begin() + leaving.value);
  std::vector<Group> groups = map.groups();
  for (std::size_t group = 0; group < groups.size(); ++group)
    for (std::uint32_t slot = 0; slot < groups[group].slot_count; ++slot)
      groups[group].placement[slot] =
          shifted(ownership.owner(GroupId{static_cast<std::uint16_t>(group)}, Slot{slot}).shard);
  return ShardMap(map.cluster(), std::move(shards), std::move(groups), map.tables(), map.relations(),
                  map.views(), map.functions());
}

/// Nobody else gets ids that this shard has promised: it promises none from now on, and the others know what
/// it has promised, should one of them ever promise under the same node numbers.
void hand_over_node_numbers(pqxx::connection& leaving, const ShardMap& remaining) {
  std::vector<std::pair<int, std::int64_t>> promised;
  {
    pqxx::work transaction(leaving);
    transaction.exec("LOCK TABLE shardplex.nodes IN EXCLUSIVE MODE");
    for (const auto& row : transaction.exec("SELECT node, reserved_until FROM shardplex.nodes"))
      promised.emplace_back(row[0].as<int>(), row[1].as<std::int64_t>());
    for (const std::string function : {"reserve_ids", "promise_ids"})
      transaction.exec("DROP FUNCTION IF EXISTS shardplex." + function + "(integer, bigint, bigint)");
    transaction.commit();
  }
  for (const auto& primary : find_primaries(remaining)) {
    pqxx::work transaction(*primary.connection);
    for (const auto& [node, until] : promised)
      transaction.exec_params(
          "INSERT INTO shardplex.nodes AS n VALUES ($1, $2) ON CONFLICT (node) DO UPDATE "
          "SET reserved_until = greatest(n.reserved_until, excluded.reserved_until)",
          node, until);
    transaction.commit();
  }
}

// Replicas.

/// Whether both lead to the same database, as far as the connection strings tell.
bool same_server(const std::string& one, const std::string& other) {
  return address_of(one) == address_of(other);
}

bool is_called(const std::string& conninfo, const std::string& server) {
  const auto address = address_of(conninfo);  // host:port/database
  return address == server || address.substr(0, address.rfind('/')) == server ||
         same_server(conninfo, server);
}

void require_replica_of(const ShardMap& map, const Shard& shard, const std::string& conninfo) {
  const auto primary = find_primary(map, shard);
  const auto identifier = [](pqxx::connection& connection) {
    return pqxx::nontransaction(connection)
        .exec1("SELECT system_identifier FROM pg_control_system()")[0]
        .as<std::string>();
  };
  const std::string who = address_of(conninfo) + ": ";
  try {
    const auto connection = connect(conninfo);
    const auto state = [&] {
      pqxx::read_transaction transaction(*connection);
      return read_server_state(transaction);
    }();
    if (!state.in_recovery) throw CommandFailed(who + "it is no replica");
    if (!state.initialised || state.cluster != map.cluster() || state.shard != shard.name)
      throw CommandFailed(who + "it is no replica of shard " + shard.name +
                          (state.initialised
                               ? "; it says that it is shard " + state.shard + " of cluster " + state.cluster
                               : "; it is not initialised"));
    if (identifier(*connection) != identifier(*primary.connection))
      throw CommandFailed(who + "it was made from another server than the primary of shard " + shard.name);
    if (!state.receives_wal) throw CommandFailed(who + "it is not connected to its primary");
  } catch (const CommandFailed&) {
    throw;
  } catch (const std::exception& error) {
    throw CommandFailed(who + reason_of(error));
  }
}

ShardMap with_shard(const ShardMap& map, ShardId id, Shard shard) {
  std::vector<Shard> shards = map.shards();
  shards[id.value] = std::move(shard);
  return ShardMap(map.cluster(), std::move(shards), map.groups(), map.tables(), map.relations(), map.views(),
                  map.functions());
}

void write_directory_of(const ShardMap& wanted, const PrimaryFound& primary) {
  pqxx::work transaction(*primary.connection);
  write_directory(transaction, wanted);
  transaction.commit();
}

/// Writes the directories of all shards that have a primary, first that of the shard that has changed: the
/// others' are only for routers that do not have that shard in their map. A sentence is returned for each
/// that has none.
Problems write_directories_but_of_silent(const ShardMap& wanted, ShardId changed) {
  write_directory_of(wanted, find_primary(wanted, wanted.shard(changed)));
  Problems untold;
  for (std::uint16_t i = 0; i < wanted.shards().size(); ++i) {
    if (ShardId{i} == changed) continue;
    std::optional<PrimaryFound> primary;
    try {
      primary = find_primary(wanted, wanted.shards()[i]);
    } catch (const std::exception& error) {
      untold.push_back(wanted.shards()[i].name + ": its directory was not changed: " + reason_of(error));
    }
    if (primary) write_directory_of(wanted, *primary);
  }
  return untold;
}

}  // namespace

void remove_shard(const std::string& map_file, const ShardMap& map, const std::string& name,
                  const Terminal& terminal) {
  const ShardId leaving = shard_of_map(map, name);
  if (map.shards().size() == 1) throw CommandFailed(name + " is the only shard of the map");
  const Mover nobody_else(map);
  Problems problems;
  std::vector<std::optional<ShardOwnership>> reports;
  const auto primaries = find_primaries(map);
  for (std::size_t i = 0; i < primaries.size(); ++i) {
    pqxx::nontransaction transaction(*primaries[i].connection);
    const auto& shard = map.shards()[i].name;
    reports.emplace_back(read_ownership(transaction, map, problems));
    for (auto& tie : ties_to(transaction, shard, name)) problems.push_back(std::move(tie));
    if (i != leaving.value) continue;
    const auto slots = transaction.exec1(count_of_slots_sql)[0].as<std::uint64_t>();
    if (slots > 0)
      problems.push_back(name + ": it still has " + with_thousands(slots) +
                         " slots; shardplex rebalance plan --drain " + name + ", run and finish first");
  }
  const Ownership ownership(map, reports);
  for (auto& fault : ownership.faults(map)) problems.push_back(std::move(fault));
  if (!problems.empty()) throw CommandFailed(std::move(problems));

  const ShardMap remaining = without_shard(map, leaving, ownership);
  auto& removed = *primaries[leaving.value].connection;
  hand_over_node_numbers(removed, remaining);
  carry_sequences(removed, find_primaries(remaining), map);
  write_directories(remaining, name);
  // It names no shard any more, itself included, and comes back without the node numbers that others may have
  // by then.
  pqxx::work leaving_behind(removed);
  leaving_behind.exec("DELETE FROM shardplex.shards");
  leaving_behind.exec("UPDATE shardplex.shard SET first_node = NULL, last_node = NULL");
  leaving_behind.commit();
  rewrite_map_file(map_file, remaining);
  terminal.note(name + " is no shard of the cluster any more; " + routers_note +
                ", and its server may be stopped after that");
}

void add_replica(const std::string& map_file, const ShardMap& map, const std::string& name,
                 const std::string& conninfo, const Terminal& terminal) {
  const ShardId id = shard_of_map(map, name);
  Shard shard = map.shard(id);
  for (const auto& other : map.shards()) {
    std::vector<std::string> servers{other.primary};
    servers.insert(servers.end(), other.replicas.begin(), other.replicas.end());
    for (const auto& server : servers)
      if (same_server(server, conninfo))
        throw CommandFailed(address_of(conninfo) + " is a server of shard " + other.name + " already");
  }
  const Mover nobody_else(map);
  require_replica_of(map, shard, conninfo);
  shard.replicas.push_back(conninfo);
  const ShardMap wanted = with_shard(map, id, std::move(shard));
  write_directories(wanted);
  rewrite_map_file(map_file, wanted);
  terminal.note(address_of(conninfo) + " is a replica of " + name + "; " + routers_note);
}

void remove_replica(const std::string& map_file, const ShardMap& map, const std::string& name,
                    const std::string& server, const Terminal& terminal) {
  const ShardId id = shard_of_map(map, name);
  const Shard& before = map.shard(id);
  std::vector<std::string> servers{before.primary};
  servers.insert(servers.end(), before.replicas.begin(), before.replicas.end());
  const auto found = std::ranges::find_if(servers, [&](const auto& one) { return is_called(one, server); });
  if (found == servers.end()) throw CommandFailed("shard " + name + " has no server " + server);
  const std::string removed = *found;
  const Mover nobody_else(map);
  const auto primary = find_primary(map, before);
  if (same_server(primary.conninfo, removed))
    throw CommandFailed(address_of(removed) + " is the primary of shard " + name +
                        " now; promote another first");
  servers.erase(found);
  // The file's primary is where routers look first; it may be the one that goes.
  Shard after{name, removed == before.primary ? primary.conninfo : before.primary, {}};
  for (const auto& one : servers)
    if (one != after.primary) after.replicas.push_back(one);
  const ShardMap wanted = with_shard(map, id, std::move(after));
  for (const auto& untold : write_directories_but_of_silent(wanted, id))
    terminal.warning(
        untold +
        "; when the shard has a primary again, run shardplex cluster init, and before that neither promote " +
        address_of(removed) + " nor use it for anything else");
  rewrite_map_file(map_file, wanted);
  terminal.note(address_of(removed) + " is no server of " + name + " any more; " + routers_note);
}

}  // namespace shardplex::operations
