#include "operations/audit/doctor.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "operations/audit/doctor_rows.hpp"
#include "operations/audit/leftovers.hpp"
#include "operations/audit/verify_scope.hpp"
#include "operations/load/commit.hpp"
#include "operations/move/objects.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/mover.hpp"
#include "operations/shard/place_guard.hpp"
#include "operations/shard/pqxx_rows.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/prepared_writes.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

using Kind = Leftover::Kind;

constexpr std::chrono::seconds patience{10};  // with a process that still uses a replication slot
constexpr std::chrono::milliseconds poll_interval{100};

// What uses something goes before it; a table's identity is written down in the row of its move.
constexpr std::array order_of_removal{
    Kind::prepared_write,   Kind::subscription, Kind::replication_slot, Kind::publication,
    Kind::replica_identity, Kind::marker,       Kind::move_row,         Kind::slots,
    Kind::prepared_load};

struct Cluster {
  const ShardMap& map;
  Connections primaries;  ///< of each shard
};

/// Keeps movers away as long as the connections live. Throws CommandFailed where one is at work.
void lock_out_movers(const Cluster& cluster) {
  for (std::size_t i = 0; i < cluster.primaries.size(); ++i) {
    pqxx::nontransaction transaction(*cluster.primaries[i]);
    if (transaction.exec1(std::string("SELECT pg_try_advisory_lock(") + mover_lock_arguments + ")")[0]
            .as<bool>())
      continue;
    const auto mover = read_mover(transaction);
    throw CommandFailed(cluster.map.shards()[i].name + ": " +
                        (mover ? to_string(*mover) : "another shardplex command is at work on it") +
                        "; nothing was removed. Try again when it has ended");
  }
}

void remove_replication_slot(pqxx::connection& connection, const std::string& name) {
  const auto until = std::chrono::steady_clock::now() + patience;
  pqxx::nontransaction transaction(connection);
  while (!drop_replication_slot(transaction, name)) {
    if (std::chrono::steady_clock::now() > until)
      throw CommandFailed("a process still uses it; it was not dropped");
    std::this_thread::sleep_for(poll_interval);
  }
}

void remove_publication(pqxx::work& work, const std::string& name) {
  work.exec("SET LOCAL lock_timeout = '800ms'");  // shorter than deadlock_timeout, so that no writer gives in
  unpublish(work, name);
}

void restore_identity(pqxx::work& work, const Leftover& leftover) {
  work.exec("SET LOCAL lock_timeout = '5s'");
  work.exec("ALTER TABLE " + quote_map_name(leftover.name) + " " + identity_clause(leftover.identity));
}

void remove_slots(const Cluster& cluster, const Ownership& ownership, const Leftover& leftover) {
  const GroupId group = *cluster.map.find_group(leftover.name);
  SlotSet unowned = SlotSet::none(leftover.slots.slot_count());
  SlotSet owned = unowned;
  leftover.slots.for_each([&](Slot slot) {
    const auto& owner = ownership.owner(group, slot);
    const bool elsewhere = owner.fault == Ownership::Fault::none && owner.shard != leftover.shard;
    (elsewhere ? owned : unowned).insert(slot);
  });
  if (!owned.empty())
    clear_slots(*cluster.primaries[leftover.shard.value], cluster.map, cluster.map.group(group), owned);
  if (!unowned.empty())
    throw CommandFailed("nobody owns " + name_slots(unowned) +
                        ", so the rows here may be the only ones; left as they are");
}

/// As its decider says, who is made to decide by that.
void settle_part(const Cluster& cluster, const Leftover& leftover) {
  const auto part = PreparedPart::from_gid(leftover.name);
  const auto decider = part ? cluster.map.find_shard(part->decider) : std::nullopt;
  if (!decider) throw CommandFailed("its decider is no shard of the map; finish it by hand");
  bool kept = false;
  {
    pqxx::nontransaction question(*cluster.primaries[decider->value]);
    kept = decode_decision(PqxxRows(question.exec_params(settle_write_sql, part->write, true)));
  }
  try {
    pqxx::nontransaction transaction(*cluster.primaries[leftover.shard.value]);
    transaction.exec(kept ? commit_prepared_sql(leftover.name) : roll_back_prepared_sql(leftover.name));
  } catch (const pqxx::sql_error& error) {
    if (error.sqlstate() != sqlstate_no_object) throw;  // a router was faster
  }
}

/// Throws where it cannot be removed.
void remove(const Cluster& cluster, const Ownership& ownership, const Leftover& leftover) {
  pqxx::connection& connection = *cluster.primaries[leftover.shard.value];
  if (leftover.kind == Kind::replication_slot) return remove_replication_slot(connection, leftover.name);
  if (leftover.kind == Kind::slots) return remove_slots(cluster, ownership, leftover);
  if (leftover.kind == Kind::prepared_write) return settle_part(cluster, leftover);
  pqxx::work work(connection);
  if (leftover.kind == Kind::subscription)
    unsubscribe(work, leftover.name);
  else if (leftover.kind == Kind::publication)
    remove_publication(work, leftover.name);
  else if (leftover.kind == Kind::replica_identity)
    restore_identity(work, leftover);
  else
    work.exec(repair_of(leftover));  // rows of the schema shardplex
  work.commit();
}

