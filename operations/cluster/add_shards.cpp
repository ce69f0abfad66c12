#include "operations/cluster/add_shards.hpp"

#include <algorithm>
#include <sstream>

#include "operations/cluster/alike.hpp"
#include "operations/cluster/init.hpp"
#include "operations/process/failure.hpp"
#include "operations/replication/copy_session.hpp"
#include "operations/replication/slot_copy.hpp"
#include "operations/shard/access_rights.hpp"
#include "operations/shard/map_file.hpp"
#include "operations/shard/moved_table.hpp"
#include "operations/shard/place_guard.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/schema_dump.hpp"
#include "operations/shard/server.hpp"
#include "operations/shard/setup.hpp"

namespace shardplex::operations {
namespace {

ShardMap with_shards(const ShardMap& map, const std::vector<Shard>& added) {
  std::vector<Shard> shards = map.shards();
  shards.insert(shards.end(), added.begin(), added.end());
  return ShardMap(map.cluster(), std::move(shards), map.groups(), map.tables(), map.relations(), map.views(),
                  map.functions());
}

/// Before anything is made there.
void check_fit(const ShardMap& map, const PrimaryFound& from, const PrimaryFound& to, const std::string& name,
               const std::string& first, const Terminal& terminal) {
  pqxx::nontransaction source(*from.connection), target(*to.connection);
  require_fit({name, &target}, {first, &source}, map, terminal);
}

/// Makes the tables of the map that the new shard lacks, as the other has them.
void copy_schema(const ShardMap& map, const PrimaryFound& from, const PrimaryFound& to,
                 const std::string& name, const Terminal& terminal) {
  pqxx::nontransaction target(*to.connection);
  const auto is_missing = [&](const TablePlacement& table) { return !read_table(target, table.name); };
  if (std::ranges::none_of(map.tables(), is_missing)) return;
  pqxx::nontransaction source(*from.connection);
  const auto objects = read_schema_objects(source, map);
  const auto missing = missing_objects(target, objects);
  const SchemaDump dump(from.conninfo);
  std::string sql;
  for (const auto section : {SchemaDump::Section::tables, SchemaDump::Section::indexes})
    sql += dump.sql(section, missing, objects);
  run_script(to.conninfo, sql);
  terminal.note(name + ": made its tables as they are on the first shard");
}

/// Nobody writes to the reference tables while they are copied.
void copy_reference_rows(const ShardMap& map, const PrimaryFound& from, const PrimaryFound& to,
                         const std::string& name, const Terminal& terminal) {
  const auto tables = [&] {
    pqxx::nontransaction source(*from.connection);
    return read_reference_tables(source, map);
  }();
  CopySession source(from.conninfo), target(to.conninfo);
  source.execute("BEGIN");
  target.execute("BEGIN");
  RateLimit no_limit(0);
  std::uint64_t copied = 0;
  for (const auto& table : tables) {
    source.execute("LOCK TABLE " + qualified_name(table) + " IN SHARE MODE");
    target.execute("DELETE FROM " + qualified_name(table));
    copy_whole_table(source, target, table, no_limit,
                     {[&](std::uint64_t rows, std::uint64_t) { copied += rows; }, [] {}});
  }
  target.execute("COMMIT");
  if (copied > 0) terminal.note(name + ": copied " + with_thousands(copied) + " rows of reference tables");
}

/// Roles, grants and default privileges, before the first slot moves: a router must find its role there with
/// the rights that it has elsewhere, and with no others.
void copy_access_rights(const ShardMap& map, const PrimaryFound& from, const PrimaryFound& to,
                        const std::string& name, const std::string& first, const Terminal& terminal) {
  const auto wanted = [&] {
    pqxx::nontransaction source(*from.connection);
    return read_access_rights(source, map);
  }();
  // Whether a transaction is logged as one of a sample is decided when it begins.
  pqxx::nontransaction(*to.connection).exec("SET log_transaction_sample_rate = 0");
  pqxx::work target(*to.connection);
  const auto changed = make_access_rights(target, map, wanted);
  const auto differences = access_differences(read_access_rights(target, map), wanted, first);
  target.commit();
  if (changed > 0)
    terminal.note(name + ": made " + std::to_string(changed) + " roles and grants as they are on " + first);
  std::vector<std::string> problems;
  for (const auto& difference : differences) problems.push_back(name + ": " + difference.text);
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

/// Init fails where it cannot make the triggers that are missed, which must not be when half is done.
void require_guards(const ShardMap& map) {
  std::vector<std::string> tables, problems;
  for (const auto& table : map.tables()) tables.push_back(table.name);
  for (const auto& shard : map.shards()) {
    const auto primary = find_primary(map, shard);
    pqxx::nontransaction transaction(*primary.connection);
    for (const auto& problem : missed_guards(transaction, map, tables))
      problems.push_back(shard.name + ": " + problem);
  }
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

/// What grants are to be made on.
void make_schema_alone(pqxx::connection& connection) {
  pqxx::work transaction(connection);
  make_schema(transaction);
  transaction.commit();
}

}  // namespace

void make_access_rights_alike(const ShardMap& map, const Shard& shard, const Terminal& terminal) {
  const Shard& first = map.shards().front();
  if (first.name == shard.name)
    throw CommandFailed(
        shard.name + " is the first shard of the map, by which the others are made alike; name one of those");
  copy_access_rights(map, find_primary(map, first), find_primary(map, shard), shard.name, first.name,
                     terminal);
}

ShardMap add_shards(const std::string& map_file, const ShardMap& map, const std::vector<Shard>& added,
                    const Terminal& terminal) {
  if (added.empty()) return map;
  const ShardMap wanted = with_shards(map, added);
  require_guards(map);
  const auto first = find_primary(map, map.shards().front());
  for (const auto& shard : added) try {
      const auto primary = find_primary(wanted, shard, Uninitialised::allowed);
      check_fit(map, first, primary, shard.name, map.shards().front().name, terminal);
      copy_schema(map, first, primary, shard.name, terminal);
      copy_reference_rows(map, first, primary, shard.name, terminal);
      // Before it is in any directory: a router that learns of it finds its role there.
      make_schema_alone(*primary.connection);
      copy_access_rights(map, first, primary, shard.name, map.shards().front().name, terminal);
    } catch (const SqlFailure& failure) {
      throw CommandFailed(shard.name + ": " + failure.what());
    }
  // What init says of shards that were there before is of no interest here.
  std::ostringstream said;
  initialise_cluster(wanted, std::nullopt, false, Terminal{terminal.in, said, terminal.err});
  for (const auto& shard : added)  // whatever init has made since
    copy_access_rights(map, first, find_primary(wanted, shard), shard.name, map.shards().front().name,
                       terminal);
  rewrite_map_file(map_file, wanted);
  return wanted;
}

}  // namespace shardplex::operations
