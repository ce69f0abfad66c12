#include "operations/move/shard_obstacles.hpp"

#include <algorithm>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/shard/moved_table.hpp"
#include "operations/shard/place_guard.hpp"
#include "query/catalogue/view_problems.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

using Kind = CheckFinding::Kind;

void check_ownership(Participant& part) {
  const auto slots_where = [&](const PlannedMove& move, auto&& holds) {
    SlotSet found = SlotSet::none(move.slots.slot_count());
    const auto& states = part.ownership.groups.at(move.group);
    move.slots.for_each([&](Slot slot) {
      if (holds(states[slot.value])) found.insert(slot);
    });
    return found;
  };
  for (const PlannedMove* move : part.leaving) {
    const auto fenced = slots_where(*move, [](SlotState state) { return state == SlotState::fenced; });
    const auto others = slots_where(
        *move, [](SlotState state) { return state != SlotState::owned && state != SlotState::fenced; });
    if (!fenced.empty())
      part.add(Kind::problem, name_slots(fenced) + " of " + move->group + ": a hand-over is under way");
    if (!others.empty())
      part.add(Kind::problem, "it does not own " + name_slots(others) + " of " + move->group);
  }
  for (const PlannedMove* move : part.arriving) {
    const auto here = slots_where(
        *move, [](SlotState state) { return state != SlotState::absent && state != SlotState::moved; });
    if (!here.empty())
      part.add(Kind::problem, "it has " + name_slots(here) + " of " + move->group + " already");
  }
}

/// Rows in slots that come can only be there where the slots have been before: a look at all of them is worth
/// it then.
void check_no_rows_in_the_way(pqxx::transaction_base& transaction, const ShardMap& map, Participant& part) {
  for (const PlannedMove* move : part.arriving) {
    const auto slots = array_literal(move->slots);
    const auto before = transaction.exec_params1(
        "SELECT EXISTS (SELECT FROM shardplex.changes WHERE grp = $1 AND slots && $2::int[])", move->group,
        slots);
    if (!before[0].as<bool>()) continue;
    for (const auto& table : tables_of(map, {move->group})) {
      if (!part.tables.contains(table)) continue;
      const auto found = transaction.exec_params1(
          "SELECT EXISTS (SELECT FROM " + quote_map_name(table) + " WHERE " +
              transaction.quote_name(std::string(slot_column)) + " = ANY ($1::int[]))",
          slots);
      if (found[0].as<bool>())
        part.add(Kind::problem, "table " + table + " has rows left over in " + name_slots(move->slots) +
                                    " of " + move->group + "; shardplex verify tells which");
    }
  }
}

/// A trigger on a row that stays may write one into a slot that moves, after the fence: the epoch that the
/// write names holds, and the row is deleted with the slot, unless the shard looks at it.
void check_guard(pqxx::transaction_base& transaction, const TablePlacement& table, Participant& part) {
  if (!part.state.initialised || part.told.contains(table.name)) return;
  const auto guard = read_place_guard(transaction, table);
  if (guard != PlaceGuard::in_place)
    part.add(guard == PlaceGuard::missed ? Kind::problem : Kind::warning, guard_problem(table));
}

/// Rows move with their tables. A materialized view keeps its own until it is refreshed, here and there.
void check_views(const ShardMap& map, Participant& part) {
  for (const auto& view : map.views()) {
    const auto stored = part.catalogue.views.find(view.name);
    if (view.reference || !part.groups.contains(map.group(*view.group).name) ||
        stored == part.catalogue.views.end() || !keeps_rows(stored->second, part.catalogue))
      continue;
    part.add(Kind::problem, "the rows of materialized view " + view.name +
                                " do not move with their slots; take it out of the map, and put it back when "
                                "slots have moved and it is refreshed on every shard");
  }
}

void read_table(pqxx::transaction_base& transaction, const ShardMap& map, const std::string& name,
                Participant& part) {
  auto structure = read_table_structure(transaction, name);
  if (!structure && !part.state.initialised)
    return part.add(Kind::note, "table " + name + " will be made, as it is on the first shard");
  auto findings = check_table(transaction, part.shard.name, name, part.state.initialised);
  if (std::ranges::find(findings, Kind::problem, &CheckFinding::kind) != findings.end())
    part.told.insert(name);
  part.add(std::move(findings));
  if (!structure) return;
  part.tables.emplace(name, *std::move(structure));
  check_guard(transaction, *map.find_table(name), part);
  const std::string qualified = quote_map_name(name);
  part.bytes[map.group(*map.find_table(name)->group).name] +=
      transaction.exec_params1("SELECT pg_total_relation_size($1::regclass)", qualified)[0]
          .as<std::uint64_t>();
  if (!part.state.initialised && !transaction.exec("SELECT FROM " + qualified + " LIMIT 1").empty())
    part.add(Kind::problem, "table " + name + " has rows; a new shard begins with empty tables");
}

void check_as_shard(pqxx::transaction_base& transaction, const ShardMap& map, Participant& part) {
  auto schema = check_schema(transaction, part.shard.name);
  part.has_journal = schema.empty();
  part.add(std::move(schema));
  if (!part.has_journal) return;
  std::vector<std::string> problems = definition_problems(transaction, map);
  part.ownership = read_ownership(transaction, map, problems);
  for (auto& problem : problems) part.add(Kind::problem, std::move(problem));
  part.routers = read_live_routers(transaction);
  part.rights = read_access_rights(transaction, map);
  part.add(check_leftovers(transaction, part.shard.name));
  part.add(check_import_over(transaction, part.shard.name));
  for (const auto* moves : {&part.leaving, &part.arriving})
    for (const PlannedMove* move : *moves) part.add(check_unfinished(transaction, part.shard.name, *move));
  check_ownership(part);
  check_no_rows_in_the_way(transaction, map, part);
}

}  // namespace

void add_environment(std::vector<EnvironmentFinding> findings, Participant& part) {
  for (auto& finding : findings) {
    const bool differs = finding.effect == EnvironmentFinding::Effect::differs;
    if (differs) part.told.insert(finding.tables.begin(), finding.tables.end());
    part.add(differs ? Kind::problem : Kind::warning, std::move(finding.text));
  }
}

void visit(const ShardMap& map, Participant& part) try {
  part.primary = find_primary(map, part.shard, part.added ? Uninitialised::allowed : Uninitialised::refused);
  pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction(*part.primary->connection);
  part.state = read_server_state(transaction);
  auto basics = check_basics(transaction, part.shard.name);
  const bool can_go_on = basics.empty();
  part.add(std::move(basics));
  if (!can_go_on) return;
  part.environment = read_environment(transaction, map);
  part.environment.to_be_made = !part.state.initialised;
  part.catalogue = read_catalogue(transaction, map);  // says that the shard was read
  add_environment(environment_faults(part.environment), part);
  if (part.bystander) {  // init makes what it lacks, but for what writers keep it from making
    for (const auto& table : map.tables()) check_guard(transaction, table, part);
    return;
  }
  part.add(check_server(transaction, part.shard.name, part.needs));
  for (const auto& table : tables_of(map, part.groups)) read_table(transaction, map, table, part);
  check_views(map, part);
  if (part.state.initialised) check_as_shard(transaction, map, part);
} catch (const CommandFailed& failure) {
  const std::string prefix = part.shard.name + ": ";
  for (const auto& problem : failure.problems)
    part.add(Kind::problem, problem.starts_with(prefix) ? problem.substr(prefix.size()) : problem);
} catch (const std::exception& error) {
  part.add(Kind::problem, reason_of(error));
}

}  // namespace shardplex::operations