LeftoverFound found_of(const Cluster& cluster, const Leftover& leftover) {
  return {cluster.map.shard(leftover.shard).name, to_string(leftover), leftover.wal_bytes};
}

/// Does `work`, and notes how it went.
template <class F>
void try_to_remove(LeftoverFound& found, F work) try {
  work();
  found.removed = true;
} catch (const std::exception& error) {
  found.problem = reason_of(error);
}

std::vector<StrayRows> find_all_stray_rows(const Cluster& cluster) {
  std::vector<StrayRows> all;
  for (std::uint16_t i = 0; i < cluster.primaries.size(); ++i)
    for (auto& stray : find_stray_rows(*cluster.primaries[i], cluster.map, ShardId{i}))
      all.push_back(std::move(stray));
  return all;
}

LeftoverFound examine_stray_rows(const Cluster& cluster, const Ownership& ownership, const StrayRows& stray,
                                 bool remove_them) {
  LeftoverFound found{cluster.map.shard(stray.shard).name, to_string(stray)};
  if (!remove_them) return found;
  try_to_remove(found, [&] {
    const auto left = delete_stray_rows(stray, cluster.map, ownership, cluster.primaries);
    if (left > 0)
      throw CommandFailed("the owners of their slots do not have " + with_thousands(left) +
                          " of them, which may be the only ones; left as they are");
  });
  return found;
}

/// A load may have been finished by another in the meantime.
bool is_still_prepared(const Cluster& cluster, const Leftover& leftover) {
  pqxx::nontransaction transaction(*cluster.primaries[leftover.shard.value]);
  return !transaction.exec_params("SELECT FROM pg_prepared_xacts WHERE gid = $1", leftover.name).empty();
}

/// Throws CommandFailed where a shard has slots in states that this version does not know, as what is left
/// over cannot be told from what is needed then.
void refuse_unknown_slot_states(const Cluster& cluster) {
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < cluster.primaries.size(); ++i) {
    pqxx::nontransaction transaction(*cluster.primaries[i]);
    for (const auto& problem : unknown_slot_states(transaction, cluster.map))
      problems.push_back(cluster.map.shards()[i].name + ": " + problem);
  }
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

std::vector<LeftoverFound> examine(const Cluster& cluster, bool remove_them, const Terminal& terminal) {
  auto leftovers = find_lasting_leftovers(cluster.map, cluster.primaries);
  std::ranges::stable_sort(leftovers, {}, [](const Leftover& one) {
    return std::ranges::find(order_of_removal, one.kind) - order_of_removal.begin();
  });
  const Ownership ownership = read_all_ownership(cluster.map, cluster.primaries);
  const bool loads = std::ranges::find(leftovers, Kind::prepared_load, &Leftover::kind) != leftovers.end();
  if (remove_them && loads) finish_interrupted_loads(cluster.map, terminal);
  std::vector<LeftoverFound> all;
  for (const auto& leftover : leftovers) {
    LeftoverFound& found = all.emplace_back(found_of(cluster, leftover));
    if (!remove_them) continue;
    if (leftover.kind != Kind::prepared_load)
      try_to_remove(found, [&] { remove(cluster, ownership, leftover); });
    else if (is_still_prepared(cluster, leftover))
      found.problem = "it has to be finished by hand";
    else
      found.removed = true;
  }
  for (const auto& stray : find_all_stray_rows(cluster))
    all.push_back(examine_stray_rows(cluster, ownership, stray, remove_them));
  return all;
}

std::vector<std::string> find_unguarded(const Cluster& cluster) {
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < cluster.primaries.size(); ++i) {
    pqxx::nontransaction transaction(*cluster.primaries[i]);
    for (const auto& table : cluster.map.tables())
      if (read_place_guard(transaction, table) != PlaceGuard::in_place)
        problems.push_back(cluster.map.shards()[i].name + ": " + guard_problem(table));
  }
  return problems;
}

}  // namespace

DoctorReport examine_cluster(const ShardMap& map, bool remove, const Terminal& terminal) {
  auto primaries = find_primaries(map);
  const ShardMap found = with_primaries(map, primaries);
  Cluster cluster{found, {}};
  for (auto& primary : primaries) cluster.primaries.push_back(std::move(primary.connection));
  if (remove) lock_out_movers(cluster);
  refuse_unknown_slot_states(cluster);
  DoctorReport report{examine(cluster, remove, terminal), {}, read_ways_back(found), find_unguarded(cluster)};
  report.journal = read_cluster_journal(map, false);
  if (!report.journal.problems.empty()) throw CommandFailed(std::move(report.journal.problems));
  return report;
}

}  // namespace shardplex::operations
