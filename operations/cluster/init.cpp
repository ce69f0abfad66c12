// cluster init: makes every database of the map a shard of the cluster, once, and never takes a slot from
// anyone.
//
// All of it happens in one transaction per shard. The transactions are committed only after every shard has
// done all of its part, so an error changes nothing; a crash between two commits leaves some shards made and
// the others untouched, and the next run completes them: a slot is given only to a shard that has no slots of
// the group, and only where no shard has it or had it, and none that the map does not name can.
#include "operations/cluster/init.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "operations/cluster/alike.hpp"
#include "operations/cluster/table_kinds.hpp"
#include "operations/process/failure.hpp"
#include "operations/process/text.hpp"
#include "operations/shard/directory.hpp"
#include "operations/shard/move_entry.hpp"
#include "operations/shard/mover.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/sequence_strides.hpp"
#include "operations/shard/server.hpp"
#include "operations/shard/setup.hpp"
#include "shard_schema/functions.hpp"
#include "shard_schema/primary_choice.hpp"
#include "shard_schema/row_ids.hpp"

namespace shardplex::operations {
namespace {

constexpr int least_version = 150000;
// One command at a time that makes or changes shards; a mover holds it too.
const std::string lock_sql = std::string("SELECT pg_try_advisory_xact_lock(") + mover_lock_arguments + ")";
constexpr const char* busy = "another cluster init, or a mover, is at work on it";

/// A shard under way: its transaction, open from the first check to the commit.
struct Member {
  const Shard* shard = nullptr;
  std::string conninfo;  ///< of its primary
  std::unique_ptr<pqxx::connection> connection;
  std::unique_ptr<pqxx::work> transaction;
  ServerState state;
  std::optional<ShardOwnership> ownership;  ///< as found, where it was initialised
  ShardCatalogue catalogue;                 ///< its tables as found
  std::vector<std::string> done;            ///< what was changed, for people
  std::vector<std::string> notes;
};

using Problems = std::vector<std::string>;

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
          "public." + transaction.quote_name(table), std::string(column))[0]
      .as<bool>();
}

