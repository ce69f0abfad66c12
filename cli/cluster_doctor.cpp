// cluster doctor: finds what moves and loads that are over have left in the shards, and removes it.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <thread>

#include "cli/command_line.hpp"
#include "operations/audit/doctor_rows.hpp"
#include "operations/audit/leftovers.hpp"
#include "operations/load/commit.hpp"
#include "operations/move/journal.hpp"
#include "operations/move/objects.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;
using Kind = Leftover::Kind;
using Connections = std::vector<std::unique_ptr<pqxx::connection>>;

constexpr std::chrono::seconds patience{10};  // with a process that still uses a replication slot
constexpr std::chrono::milliseconds poll_interval{100};

// What uses something goes before it; a table's identity is written down in the row of its move.
constexpr std::array order_of_removal{
    Kind::subscription, Kind::replication_slot, Kind::publication, Kind::replica_identity,
    Kind::marker,       Kind::move_row,         Kind::slots,       Kind::prepared_load};

/// Something found, and what became of it.
struct Ailment {
  std::string shard, text;
  std::uint64_t wal_bytes = 0;
  bool fixed = false;
  std::string problem = {};  ///< why it could not be removed
};

struct Patient {
  const ShardMap& map;
  Connections connections;  ///< to each shard's primary
};

Patient connect_all(const ShardMap& map) {
  return {map, in_parallel(map.shards().size(),
                           [&](std::size_t i) { return find_primary(map, map.shards()[i]).connection; })};
}

std::string describe(const std::optional<MoverSeen>& mover) {
  if (!mover) return "another shardplex command is at work on it";
  return mover->holder + " has been moving slots since " + mover->since;
}

/// Keeps movers away as long as the connections live. Throws CommandFailed where one is at work.
void lock_out_movers(const Patient& patient) {
  for (std::size_t i = 0; i < patient.connections.size(); ++i) {
    pqxx::nontransaction transaction(*patient.connections[i]);
    if (transaction.exec1("SELECT pg_try_advisory_lock(1936223345, 0)")[0].as<bool>()) continue;
    throw CommandFailed(patient.map.shards()[i].name + ": " + describe(read_mover(transaction)) +
                        "; nothing was removed. Try again when it has ended");
  }
}

Ownership read_ownership_of_all(const Patient& patient) {
  std::vector<std::optional<ShardOwnership>> accounts;
  for (const auto& connection : patient.connections) {
    pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction(*connection);
    accounts.emplace_back(
        read_ownership(transaction, patient.map));  // shardplex verify tells what does not fit
  }
  return {patient.map, accounts};
}

void remove_slot(pqxx::connection& connection, const std::string& name) {
  const auto until = std::chrono::steady_clock::now() + patience;
  pqxx::nontransaction transaction(connection);
  while (!drop_replication_slot(transaction, name)) {
    if (std::chrono::steady_clock::now() > until)
      throw CommandFailed("a process still uses it; it was not dropped");
    std::this_thread::sleep_for(poll_interval);
  }
}

void restore_identity(pqxx::work& work, const Leftover& leftover) {
  work.exec("SET LOCAL lock_timeout = '5s'");
  work.exec("ALTER TABLE \"public\"." + quote_identifier(leftover.name) + " " +
            identity_clause(leftover.identity));
}

void remove_slots(const Patient& patient, const Ownership& ownership, const Leftover& leftover) {
  const GroupId group = *patient.map.find_group(leftover.name);
  SlotSet unowned = SlotSet::none(leftover.slots.slot_count());
  SlotSet owned = unowned;
  leftover.slots.for_each([&](Slot slot) {
    const auto& owner = ownership.owner(group, slot);
    const bool elsewhere = owner.fault == Ownership::Fault::none && owner.shard != leftover.shard;
    (elsewhere ? owned : unowned).insert(slot);
  });
  if (!owned.empty())
    clear_slots(*patient.connections[leftover.shard.value], patient.map, patient.map.group(group), owned);
  if (!unowned.empty())
    throw CommandFailed("nobody owns " + name_slots(unowned) +
                        ", so the rows here may be the only ones; left as they are");
}

/// Throws where it cannot be removed.
void remove(const Patient& patient, const Ownership& ownership, const Leftover& leftover) {
  pqxx::connection& connection = *patient.connections[leftover.shard.value];
  if (leftover.kind == Kind::replication_slot) return remove_slot(connection, leftover.name);
  if (leftover.kind == Kind::slots) return remove_slots(patient, ownership, leftover);
  pqxx::work work(connection);
  if (leftover.kind == Kind::subscription)
    unsubscribe(work, leftover.name);
  else if (leftover.kind == Kind::publication)
    unpublish(work, leftover.name);
  else if (leftover.kind == Kind::replica_identity)
    restore_identity(work, leftover);
  else
    work.exec(repair_of(leftover));  // rows of the schema shardplex
  work.commit();
}

Ailment ailment_of(const Patient& patient, const Leftover& leftover) {
  return {patient.map.shard(leftover.shard).name, to_string(leftover), leftover.wal_bytes};
}

/// Does `work`, and notes how it went.
template <class F>
void treat(Ailment& ailment, F work) try {
  work();
  ailment.fixed = true;
} catch (const std::exception& error) {
  ailment.problem = reason_of(error);
}

