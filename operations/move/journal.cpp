#include "operations/move/journal.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <tuple>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/shard/mover.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

// The lock of config/schema/shardplex.sql; a two-part key shows as objsubid 2.
const std::string mover_sql = R"sql(
SELECT m.holder, m.since
  FROM shardplex.mover m
 WHERE EXISTS (SELECT FROM pg_locks l
                WHERE l.locktype = 'advisory' AND l.granted AND (l.classid, l.objid) = ()sql" +
                              std::string(mover_lock_arguments) + R"sql()
                  AND l.objsubid = 2
                  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())))sql";

// Times are written in UTC, so that those of different servers can be compared as text.
constexpr const char* moves_sql = R"sql(
SELECT m.id, m.number, m.grp, array_to_string(m.slots, ',') AS slots, m.source, m.target, m.phase, m.wanted,
       coalesce(m.problem, '') AS problem, m.progress,
       to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') AS created_at
  FROM shardplex.moves m
 WHERE m.source = $1
 ORDER BY m.created_at, m.number, m.id)sql";

SlotSet parse_slots(std::string_view list, const Group& group, const std::string& id) {
  SlotSet slots = SlotSet::none(group.slot_count);
  for (const char *at = list.data(), *end = at + list.size(); at < end; ++at) {
    std::uint32_t slot = 0;
    at = std::from_chars(at, end, slot).ptr;
    if (slot >= group.slot_count)
      throw CommandFailed("move " + id + " has slot " + std::to_string(slot) + ", and group " + group.name +
                          " of the map has only " + std::to_string(group.slot_count));
    slots.insert(Slot{slot});
  }
  return slots;
}

template <class Value>
Value known(std::optional<Value> value, const std::string& id, const std::string& text) {
  if (!value)
    throw CommandFailed("move " + id + " is '" + text + "', which this version of shardplex does not know");
  return *value;
}

MoveEntry read_entry(const pqxx::row& row, const ShardMap& map) {
  MoveEntry entry;
  entry.id = row["id"].as<std::string>();
  entry.number = row["number"].as<int>();
  entry.group = row["grp"].as<std::string>();
  const auto group = map.find_group(entry.group);
  if (!group)
    throw CommandFailed("move " + entry.id + " is of group " + entry.group + ", which is not in the map");
  entry.slots = parse_slots(row["slots"].as<std::string>(), map.group(*group), entry.id);
  entry.source = row["source"].as<std::string>();
  entry.target = row["target"].as<std::string>();
  const auto phase = row["phase"].as<std::string>(), wanted = row["wanted"].as<std::string>();
  entry.phase = known(parse_phase(phase), entry.id, phase);
  entry.desired_state = known(parse_desired_state(wanted), entry.id, wanted);
  entry.problem = row["problem"].as<std::string>();
  entry.progress = row["progress"].as<std::string>();
  entry.created_at = row["created_at"].as<std::string>();
  return entry;
}

/// The part of it that one shard tells.
ClusterJournal read_journal_of(const ShardMap& map, const Shard& shard, bool with_history) try {
  const PrimaryFound primary = find_primary(map, shard);
  pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction(*primary.connection);
  return {read_moves(transaction, map, shard.name, with_history), read_mover(transaction), {}};
} catch (const CommandFailed& failure) {
  return {{}, std::nullopt, failure.problems};
} catch (const std::exception& error) {
  return {{}, std::nullopt, {shard.name + ": " + reason_of(error)}};
}

}  // namespace

std::string to_string(const MoverSeen& mover) {
  return mover.holder + " has been moving slots since " + mover.since;
}

std::optional<MoverSeen> read_mover(pqxx::transaction_base& transaction) {
  const auto rows = transaction.exec(mover_sql);
  if (rows.empty()) return std::nullopt;
  return MoverSeen{rows[0]["holder"].as<std::string>(), rows[0]["since"].as<std::string>()};
}

std::vector<MoveEntry> read_moves(pqxx::transaction_base& transaction, const ShardMap& map,
                                  const std::string& shard, bool with_history) {
  std::vector<MoveEntry> moves;
  for (const auto& row : transaction.exec_params(moves_sql, shard)) {
    MoveEntry entry = read_entry(row, map);
    if (with_history || !is_over(entry.phase)) moves.push_back(std::move(entry));
  }
  return moves;
}

ClusterJournal read_cluster_journal(const ShardMap& map, bool with_history) {
  const auto& shards = map.shards();
  ClusterJournal all;
  for (auto& one : in_parallel(
           shards.size(), [&](std::size_t i) { return read_journal_of(map, shards[i], with_history); })) {
    std::ranges::move(one.moves, std::back_inserter(all.moves));
    std::ranges::move(one.problems, std::back_inserter(all.problems));
    if (!all.mover) all.mover = std::move(one.mover);
  }
  std::ranges::sort(all.moves, {}, [](const MoveEntry& entry) {
    return std::tie(entry.created_at, entry.number, entry.id);
  });
  return all;
}

std::vector<MoveEntry> read_all_moves(const ShardMap& map, bool with_history,
                                      std::vector<std::string>& problems) {
  ClusterJournal journal = read_cluster_journal(map, with_history);
  std::ranges::move(journal.problems, std::back_inserter(problems));
  return std::move(journal.moves);
}

}  // namespace shardplex::operations