void check_table(Member& member, const TablePlacement& placement, bool schema_given, Problems& problems) {
  auto& transaction = *member.transaction;
  if (!read_table(transaction, placement.name)) {
    if (!schema_given)
      problems.push_back("table " + placement.name + " does not exist (--schema FILE.sql makes the tables)");
    return;
  }
  if (placement.reference || has_column(transaction, placement.name, slot_column)) return;
  const auto query = "SELECT EXISTS (SELECT FROM public." + transaction.quote_name(placement.name) + ")";
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
  Problems problems;
  if (state.version < least_version)
    problems.push_back("PostgreSQL " + std::to_string(state.version / 10000) + " is too old; 15 is needed");
  if (state.encoding != "UTF8")
    problems.push_back("the database's encoding is " + state.encoding + "; UTF8 is needed");
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

Problems check_all(std::vector<Member>& members, const ShardMap& map, bool schema_given) {
  const auto found =
      in_parallel(members.size(), [&](std::size_t i) { return check_member(members[i], map, schema_given); });
  // The lock is per database: two names of one database meet here as one init too many. Say what it is.
  Problems all = same_databases(members);
  const bool twice = !all.empty();
  for (std::size_t i = 0; i < members.size(); ++i)
    for (const auto& problem : found[i])
      if (!twice || problem != busy) all.push_back(members[i].shard->name + ": " + problem);
  std::ranges::move(different_settings(members), std::back_inserter(all));
  return all;
}

void warn_of_settings(const std::vector<Member>& members, const Terminal& terminal) {
  for (const auto& member : members)
    if (member.state.max_prepared_transactions == 0)
      terminal.warning(member.shard->name +
                       ": max_prepared_transactions is 0; writes over several shards need it above 0");
}

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

/// Slots of the group that this member should start with: those the map places on it and no shard has or had,
/// where it has none of the group yet.
std::vector<std::uint32_t> slots_to_start_with(const std::vector<Member>& members, std::size_t self,
                                               const Group& group) {
  const auto is_absent = [&](const Member& member, std::uint32_t slot) {
    return !member.ownership || member.ownership->groups.at(group.name)[slot] == SlotState::absent;
  };
  std::vector<std::uint32_t> slots;
  for (std::uint32_t slot = 0; slot < group.slot_count; ++slot) {
    if (!is_absent(members[self], slot)) return {};
    const bool is_free =
        std::ranges::all_of(members, [&](const Member& member) { return is_absent(member, slot); });
    if (is_free && group.placement[slot].value == self) slots.push_back(slot);
  }
  return slots;
}

/// No shard has slots of the group: it is new, so nobody can own any.
bool is_new(const std::vector<Member>& members, const Group& group) {
  return std::ranges::all_of(members, [&](const Member& member) {
    return !member.ownership ||
           std::ranges::all_of(member.ownership->groups.at(group.name),
                               [](SlotState state) { return state == SlotState::absent; });
  });
}

/// Why slots that no shard of the map has may have an owner nevertheless; nullopt where they cannot.
std::optional<std::string> doubt_about_owners(const std::vector<Member>& members, const ShardMap& map) {
  for (const auto& member : members) {
    if (const auto beyond = shards_beyond(*member.transaction, map); !beyond.empty())
      return "the cluster has shard " + beyond.front() + " too, which the map does not name and may own them";
    for (const auto& row : member.transaction->exec("SELECT id, phase FROM shardplex.moves ORDER BY id")) {
      const auto phase = parse_phase(row[1].as<std::string>());
      if (!phase || !is_over(*phase))
        return "move " + row[0].as<std::string>() + " is unfinished (shardplex rebalance status)";
    }
  }
  return std::nullopt;
}

void give_slots(std::vector<Member>& members, std::size_t self, const Group& group,
                const std::optional<std::string>& doubt) {
  const auto slots = slots_to_start_with(members, self, group);
  if (slots.empty()) return;
  Member& member = members[self];
  const std::string what = std::to_string(slots.size()) + " slots of " + group.name;
  if (doubt && !is_new(members, group))
    throw CommandFailed(member.shard->name + ": it was to own " + what + ", but " + *doubt);
  std::string literal = "{";
  for (const auto slot : slots) literal.append(literal.size() > 1 ? "," : "").append(std::to_string(slot));
  literal += '}';
  member.transaction->exec_params(
      "SELECT shardplex.change_slots($1, $2::integer[], ARRAY[NULL::text], 'owned')", group.name, literal);
  member.done.push_back("owns " + what);
}

void prepare_member(Member& member, const ShardMap& map, const std::optional<std::string>& schema_sql) try {
  if (schema_sql) make_tables(member, map, *schema_sql);
  if (const auto kinds = table_kind_problems(*member.transaction, map); !kinds.empty()) {
    if (!member.state.initialised) throw std::runtime_error(joined(kinds, {}, "; "));
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
      member.done.push_back("added the slot column to " + table.name);
    }
} catch (const std::exception& error) {
  throw CommandFailed(member.shard->name + ": " + reason_of(error));
}

/// A new database may come under a name that was another's, and begins on an earlier timeline than what is
/// noted of that one. It would be taken for an old primary, by routers too: all shards are told that it is
/// the right one, as by cluster accept-timeline.
void accept_new_timelines(std::vector<Member>& members, const ShardMap& map) {
  for (const auto& made : members) {
    if (made.state.initialised) continue;
    const auto& name = made.shard->name;
    KnownTimeline known;
    for (const auto& member : members) known = newest_noted(map.cluster(), name, member.state, known);
    if (known.timeline <= made.state.timeline) continue;
    for (auto& member : members)
      member.transaction->exec_params(note_timeline_sql, name, known.ruling + 1, made.state.timeline);
  }
}

void give_slots(std::vector<Member>& members, const ShardMap& map) {
  const auto doubt = doubt_about_owners(members, map);
  for (std::size_t i = 0; i < members.size(); ++i)
    for (const auto& group : map.groups()) give_slots(members, i, group, doubt);
}

/// Gives node numbers to the shards that have none, no two the same. A cluster that was made before shards
/// had their own promised all of them on its first shard, and a shard that has left may have promised some:
/// what is given now is promised from a time on that none of them has come to, and as late a one as their
/// last words may reach.
void share_out_node_numbers(std::vector<Member>& members, const ShardMap& map) {
  constexpr std::int64_t margin_ms = 600'000;
  std::set<std::int32_t> taken;
  std::int64_t promised_until = row_id_ms(std::chrono::system_clock::now());
  bool new_cluster = true, knows_all = true;
  for (const auto& member : members) {
    auto& transaction = *member.transaction;
    new_cluster = new_cluster && !member.state.initialised;
    knows_all = knows_all && shards_beyond(transaction, map).empty();
    transaction.exec("LOCK TABLE shardplex.nodes IN EXCLUSIVE MODE");
    const auto row = transaction.exec1(
        "SELECT s.first_node, (SELECT max(reserved_until) FROM shardplex.nodes) FROM shardplex.shard s");
    // Two shards with the same: one of them was restored from the other's backup, or from one of its own.
    if (!row[0].is_null() && !taken.insert(row[0].as<std::int32_t>()).second)
      transaction.exec("UPDATE shardplex.shard SET first_node = NULL, last_node = NULL");
    if (!row[1].is_null()) promised_until = std::max(promised_until, row[1].as<std::int64_t>());
  }
  const auto after_ms = new_cluster ? std::nullopt : std::optional(promised_until + margin_ms);
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!knows_all && (i > 0 || !taken.empty())) return;  // others may have what seems to be free
    std::int32_t nth = 0;
    while (node_numbers(nth) && taken.contains(node_numbers(nth)->first)) ++nth;
    const bool promised_them_before = i == 0 && taken.empty();
    if (!give_node_numbers(*members[i].transaction, nth, promised_them_before ? std::nullopt : after_ms))
      continue;
    taken.insert(node_numbers(nth)->first);
    if (members[i].state.initialised) members[i].done.push_back("has node numbers of its own for ids");
  }
}

