#include "operations/audit/leftovers.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "operations/load/commit.hpp"
#include "operations/move/journal.hpp"
#include "operations/process/terminal.hpp"
#include "operations/shard/moved_table.hpp"
#include "operations/shard/pqxx_rows.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/map_name_sql.hpp"
#include "shard_schema/prepared_writes.hpp"

namespace shardplex::operations {
namespace {

using Kind = Leftover::Kind;

constexpr std::chrono::milliseconds pause_between_looks{500};
constexpr std::chrono::seconds patience_with_parts{10};  // of writes; routers settle them after that time

// Objects called shardplex_… that a move makes. Those of an import are its own affair (shardplex import
// abort).
constexpr const char* objects_sql = R"sql(
SELECT kind, name, wal_bytes, process FROM (
  SELECT 0 AS kind, s.subname::text AS name, 0 AS wal_bytes, '' AS process
    FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
  UNION ALL SELECT 1, p.pubname, 0, '' FROM pg_publication p
  UNION ALL SELECT 2, r.slot_name, coalesce(pg_current_wal_lsn() - r.restart_lsn, 0)::bigint, coalesce(r.active_pid::text, '')
    FROM pg_replication_slots r WHERE r.database = current_database()
  UNION ALL SELECT 3, m.name, 0, '' FROM shardplex.markers m
  UNION ALL SELECT 4, 'shardplex_' || m.id || '_', 0, '' FROM shardplex.moves m
             WHERE m.target = (SELECT s.name FROM shardplex.shard s)) o
 WHERE name LIKE 'shardplex\_%' AND name NOT LIKE 'shardplex\_import\_%'
 ORDER BY kind, name)sql";

// Tables that log whole rows, and that nobody but moves publishes.
const std::string identities_sql = R"sql(
SELECT c.name, coalesce((SELECT m.identities ->> c.name FROM shardplex.moves m WHERE m.identities ? c.name LIMIT 1), 'd')
  FROM (SELECT )sql" + map_name_sql("s.nspname", "t.relname") +
                                   R"sql( AS name, s.nspname, t.relname
          FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace
         WHERE s.nspname !~ '^pg_' AND s.nspname NOT IN ('information_schema', 'shardplex', 'shardplex_import')
           AND t.relkind = 'r' AND t.relreplident = 'f') c
 WHERE NOT EXISTS (SELECT FROM pg_publication_tables p
                    WHERE p.schemaname = c.nspname AND p.tablename = c.relname AND p.pubname NOT LIKE 'shardplex\_%')
 ORDER BY c.name)sql";

constexpr const char* import_sql =
    "SELECT EXISTS (SELECT FROM shardplex.imports WHERE phase NOT IN ('done', 'reversible'))";

/// What one shard has of everything that moves and loads make.
struct ShardObjects {
  std::vector<Leftover> objects;
  std::vector<std::string> prepared;
  std::vector<MoveEntry> moves;  ///< unfinished, with this shard as the source
  bool importing = false;
};

void read_slots(pqxx::transaction_base& transaction, const ShardMap& map, ShardId shard,
                std::vector<Leftover>& objects) {
  const ShardOwnership ownership = read_ownership(transaction, map);
  for (const auto& group : map.groups())
    for (const SlotState state : {SlotState::incoming, SlotState::moved}) {
      Leftover found{
          Kind::slots, shard, group.name, {}, std::string(to_string(state)), SlotSet::none(group.slot_count)};
      const auto& states = ownership.groups.at(group.name);
      for (std::uint32_t slot = 0; slot < group.slot_count; ++slot)
        if (states[slot] == state) found.slots.insert(Slot{slot});
      if (!found.slots.empty()) objects.push_back(std::move(found));
    }
}

void read_identities(pqxx::transaction_base& transaction, const ShardMap& map, ShardId shard,
                     std::vector<Leftover>& objects) {
  for (const auto& row : transaction.exec(identities_sql)) {
    const auto name = row[0].as<std::string>();
    const TablePlacement* table = map.find_table(name);
    if (table == nullptr || table->reference) continue;
    const auto identity = row[1].as<std::string>();
    if (identity != "f") objects.push_back({Kind::replica_identity, shard, name, identity});
  }
}

