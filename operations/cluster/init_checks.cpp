#include "operations/cluster/init_checks.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/shard/inquiry.hpp"
#include "operations/shard/mover.hpp"
#include "operations/shard/primary.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/primary_choice.hpp"

namespace shardplex::operations {
namespace {

// One command at a time that makes or changes shards; a mover holds it too.
const std::string lock_sql = std::string("SELECT pg_try_advisory_xact_lock(") + mover_lock_arguments + ")";
constexpr std::chrono::seconds silence{5};  // of a server that is asked
constexpr const char* busy = "another cluster init, or a mover, is at work on it";

std::string row_problem(const TablePlacement& table) {
  return "table " + table.name +
         " holds rows without a slot: this is a database in use. Export them (\\copy " + table.name +
         " TO 'FILE.csv' CSV HEADER), empty the table, run cluster init again and load them with "
         "shardplex load";
}

bool has_column(pqxx::transaction_base& transaction, const std::string& table, std::string_view column) {
  return transaction
      .exec_params1(
          "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2 "
          "AND NOT attisdropped)",
          quote_map_name(table), std::string(column))[0]
      .as<bool>();
}

void check_table(Member& member, const TablePlacement& placement, bool schema_given, Problems& problems) {
  auto& transaction = *member.transaction;
  if (member.catalogue.foreign_tables.contains(placement.name)) {
    problems.push_back("table " + placement.name +
                       " is a foreign table, which is not served (make it an ordinary table)");
    return;
  }
  if (!read_table(transaction, placement.name)) {
    if (!schema_given)
      problems.push_back("table " + placement.name + " does not exist (--schema FILE.sql makes the tables)");
    return;
  }
  if (placement.reference || has_column(transaction, placement.name, slot_column)) return;
  const auto query = "SELECT EXISTS (SELECT FROM " + quote_map_name(placement.name) + ")";
  if (transaction.exec1(query)[0].as<bool>()) problems.push_back(row_problem(placement));
}

/// What the shard's data was placed by, if it differs from the map. A shard made before there were
/// definitions has none to differ.
Problems check_definitions(pqxx::transaction_base& transaction, const ShardMap& map) {
  const auto known = transaction.exec1("SELECT to_regclass('shardplex.definitions') IS NOT NULL");
  return known[0].as<bool>() ? definition_problems(transaction, map) : Problems{};
}

/// To the primary of a shard that is one already, wherever it is now; else to the server the map calls so.
void connect_to_primary(Member& member, const ShardMap& map) try {
  PrimaryFound found = find_primary(map, *member.shard);
  member.conninfo = std::move(found.conninfo);
  member.connection = std::move(found.connection);
} catch (const CommandFailed&) {
  member.conninfo = member.shard->primary;
  member.connection = connect(member.conninfo);
  // One that is a shard already has been found wanting for a reason.
  pqxx::read_transaction transaction(*member.connection);
  const auto state = read_server_state(transaction);
  if (state.initialised && !state.in_recovery && !identity_problem(state, map, *member.shard)) throw;
}

/// Everything that could stand in the way on one shard. Nothing is changed.
Problems check_member(Member& member, const ShardMap& map, bool schema_given) try {
  connect_to_primary(member, map);
  member.transaction = std::make_unique<pqxx::work>(*member.connection);
  member.state = read_server_state(*member.transaction);
  read_noted_timelines(*member.transaction, member.state);
  const ServerState& state = member.state;
  Problems problems = unfit_database(state);
  if (state.in_recovery) problems.push_back("the server is a replica; the map names it as the primary");
  if (auto wrong = identity_problem(state, map, *member.shard)) problems.push_back(*wrong);
  if (!problems.empty()) return problems;
  if (!member.transaction->exec1(lock_sql)[0].as<bool>()) return {busy};
  if (state.initialised) {
    problems = check_definitions(*member.transaction, map);
    member.ownership = read_ownership(*member.transaction, map, problems);
  }
  member.catalogue = read_catalogue(*member.transaction, map);
  for (const auto& table : map.tables()) check_table(member, table, schema_given, problems);
  return problems;
} catch (const std::exception& error) {
  return {reason_of(error)};
}

Problems same_databases(const std::vector<Member>& members) {
  Problems problems;
  for (std::size_t i = 0; i < members.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (!members[i].state.database_identity.empty() &&
          members[i].state.database_identity == members[j].state.database_identity)
        problems.push_back(members[i].shard->name + ": it is the same database as " + members[j].shard->name);
  return problems;
}

/// Settings by which answers and stored values would depend on the shard.
Problems different_settings(const std::vector<Member>& members) {
  Problems problems;
  const auto is_known = [](const Member& member) { return member.state.version != 0; };
  const auto first = std::ranges::find_if(members, is_known);
  for (const Member& member : members)
    if (is_known(member))
      std::ranges::move(setting_differences(first->shard->name, first->state.settings, member.shard->name,
                                            member.state.settings),
                        std::back_inserter(problems));
  for (auto& problem : problems)
    problem +=
        "; make it the same for this role and for that of the routers (ALTER ROLE or ALTER DATABASE … SET)";
  return problems;
}

/// The shard is one of the cluster that this member belongs to.
bool lists(Member& member, const std::string& shard) {
  if (!member.transaction || !member.state.initialised) return false;
  const auto known = member.transaction->exec1("SELECT to_regclass('shardplex.shards') IS NOT NULL");
  return known[0].as<bool>() &&
         std::ranges::any_of(read_directory(*member.transaction),
                             [&](const ListedShard& listed) { return listed.shard.name == shard; });
}

/// A database that is no shard must not be made one in the place of a server that has the rows and is silent.
/// Precondition: nothing else is wrong with any member.
Problems silent_shards(std::vector<Member>& members) {
  Problems problems;
  for (const auto& blank : members) {
    if (!blank.transaction || blank.state.initialised || blank.shard->replicas.empty()) continue;
    if (std::ranges::none_of(members, [&](Member& member) { return lists(member, blank.shard->name); }))
      continue;
    const auto servers = servers_of(*blank.shard);
    const auto answers = ask_servers({{servers, silence, silence}}).front();
    for (std::size_t i = 0; i < servers.size(); ++i)
      if (!answers[i].status)
        problems.push_back(blank.shard->name + ": " + address_of(blank.conninfo) + " is no shard, and " +
                           address_of(servers[i]) + ", which may be it, does not answer (" +
                           answers[i].failure + "); start it, or take it out of the map where it is lost");
  }
  return problems;
}

}  // namespace

Problems check_members(std::vector<Member>& members, const ShardMap& map, bool schema_given) {
  const auto found =
      in_parallel(members.size(), [&](std::size_t i) { return check_member(members[i], map, schema_given); });
  // The lock is per database: two names of one database meet here as one init too many. Say what it is.
  Problems all = same_databases(members);
  const bool twice = !all.empty();
  for (std::size_t i = 0; i < members.size(); ++i)
    for (const auto& problem : found[i])
      if (!twice || problem != busy) all.push_back(members[i].shard->name + ": " + problem);
  std::ranges::move(different_settings(members), std::back_inserter(all));
  return all.empty() ? silent_shards(members) : all;
}

void warn_of_settings(const std::vector<Member>& members, const Terminal& terminal) {
  for (const auto& member : members)
    if (member.state.max_prepared_transactions == 0)
      terminal.warning(member.shard->name +
                       ": max_prepared_transactions is 0; writes over several shards need it above 0");
}
}  // namespace shardplex::operations