/// What a router makes of the tables: catalogue_of(member) of each shard.
template <class F>
Catalogue combined(const std::vector<Member>& members, const ShardMap& map, F catalogue_of) {
  std::vector<std::pair<std::string, ShardCatalogue>> catalogues;
  for (const auto& member : members) catalogues.emplace_back(member.shard->name, catalogue_of(member));
  return combine(map, catalogues);
}

/// Now that the tables are as they will be: refuses what no router would serve where a shard is new, or where
/// a router served it until now. A cluster whose shards are all made already is upgraded, and a table that
/// was not served before must not stand in the way of that: it is warned of, as is what a router warns of.
void check_served(const std::vector<Member>& members, const ShardMap& map, const Terminal& terminal) {
  const bool makes_shards =
      std::ranges::any_of(members, [](const Member& member) { return !member.state.initialised; });
  const Catalogue before = combined(members, map, [](const Member& member) { return member.catalogue; });
  const Catalogue after =
      combined(members, map, [&](const Member& member) { return read_catalogue(*member.transaction, map); });
  for (const auto& warning : after.warnings) terminal.warning(warning);
  Problems refused;
  for (const auto& [table, reason] : after.refused)
    if (makes_shards || before.find(table))
      refused.push_back(reason + "; no router would serve it, and nothing was changed");
    else
      terminal.warning(reason + "; no router serves it");
  for (const auto& [table, difference] : after.differing)
    if (makes_shards)
      refused.push_back(difference + "; make it the same on every shard, nothing was changed");
    else
      terminal.warning(difference + "; routers serve what is the same");
  if (!refused.empty()) throw CommandFailed(std::move(refused));
}

