#include "operations/move/journal.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <tuple>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/shard/mover.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::operations {
namespace {

// The lock of config/schema/shardplex.sql; a two-part key shows as objsubid 2.
const std::string mover_sql = R"sql(
SELECT m.holder, m.since, greatest(0, coalesce(extract(epoch FROM clock_timestamp() - a.state_change), 0))::float8 AS silent
  FROM shardplex.mover m, pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted AND (l.classid, l.objid) = ()sql" +
                              std::string(mover_lock_arguments) + R"sql() AND l.objsubid = 2
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))sql";

// Whether the shard writes down when a fence was raised. A mover of an earlier version made it otherwise.
constexpr const char* knows_fences_sql =
    "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'shardplex.moves'::regclass AND attname = "
    "'fenced_at')";
const std::string fences_sql =
    "SELECT m.id, count(*), extract(epoch FROM clock_timestamp() - m.fenced_at)::float8 FROM shardplex.moves "
    "m "
    "JOIN unnest(m.slots) w(slot) ON true" +
    join_slot_state("m.grp", "w.slot") + " WHERE s.state = 'fenced' AND m.phase NOT IN " + phases_over_sql() +
    " GROUP BY m.id ORDER BY m.id";

// On the source of a move that rests: its subscription. On the target: the replication slot, where the row of
// the move has the phase in which it was recorded.
constexpr const char* ways_back_sql = R"sql(
SELECT m.id, CASE WHEN s.subname IS NULL THEN 'its subscription is gone'
                  WHEN NOT s.subenabled THEN 'its subscription is disabled'
                  WHEN t.apply_error_count > 0 AND NOT EXISTS (SELECT FROM pg_stat_subscription a WHERE a.subid = s.oid AND a.pid IS NOT NULL)
                    THEN format('%s cannot apply the changes of %s (%s errors; its PostgreSQL log says why; where both have one unique value, shardplex cluster duplicates --renumber mends it)', m.source, m.target, t.apply_error_count)
             END AS fault
  FROM shardplex.moves m
  LEFT JOIN pg_subscription s ON s.subname = 'shardplex_' || m.id || '_r'
  LEFT JOIN pg_stat_subscription_stats t ON t.subid = s.oid
 WHERE m.source = $1 AND m.phase = 'reversible'
UNION ALL
SELECT m.id, CASE WHEN r.slot_name IS NULL THEN 'its replication slot is gone, as after a failover of ' || m.target
                  WHEN r.wal_status = 'lost' THEN 'WAL that it needs is gone (max_slot_wal_keep_size)'
             END
  FROM shardplex.moves m LEFT JOIN pg_replication_slots r ON r.slot_name = 'shardplex_' || m.id || '_r'
 WHERE m.target = $1 AND m.reverse_from IS NOT NULL)sql";

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

void read_fences(pqxx::transaction_base& transaction, const std::string& shard, ClusterJournal& journal) {
  if (!transaction.exec1(knows_fences_sql)[0].as<bool>()) return;
  for (const auto& row : transaction.exec(fences_sql)) {
    auto& fence = journal.fences.emplace_back();
    fence.move = row[0].as<std::string>();
    fence.shard = shard;
    fence.slots = row[1].as<std::size_t>();
    if (!row[2].is_null()) fence.seconds = row[2].as<double>();
  }
}

ClusterJournal failed(std::vector<std::string> problems) {
  ClusterJournal journal;
  journal.problems = std::move(problems);
  return journal;
}

/// The part of it that one shard tells.
ClusterJournal read_journal_of(const ShardMap& map, const Shard& shard, bool with_history) try {
  const PrimaryFound primary = find_primary(map, shard);
  pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction(*primary.connection);
  ClusterJournal journal;
  journal.moves = read_moves(transaction, map, shard.name, with_history);
  journal.mover = read_mover(transaction);
  read_fences(transaction, shard.name, journal);
  for (const auto& row : transaction.exec_params(ways_back_sql, shard.name))
    if (!row[1].is_null())
      journal.broken_ways_back.emplace(row[0].as<std::string>(), row[1].as<std::string>());
  return journal;
} catch (const CommandFailed& failure) {
  return failed(failure.problems);
} catch (const std::exception& error) {
  return failed({shard.name + ": " + reason_of(error)});
}

}  // namespace

std::string to_string(const MoverSeen& mover) {
  return mover.holder + " has been moving slots since " + mover.since +
         (mover.is_silent()
              ? ", and has not been heard of for " + std::to_string(std::lround(mover.silent_seconds)) + " s"
              : "");
}

std::string to_string(const FenceSeen& fence) {
  return "writes to " + std::to_string(fence.slots) + " slots of " + fence.shard + " wait" +
         (fence.seconds ? ", for " + std::to_string(std::lround(*fence.seconds)) + " s now" : "");
}

std::optional<MoverSeen> read_mover(pqxx::transaction_base& transaction) {
  const auto rows = transaction.exec(mover_sql);
  if (rows.empty()) return std::nullopt;
  return MoverSeen{rows[0]["holder"].as<std::string>(), rows[0]["since"].as<std::string>(),
                   rows[0]["silent"].as<double>()};
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
    std::ranges::move(one.fences, std::back_inserter(all.fences));
    all.broken_ways_back.merge(one.broken_ways_back);
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