ShardObjects read_objects(pqxx::connection& connection, const ShardMap& map, ShardId shard) {
  // Not one snapshot: replication slots have none. Moves come last, as a move is written down before it makes
  // anything.
  pqxx::nontransaction transaction(connection);
  ShardObjects found;
  for (const auto& row : transaction.exec(objects_sql)) {
    Leftover object{static_cast<Kind>(row["kind"].as<int>()), shard, row["name"].as<std::string>()};
    object.wal_bytes = row["wal_bytes"].as<std::uint64_t>();
    object.process = row["process"].as<std::string>();
    found.objects.push_back(std::move(object));
  }
  read_identities(transaction, map, shard, found.objects);
  read_slots(transaction, map, shard, found.objects);
  for (const auto& row : transaction.exec("SELECT gid FROM pg_prepared_xacts WHERE database = "
                                          "current_database() AND gid LIKE 'shardplex\\_load\\_%'"))
    found.prepared.push_back(row[0].as<std::string>());
  for (auto& waiting : decode_waiting_parts(PqxxRows(transaction.exec(std::string(waiting_parts_sql)))))
    if (std::chrono::milliseconds(waiting.waiting_ms) > patience_with_parts)
      found.objects.push_back({Kind::prepared_write, shard, std::move(waiting.gid)});
  found.importing = transaction.exec1(import_sql)[0].as<bool>();
  found.moves = read_moves(transaction, map, map.shard(shard).name, false);
  return found;
}

/// The id in shardplex_<id>_f.
std::string move_of(const std::string& name) {
  constexpr std::string_view prefix = "shardplex_";
  return name.substr(prefix.size(), name.rfind('_') - prefix.size());
}

/// Whether a load is still between prepare and commit, as its first shard says.
bool is_under_way(const ShardMap& map, const Connections& connections, const std::string& gid) {
  const auto load = PreparedLoad::from_gid(gid);
  const auto first = load ? map.find_shard(load->first_shard) : std::nullopt;
  if (!first) return false;
  pqxx::nontransaction transaction(*connections[first->value]);
  const auto status = transaction.exec_params1("SELECT pg_xact_status($1::xid8)", load->transaction_id)[0];
  return !status.is_null() && status.as<std::string>() == "in progress";
}

/// Takes away what unfinished moves have here; false where nothing remains.
bool is_left_over(Leftover& object, const ShardMap& map, const std::vector<MoveEntry>& moves) {
  const std::string& shard = map.shard(object.shard).name;
  switch (object.kind) {
    case Kind::replica_identity: {
      const std::string& group = map.group(*map.find_table(object.name)->group).name;
      return std::ranges::none_of(moves, [&](const MoveEntry& m) { return takes_part(m, group, shard); });
    }
    case Kind::slots: {
      SlotSet rest = SlotSet::none(object.slots.slot_count());
      object.slots.for_each([&](Slot slot) {
        const bool moving = std::ranges::any_of(moves, [&](const MoveEntry& m) {
          return takes_part(m, object.name, shard) && m.slots.contains(slot);
        });
        if (!moving) rest.insert(slot);
      });
      object.slots = std::move(rest);
      return !object.slots.empty();
    }
    case Kind::prepared_write:
      return true;
    default:
      return std::ranges::find(moves, move_of(object.name), &MoveEntry::id) == moves.end();
  }
}

}  // namespace

bool takes_part(const MoveEntry& move, std::string_view group, std::string_view shard) {
  return move.group == group && (move.source == shard || move.target == shard);
}

std::string identity_clause(const std::string& identity) {
  if (identity == "n") return "REPLICA IDENTITY NOTHING";
  if (identity == "f") return "REPLICA IDENTITY FULL";
  if (identity.starts_with('i'))
    return "REPLICA IDENTITY USING INDEX " + quote_identifier(identity.substr(1));
  return "REPLICA IDENTITY DEFAULT";
}