/// The same for what decides answers beside the tables.
void check_alike(const std::vector<Member>& members, const ShardMap& map, const Terminal& terminal) {
  std::vector<ShardUnderWay> shards;
  for (const auto& member : members) shards.push_back({member.shard->name, member.transaction.get()});
  const bool makes_shards =
      std::ranges::any_of(members, [](const Member& member) { return !member.state.initialised; });
  require_alike(shards, map, makes_shards, terminal);
}

/// Where shards are made, sequences of ids that must not be on two shards give each its own. Those of a
/// cluster that is in use are left as they are: who has seen its ids may rely on them.
void check_sequences(std::vector<Member>& members, const ShardMap& map, const Terminal& terminal) {
  std::vector<pqxx::transaction_base*> transactions;
  for (const auto& member : members) transactions.push_back(member.transaction.get());
  if (std::ranges::any_of(members, [](const Member& member) { return !member.state.initialised; })) {
    for (const auto& sequence : separate_sequences(transactions, map, Separate::all))
      for (auto& member : members) member.done.push_back("set the sequence " + sequence + " apart");
    return;
  }
  std::vector<std::vector<LocalUnique>> uniques;
  for (auto* transaction : transactions) uniques.push_back(read_local_uniques(*transaction, map));
  for (const auto& meeting : meeting_sequences(uniques))
    terminal.warning(to_string(meeting.unique) + ": sequence " + meeting.unique.sequence->name +
                     " gives the same values on " + members[meeting.one].shard->name + " and on " +
                     members[meeting.other].shard->name +
                     "; shardplex cluster duplicates tells what that means, --fix sets them apart");
}

/// Notes where the slots are elsewhere than the map places them, and returns what is wrong with ownership.
Problems review_ownership(std::vector<Member>& members, const ShardMap& map) {
  std::vector<std::optional<ShardOwnership>> reports;
  for (auto& member : members) reports.push_back(read_ownership(*member.transaction, map, member.notes));
  for (const auto& group : map.groups())
    for (std::uint16_t i = 0; i < members.size(); ++i) {
      const auto& states = reports[i]->groups.at(group.name);
      const auto owned =
          std::ranges::count(states, SlotState::owned) + std::ranges::count(states, SlotState::fenced);
      const auto placed = std::ranges::count(group.placement, ShardId{i});
      if (owned != placed)
        members[i].notes.push_back("owns " + std::to_string(owned) + " slots of " + group.name +
                                   "; the map places " + std::to_string(placed) +
                                   " on it (init moves nothing)");
    }
  return Ownership(map, reports).faults(map);
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

void report_done(const std::vector<Member>& members, bool dry_run, const Terminal& terminal) {
  for (const auto& member : members) {
    terminal.out << terminal.paint_out(Colour::bold, member.shard->name) << " ("
                 << address_of(member.conninfo) << "): ";
    if (member.done.empty()) terminal.out << "nothing to do";
    for (std::size_t i = 0; i < member.done.size(); ++i)
      terminal.out << (i == 0 ? "" : ", ") << member.done[i];
    terminal.out << '\n';
    for (const auto& note : member.notes) terminal.note(member.shard->name + ": " + note);
  }
  if (dry_run) terminal.out << "dry run: nothing was changed\n";
}

}  // namespace

void initialise_cluster(const ShardMap& map, const std::optional<std::string>& schema_sql, bool dry_run,
                        const Terminal& terminal) {
  std::vector<Member> members(map.shards().size());
  for (std::size_t i = 0; i < members.size(); ++i) members[i].shard = &map.shards()[i];
  if (auto problems = check_all(members, map, schema_sql.has_value()); !problems.empty())
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
  if (!dry_run) build_missing_indexes(members, map, terminal);
  report_done(members, dry_run, terminal);
  if (!faults.empty()) throw CommandFailed(std::move(faults));
}

}  // namespace shardplex::operations