std::vector<StrayRows> find_all_stray_rows(const Patient& patient) {
  std::vector<StrayRows> all;
  for (std::uint16_t i = 0; i < patient.connections.size(); ++i)
    for (auto& stray : find_stray_rows(*patient.connections[i], patient.map, ShardId{i}))
      all.push_back(std::move(stray));
  return all;
}

Ailment treat_stray_rows(const Patient& patient, const Ownership& ownership, const StrayRows& stray,
                         bool fix) {
  Ailment ailment{patient.map.shard(stray.shard).name, to_string(stray)};
  if (!fix) return ailment;
  treat(ailment, [&] {
    const auto left = delete_stray_rows(stray, patient.map, ownership, patient.connections);
    if (left > 0)
      throw CommandFailed("the owners of their slots do not have " + with_thousands(left) +
                          " of them, which may be the only ones; left as they are");
  });
  return ailment;
}

/// A load may have been finished by another in the meantime.
bool is_still_prepared(const Patient& patient, const Leftover& leftover) {
  pqxx::nontransaction transaction(*patient.connections[leftover.shard.value]);
  return !transaction.exec_params("SELECT FROM pg_prepared_xacts WHERE gid = $1", leftover.name).empty();
}

std::vector<Ailment> examine(const Patient& patient, bool fix, const Terminal& terminal) {
  auto leftovers = find_lasting_leftovers(patient.map, patient.connections);
  std::ranges::stable_sort(leftovers, {}, [](const Leftover& one) {
    return std::ranges::find(order_of_removal, one.kind) - order_of_removal.begin();
  });
  const Ownership ownership = read_ownership_of_all(patient);
  const bool loads = std::ranges::find(leftovers, Kind::prepared_load, &Leftover::kind) != leftovers.end();
  if (fix && loads) finish_interrupted_loads(patient.map, terminal);
  std::vector<Ailment> ailments;
  for (const auto& leftover : leftovers) {
    Ailment& ailment = ailments.emplace_back(ailment_of(patient, leftover));
    if (!fix) continue;
    if (leftover.kind != Kind::prepared_load)
      treat(ailment, [&] { remove(patient, ownership, leftover); });
    else if (is_still_prepared(patient, leftover))
      ailment.problem = "it has to be finished by hand";
    else
      ailment.fixed = true;
  }
  for (const auto& stray : find_all_stray_rows(patient))
    ailments.push_back(treat_stray_rows(patient, ownership, stray, fix));
  return ailments;
}

json::value to_json(const ShardMap& map, const std::vector<Ailment>& ailments,
                    const ClusterJournal& journal) {
  json::array leftovers, moves;
  for (const auto& ailment : ailments)
    leftovers.push_back(
        {{"shard", ailment.shard},
         {"text", ailment.text},
         {"wal_bytes", ailment.wal_bytes},
         {"fixed", ailment.fixed},
         {"problem", ailment.problem.empty() ? json::value(nullptr) : json::value(ailment.problem)}});
  for (const auto& move : journal.moves) moves.push_back({{"id", move.id}, {"phase", to_string(move.phase)}});
  return {{"cluster", map.cluster()}, {"leftovers", leftovers}, {"unfinished_moves", moves}};
}

void print(const std::vector<Ailment>& ailments, const ClusterJournal& journal, bool fix,
           const Terminal& terminal) {
  for (const auto& move : journal.moves)
    terminal.note("move " + move.id + " from " + move.source + " to " + move.target + " is " +
                  std::string(to_string(move.phase)) +
                  "; what belongs to it is no leftover (shardplex rebalance status tells what to do next)");
  if (!fix && journal.mover) terminal.note(describe(journal.mover));
  for (const auto& ailment : ailments) {
    const std::string what = ailment.shard + ": " + ailment.text;
    if (ailment.fixed)
      terminal.out << what << ": removed\n";
    else
      terminal.error(what + (ailment.problem.empty() ? "" : ": " + ailment.problem));
  }
  if (ailments.empty()) terminal.out << "nothing is left over\n";
  if (!fix && !ailments.empty())
    terminal.note("shardplex cluster doctor --fix removes what can be removed safely");
}

}  // namespace

int cluster_doctor(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "cluster doctor --map FILE [--fix] [--json]",
      "Finds what moves and loads that are over have left in the shards: publications, subscriptions,\n"
      "replication slots (which keep WAL), markers, rows of the journal, states of slots, rows in slots "
      "that\n"
      "are not there, tables that log whole rows, prepared transactions. What belongs to an unfinished move "
      "is\n"
      "left alone: rebalance resume or abort ends it. Exits with 1 where something is, or remains, left "
      "over.");
  options.add()("map", po::value<std::string>()->value_name("FILE"), "the shard map")(
      "fix", "remove what can be removed safely; refused while slots are being moved")("json", "print JSON");
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  const ShardMap map = load_shard_map(required_option(*values, "map", "--map FILE"));
  const bool fix = values->contains("fix");
  const Patient patient = connect_all(map);
  if (fix) lock_out_movers(patient);
  const auto ailments = examine(patient, fix, terminal);
  ClusterJournal journal = read_cluster_journal(map, false);
  if (!journal.problems.empty()) throw CommandFailed(std::move(journal.problems));
  if (values->contains("json"))
    terminal.out << to_json(map, ailments, journal) << '\n';
  else
    print(ailments, journal, fix, terminal);
  return std::ranges::all_of(ailments, &Ailment::fixed) ? exit_ok : exit_failed;
}

}  // namespace shardplex::cli
