// cluster init: makes every database of the map a shard of the cluster, once, and never takes a slot from
// anyone.
//
// All of it happens in one transaction per shard. The transactions are committed only after every shard has
// done all of its part, so an error changes nothing; a crash between two commits leaves some shards made and
// the others untouched, and the next run completes them: a slot is given only to a shard that has no slots of
// the group, and only where no shard has it or had it, and none that the map does not name can.
#include "operations/cluster/init.hpp"

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "operations/cluster/init_checks.hpp"
#include "operations/cluster/init_member.hpp"
#include "operations/cluster/init_ownership.hpp"
#include "operations/cluster/init_review.hpp"
#include "operations/cluster/table_kinds.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/directory.hpp"
#include "operations/shard/place_guard.hpp"
#include "operations/shard/server.hpp"
#include "operations/shard/setup.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::operations {
namespace {

/// Runs the schema file where a table of the map is missing.
void make_tables(Member& member, const ShardMap& map, const std::string& schema_sql) {
  auto& transaction = *member.transaction;
  const auto missing = [&] {
    std::vector<std::string> names;
    for (const auto& table : map.tables())
      if (!read_table(transaction, table.name)) names.push_back(table.name);
    return names;
  };
  if (missing().empty()) {
    member.notes.push_back("the tables are there; the schema file was not run");
    return;
  }
  const auto transaction_id = [&] {
    return transaction.exec1("SELECT pg_current_xact_id()::text")[0].as<std::string>();
  };
  const auto before = transaction_id();
  transaction.exec(schema_sql);
  transaction.exec("SELECT " + pin_settings_sql());  // pg_dump's files leave the search path empty
  if (transaction_id() != before)
    throw std::runtime_error("the schema file ends the transaction itself; it must not hold BEGIN or COMMIT");
  if (const auto names = missing(); !names.empty())
    throw std::runtime_error("the schema file did not make the table " + names.front());
  member.done.push_back("ran the schema file");
}

void describe_shard(Member& member, const ShardMap& map) {
  write_identity(*member.transaction, map, *member.shard);
  // Those that are there are the map's, or check_definitions() had refused it.
  const std::size_t written = write_definitions(*member.transaction, map);
  if (!member.state.initialised)
    member.done.push_back("made the schema shardplex");
  else if (written > 0)
    member.done.push_back("wrote down how keys become slots in " + std::to_string(written) +
                          (written == 1 ? " group or table" : " groups and tables"));
  const std::size_t listed = write_directory(*member.transaction, map);
  if (listed > 0 && member.state.initialised)
    member.done.push_back("wrote down the servers of " + std::to_string(listed) +
                          (listed == 1 ? " shard" : " shards"));
}

void prepare_member(Member& member, const ShardMap& map, const std::optional<std::string>& schema_sql) try {
  if (schema_sql) make_tables(member, map, *schema_sql);
  if (const auto kinds = table_kind_problems(*member.transaction, map); !kinds.empty()) {
    if (!member.state.initialised) throw std::runtime_error(joined(kinds, "; "));
    for (const auto& kind : kinds) member.notes.push_back(kind);
  }
  describe_shard(member, map);
  const std::size_t forms = write_key_forms(*member.transaction, map);
  if (forms > 0 && member.state.initialised)
    member.done.push_back("wrote down the form of the keys of " + std::to_string(forms) +
                          (forms == 1 ? " table" : " tables"));
  for (const auto& table : map.tables())
    if (add_slot_column(*member.transaction, table)) {
      member.transaction->exec(slot_index_sql(table.name));  // the table is empty
      guard_places(*member.transaction, map, table);
      member.done.push_back("added the slot column to " + table.name);
    }
} catch (const std::exception& error) {
  throw CommandFailed(member.shard->name + ": " + reason_of(error));
}

/// Of a trigger that could not be made. Where somebody writes rows that it would look at, init has failed.
void tell_unguarded(Member& member, const TablePlacement& table, const std::exception& error,
                    const Terminal& terminal, Problems& problems) {
  const std::string text = member.shard->name + ": the trigger that watches what others write to " +
                           table.name + " could not be made: " + reason_of(error) +
                           "; run cluster init again";
  try {
    pqxx::read_transaction transaction(*member.connection);
    if (read_place_guard(transaction, table) == PlaceGuard::absent) return terminal.warning(text);
  } catch (const std::exception&) {  // it cannot be ruled out
  }
  problems.push_back(text);
}

/// For tables that an earlier version made: writers wait for it, so in a transaction of its own.
void guard_places_of_all(std::vector<Member>& members, const ShardMap& map, const Terminal& terminal,
                         Problems& problems) {
  for (auto& member : members)
    for (const auto& table : map.tables()) try {
        pqxx::work transaction(*member.connection);
        if (guard_places(transaction, map, table))
          member.done.push_back("watches what triggers write to " + table.name);
        transaction.commit();
      } catch (const std::exception& error) {
        tell_unguarded(member, table, error, terminal, problems);
      }
}

/// For tables of a cluster that an earlier version made: beside writers, so after the transaction. A move
/// does without, but reads each table more often.
void build_missing_indexes(std::vector<Member>& members, const ShardMap& map, const Terminal& terminal) {
  for (auto& member : members)
    for (const auto& table : map.tables()) try {
        const bool there = [&] {
          pqxx::nontransaction transaction(*member.connection);
          return has_slot_index(transaction, table);
        }();
        if (there) continue;
        build_slot_index(*member.connection, table);
        member.done.push_back("built an index on the slot column of " + table.name);
      } catch (const std::exception& error) {
        terminal.warning(member.shard->name + ": the index on the slot column of " + table.name +
                         " could not be built: " + reason_of(error) + "; run cluster init again");
      }
}

}  // namespace

void initialise_cluster(const ShardMap& map, const std::optional<std::string>& schema_sql, bool dry_run,
                        const Terminal& terminal) {
  std::vector<Member> members(map.shards().size());
  for (std::size_t i = 0; i < members.size(); ++i) members[i].shard = &map.shards()[i];
  if (auto problems = check_members(members, map, schema_sql.has_value()); !problems.empty())
    throw CommandFailed(std::move(problems));
  warn_of_settings(members, terminal);
  for (auto& member : members) prepare_member(member, map, schema_sql);
  accept_new_timelines(members, map);
  give_slots(members, map);
  share_out_node_numbers(members, map);
  check_served(members, map, terminal);
  check_alike(members, map, terminal);
  check_sequences(members, map, terminal);
  Problems faults = review_ownership(members, map);
  for (auto& member : members) {
    dry_run ? member.transaction->abort() : member.transaction->commit();
    member.transaction.reset();
  }
  if (!dry_run) {
    guard_places_of_all(members, map, terminal, faults);
    build_missing_indexes(members, map, terminal);
  }
  report_done(members, dry_run, terminal);
  if (!faults.empty()) throw CommandFailed(std::move(faults));
}

}  // namespace shardplex::operations