std::vector<Leftover> find_leftovers(const ShardMap& map, const Connections& connections) {
  auto shards = in_parallel(connections.size(), [&](std::size_t i) {
    return read_objects(*connections[i], map, ShardId{static_cast<std::uint16_t>(i)});
  });
  std::vector<MoveEntry> moves;
  for (const auto& shard : shards) moves.insert(moves.end(), shard.moves.begin(), shard.moves.end());
  std::vector<Leftover> leftovers;
  for (std::uint16_t i = 0; i < shards.size(); ++i) {
    for (auto& object : shards[i].objects) {
      if (object.kind == Kind::slots && shards.front().importing) continue;
      if (is_left_over(object, map, moves)) leftovers.push_back(std::move(object));
    }
    for (const auto& gid : shards[i].prepared)
      if (!is_under_way(map, connections, gid)) leftovers.push_back({Kind::prepared_load, ShardId{i}, gid});
  }
  return leftovers;
}

std::vector<Leftover> find_lasting_leftovers(const ShardMap& map, const Connections& connections) {
  const auto first = find_leftovers(map, connections);
  if (first.empty()) return first;
  std::this_thread::sleep_for(pause_between_looks);
  auto lasting = find_leftovers(map, connections);
  std::erase_if(lasting, [&](const Leftover& one) { return std::ranges::find(first, one) == first.end(); });
  return lasting;
}

std::string to_string(const Leftover& leftover) {
  switch (leftover.kind) {
    case Kind::subscription:
      return "subscription " + leftover.name + " belongs to no unfinished move";
    case Kind::publication:
      return "publication " + leftover.name + " belongs to no unfinished move";
    case Kind::replication_slot:
      return "replication slot " + leftover.name + " belongs to no unfinished move and keeps " +
             human_bytes(leftover.wal_bytes) + " of WAL" +
             (leftover.process.empty() ? "" : "; process " + leftover.process + " uses it");
    case Kind::marker:
      return "marker " + leftover.name + " belongs to no unfinished move";
    case Kind::move_row:
      return "the journal has move " + move_of(leftover.name) + ", which is over or unknown on its source";
    case Kind::replica_identity:
      return "table " + leftover.name + " logs whole rows (REPLICA IDENTITY FULL), and no move needs it";
    case Kind::slots:
      return name_slots(leftover.slots) + " of group " + leftover.name + " " +
             (leftover.slots.size() == 1 ? "is " : "are ") + leftover.state +
             ", and no unfinished move has " + (leftover.slots.size() == 1 ? "it" : "them");
    case Kind::prepared_write:
      return "the part " + leftover.name +
             " of a write over several shards is prepared, holds its locks, and has not been settled";
    case Kind::prepared_load:
      break;
  }
  return "the interrupted load " + leftover.name + " is prepared and holds its locks";
}

std::string repair_of(const Leftover& leftover) {
  const std::string name = quote_identifier(leftover.name), literal = quote_literal(leftover.name);
  switch (leftover.kind) {
    case Kind::subscription:
      return "ALTER SUBSCRIPTION " + name + " DISABLE;\nALTER SUBSCRIPTION " + name +
             " SET (slot_name = NONE);\nDROP SUBSCRIPTION " + name + ";";
    case Kind::publication:
      return "-- Writes to its tables may fail meanwhile; shardplex cluster doctor --fix waits for them.\n"
             "DROP PUBLICATION " +
             name + ";";
    case Kind::replication_slot:
      return "SELECT pg_drop_replication_slot(" + literal + ");";
    case Kind::marker:
      return "DELETE FROM shardplex.markers WHERE name = " + literal + ";";
    case Kind::move_row:
      return "DELETE FROM shardplex.moves WHERE id = " + quote_literal(move_of(leftover.name)) + ";";
    case Kind::replica_identity:
      return "ALTER TABLE " + quote_map_name(leftover.name) + " " + identity_clause(leftover.identity) + ";";
    case Kind::slots:
      return "-- Delete the rows of these slots from all tables of the group first, but only where another "
             "shard owns "
             "the slots.\nSELECT shardplex.forget_slots(" +
             literal + ", '" + array_literal(leftover.slots) + "');";
    case Kind::prepared_write:
      return "-- A router that reaches the decider, or shardplex cluster doctor --fix, commits it or rolls "
             "it "
             "back as the decider says.";
    case Kind::prepared_load:
      break;
  }
  return "-- The next shardplex load, or shardplex cluster doctor --fix, commits it or rolls it back as its "
         "first shard "
         "decided.";
}

}  // namespace shardplex::operations
