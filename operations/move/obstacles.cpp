#include "operations/move/obstacles.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>

#include "operations/move/journal.hpp"
#include "operations/move/routers.hpp"
#include "operations/move/server_checks.hpp"
#include "operations/process/failure.hpp"
#include "operations/process/text_file.hpp"
#include "operations/shard/access_rights.hpp"
#include "operations/shard/moved_table.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"
#include "operations/shard/table_structure.hpp"

namespace shardplex::operations {
namespace {

using Kind = CheckFinding::Kind;
using Findings = std::vector<CheckFinding>;

/// A shard's part in the moves, and what was found there.
struct Part {
  Shard shard;
  bool added = false;      ///< not in the map yet, so it may be a database like any other
  bool bystander = false;  ///< no move concerns it; shards that are added have to fit to its tables
  ServerNeeds needs{};
  std::set<std::string> groups{};
  std::vector<const PlannedMove*> leaving{}, arriving{};

  std::optional<PrimaryFound> primary{};  ///< nullopt: not reached
  ServerState state{};
  bool has_journal = false;  ///< initialised, and by this version
  ShardOwnership ownership{};
  std::map<std::string, TableStructure> tables{};
  std::set<std::string> told{};    ///< tables with which something is wrong, as the findings say
  ShardCatalogue catalogue{};      ///< meaningful where reached
  ShardEnvironment environment{};  ///< the same
  std::map<std::string, std::uint64_t> bytes{};  ///< of each group
  std::vector<RouterSeen> routers{};             ///< that live and report to it
  std::vector<AccessRight> rights{};             ///< where it has a journal
  Findings findings{};

  void add(Kind kind, std::string text) { findings.push_back({kind, shard.name, std::move(text)}); }
  void add(Findings more) { std::ranges::move(more, std::back_inserter(findings)); }
};

/// Who takes part, and in which twos.
struct Undertaking {
  const ShardMap& map;
  std::vector<Part> parts;
  std::map<std::pair<std::size_t, std::size_t>, std::set<std::string>> alike;  ///< parts, in these groups
  std::set<std::pair<std::size_t, std::size_t>> follows;                       ///< subscriber, publisher
};

Undertaking any_moves(const ShardMap& map) {
  Undertaking all{map, {}, {}, {}};
  std::set<std::string> groups;
  for (const auto& group : map.groups()) groups.insert(group.name);
  // One move away and one to it, each with the snapshot's session or the reverse window.
  for (const auto& shard : map.shards())
    all.parts.push_back({.shard = shard,
                         .needs = {.replication_slots = 2, .senders = 3, .subscriptions = 2},
                         .groups = groups});
  for (std::size_t i = 0; i < all.parts.size(); ++i) {
    if (i > 0) all.alike[{0, i}] = groups;
    for (std::size_t j = 0; j < all.parts.size(); ++j)
      if (i != j) all.follows.insert({i, j});
  }
  return all;
}

std::size_t part_of(Undertaking& all, const RebalancePlan& plan, const std::string& name) {
  const auto known = std::ranges::find(all.parts, name, [](const Part& part) { return part.shard.name; });
  if (known != all.parts.end()) return static_cast<std::size_t>(known - all.parts.begin());
  const auto id = all.map.find_shard(name);
  const auto added = std::ranges::find(plan.added, name, &Shard::name);
  if (!id && added == plan.added.end())
    throw CommandFailed("the plan moves slots of shard " + name +
                        ", which it does not add and the map has not");
  all.parts.push_back({.shard = id ? all.map.shard(*id) : *added, .added = !id});
  return all.parts.size() - 1;
}

/// What the moves need one after the other: each leaves its reverse window open until somebody finishes it.
ServerNeeds needs_of(const Part& part) {
  const int leaving = static_cast<int>(part.leaving.size()),
            arriving = static_cast<int>(part.arriving.size());
  const int one_leaves = std::min(leaving, 1), one_arrives = std::min(arriving, 1);
  return {.replication_slots = one_leaves + arriving,
          .senders = 2 * one_leaves + arriving,  // the snapshot has a session of its own
          .subscriptions = leaving + one_arrives};
}

/// Shards are added by an init of all shards, so those that no move concerns are looked at, too.
void add_bystanders(Undertaking& all, const RebalancePlan& plan) {
  if (plan.added.empty()) return;
  const auto look_at = [&](const Shard& shard, bool added) {
    if (std::ranges::none_of(all.parts, [&](const Part& part) { return part.shard.name == shard.name; }))
      all.parts.push_back({.shard = shard, .added = added, .bystander = true});
  };
  for (const auto& shard : all.map.shards()) look_at(shard, false);
  for (const auto& shard : plan.added) look_at(shard, true);
}

Undertaking planned_moves(const ShardMap& map, const RebalancePlan& plan) {
  Undertaking all{map, {}, {}, {}};
  for (const auto& move : plan.moves) {
    const std::size_t source = part_of(all, plan, move.source), target = part_of(all, plan, move.target);
    all.parts[source].leaving.push_back(&move);
    all.parts[target].arriving.push_back(&move);
    for (const std::size_t i : {source, target}) all.parts[i].groups.insert(move.group);
    if (!all.alike.contains({target, source}))
      all.alike[{source, target}].insert(move.group);
    else
      all.alike[{target, source}].insert(move.group);
    all.follows.insert({source, target});
    all.follows.insert({target, source});
  }
  for (auto& part : all.parts) part.needs = needs_of(part);
  add_bystanders(all, plan);
  return all;
}

std::vector<std::string> tables_of(const ShardMap& map, const std::set<std::string>& groups) {
  std::vector<std::string> names;
  for (const auto& table : map.tables())
    if (table.group && groups.contains(map.group(*table.group).name)) names.push_back(table.name);
  return names;
}

/// Not for those of a plan: each part may be a source and a target.
bool is_for_any_moves(const Undertaking& all) {
  return std::ranges::all_of(all.parts,
                             [](const Part& part) { return part.leaving.empty() && part.arriving.empty(); });
}

// One shard by itself.

void check_ownership(Part& part) {
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
void check_no_rows_in_the_way(pqxx::transaction_base& transaction, const ShardMap& map, Part& part) {
  for (const PlannedMove* move : part.arriving) {
    const auto slots = array_literal(move->slots);
    const auto before = transaction.exec_params1(
        "SELECT EXISTS (SELECT FROM shardplex.changes WHERE grp = $1 AND slots && $2::int[])", move->group,
        slots);
    if (!before[0].as<bool>()) continue;
    for (const auto& table : tables_of(map, {move->group})) {
      if (!part.tables.contains(table)) continue;
      const auto found = transaction.exec_params1(
          "SELECT EXISTS (SELECT FROM public." + transaction.quote_name(table) + " WHERE " +
              transaction.quote_name(std::string(slot_column)) + " = ANY ($1::int[]))",
          slots);
      if (found[0].as<bool>())
        part.add(Kind::problem, "table " + table + " has rows left over in " + name_slots(move->slots) +
                                    " of " + move->group + "; shardplex verify tells which");
    }
  }
}

void read_table(pqxx::transaction_base& transaction, const ShardMap& map, const std::string& name,
                Part& part) {
  auto structure = read_table_structure(transaction, name);
  if (!structure && !part.state.initialised)
    return part.add(Kind::note, "table " + name + " will be made, as it is on the first shard");
  auto findings = check_table(transaction, part.shard.name, name, part.state.initialised);
  if (std::ranges::find(findings, Kind::problem, &CheckFinding::kind) != findings.end())
    part.told.insert(name);
  part.add(std::move(findings));
  if (!structure) return;
  part.tables.emplace(name, *std::move(structure));
  const std::string qualified = "public." + transaction.quote_name(name);
  part.bytes[map.group(*map.find_table(name)->group).name] +=
      transaction.exec_params1("SELECT pg_total_relation_size($1::regclass)", qualified)[0]
          .as<std::uint64_t>();
  if (!part.state.initialised && !transaction.exec("SELECT FROM " + qualified + " LIMIT 1").empty())
    part.add(Kind::problem, "table " + name + " has rows; a new shard begins with empty tables");
}

void check_as_shard(pqxx::transaction_base& transaction, const ShardMap& map, Part& part) {
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

void add_environment(std::vector<EnvironmentFinding> findings, Part& part) {
  for (auto& finding : findings) {
    const bool differs = finding.effect == EnvironmentFinding::Effect::differs;
    if (differs) part.told.insert(finding.tables.begin(), finding.tables.end());
    part.add(differs ? Kind::problem : Kind::warning, std::move(finding.text));
  }
}

void visit(const ShardMap& map, Part& part) try {
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
  if (part.bystander) return;
  part.add(check_server(transaction, part.shard.name, part.needs));
  for (const auto& table : tables_of(map, part.groups)) read_table(transaction, map, table, part);
  if (part.state.initialised) check_as_shard(transaction, map, part);
} catch (const CommandFailed& failure) {
  const std::string prefix = part.shard.name + ": ";
  for (const auto& problem : failure.problems)
    part.add(Kind::problem, problem.starts_with(prefix) ? problem.substr(prefix.size()) : problem);
} catch (const std::exception& error) {
  part.add(Kind::problem, reason_of(error));
}

// Two shards.

void compare_tables(const ShardMap& map, const Part& one, Part& other, const std::set<std::string>& groups) {
  for (const auto& name : tables_of(map, groups)) {
    if (!one.tables.contains(name) || !other.tables.contains(name)) continue;  // told already
    TableStructure here = other.tables.at(name), there = one.tables.at(name);
    if (!one.state.initialised || !other.state.initialised)
      for (auto* structure : {&here, &there}) structure->forget_column(std::string(slot_column));
    for (auto& difference : structure_differences(here, there, one.shard.name)) {
      if (difference.privilege) continue;  // compare_rights() tells them
      other.told.insert(name);
      other.add(Kind::problem, "table " + name + ": " + difference.text);
    }
  }
}

/// Roles that a router may not have, or have with more or less than elsewhere. Those of a shard that is yet
/// to be added are made with it.
void compare_rights(const Part& one, Part& other) {
  if (!one.has_journal || !other.has_journal) return;
  for (const auto& difference : access_differences(other.rights, one.rights, one.shard.name))
    other.add(Kind::problem, difference);
}

/// As it will be once a database that is to become a shard is one.
ShardCatalogue catalogue_as_shard(const ShardMap& map, const Part& part, const ShardCatalogue& first) {
  ShardCatalogue catalogue = part.catalogue;
  if (part.state.initialised) return catalogue;
  for (auto& [name, table] : catalogue.tables) table.has_slot_column = !map.find_table(name)->reference;
  catalogue.tables.insert(first.tables.begin(), first.tables.end());
  return catalogue;
}

bool is_read(const Part& part) {
  return !part.catalogue.server_encoding.empty();
}

/// A shard whose tables are as the router has them; nullptr where none could be read.
Part* first_shard(Undertaking& all) {
  const auto found = std::ranges::find_if(
      all.parts, [](const Part& part) { return is_read(part) && part.state.initialised; });
  return found == all.parts.end() ? nullptr : &*found;
}

/// The tables that have to be served for the moves to begin, and to end well: adding shards refuses all that
/// no router would serve.
std::vector<std::string> tables_to_serve(const Undertaking& all) {
  const bool adds_shards = std::ranges::any_of(all.parts, &Part::added);
  std::set<std::string> groups;
  for (const auto& part : all.parts) groups.insert(part.groups.begin(), part.groups.end());
  std::vector<std::string> names;
  for (const auto& table : all.map.tables())
    if (adds_shards || table.reference || groups.contains(all.map.group(*table.group).name))
      names.push_back(table.name);
  return names;
}

/// What the router refuses, or warns of, where nothing above has said so already: moves that go well must not
/// end in a table that is not served. Without a shard to compare with nothing can be said of a new database.
void check_served(Undertaking& all) {
  Part* first = first_shard(all);
  if (!first) return;
  std::vector<std::pair<std::string, ShardCatalogue>> catalogues;
  for (const auto& part : all.parts)
    if (is_read(part))
      catalogues.emplace_back(part.shard.name, catalogue_as_shard(all.map, part, first->catalogue));
  const Catalogue catalogue = combine(all.map, catalogues);
  const auto is_told = [&](const std::string& table) {
    return std::ranges::any_of(all.parts, [&](const Part& part) { return part.told.contains(table); });
  };
  for (const auto& table : tables_to_serve(all))
    if (const auto* reason = catalogue.not_alike(table); reason && !is_told(table))
      first->add(Kind::problem, "will not be served: " + *reason);
  for (const auto& warning : catalogue.warnings) first->add(Kind::warning, warning);
}

/// Routers report to the source where writes to the slots go to; what they say of the target is told of that.
/// Of a shard that is yet to be added they cannot know: run asks them when it has added it.
void check_routers(Undertaking& all) {
  std::set<std::pair<std::size_t, std::string>> told;
  for (const auto& [subscriber, publisher] : all.follows)
    for (const auto& router : all.parts[publisher].routers) {
      Part& target = all.parts[subscriber];
      if (target.added || (target.arriving.empty() && !is_for_any_moves(all))) continue;
      const auto what = objection(router, target.shard.name, tables_of(all.map, target.groups));
      if (what && told.emplace(subscriber, *what).second) target.add(Kind::problem, *what);
    }
}

/// Each shard that was read with one that it takes part in moves with; where it has none, as where it is only
/// looked at for a shard that is added, with the first.
void compare_environments(Undertaking& all) {
  Part* first = first_shard(all);
  std::set<const Part*> compared{first};
  const auto compare = [&](const Part& one, Part& other) {
    if (!is_read(one) || !is_read(other) || &one == &other) return;
    add_environment(environment_differences(other.environment, one.environment, one.shard.name), other);
    compared.insert({&one, &other});
  };
  for (const auto& [two, groups] : all.alike) compare(all.parts[two.first], all.parts[two.second]);
  if (!first) return;
  for (auto& part : all.parts)
    if (!compared.contains(&part)) compare(*first, part);
  add_environment(tables_left_behind(first->environment), *first);
}

/// Has the server really connect, as a subscription would, and takes everything back.
Findings try_to_follow(const Part& subscriber, const Part& publisher) {
  const std::string& conninfo = publisher.primary->conninfo;
  const std::string whom = publisher.shard.name + " (" + address_of(conninfo) + ")";
  if (is_loopback(conninfo) && !is_loopback(subscriber.primary->conninfo))
    return {{Kind::warning, subscriber.shard.name,
             "where " + whom + " is on another machine, it cannot be reached under that address from here"}};
  try {
    pqxx::work transaction(*subscriber.primary->connection);
    transaction.exec(
        "SET TRANSACTION READ WRITE; SET LOCAL statement_timeout = '10s'; "
        "SET LOCAL client_min_messages = error");
    transaction.exec(
        "CREATE SUBSCRIPTION shardplex_check CONNECTION " + transaction.quote(conninfo) +
        " PUBLICATION shardplex_check WITH (connect = true, enabled = false, create_slot = false, "
        "slot_name = NONE, copy_data = false)");
    return {};  // never committed
  } catch (const pqxx::insufficient_privilege&) {
    return {};  // told already
  } catch (const std::exception& error) {
    return {
        {Kind::problem, subscriber.shard.name,
         "the server itself cannot connect to " + whom + ", which a subscription does: " + reason_of(error)}};
  }
}

void check_followers(Undertaking& all) {
  const auto found = in_parallel(all.parts.size(), [&](std::size_t i) {
    Findings findings;
    for (const auto& [subscriber, publisher] : all.follows)
      if (subscriber == i && all.parts[i].primary && all.parts[publisher].primary)
        std::ranges::move(try_to_follow(all.parts[i], all.parts[publisher]), std::back_inserter(findings));
    return findings;
  });
  for (std::size_t i = 0; i < found.size(); ++i) all.parts[i].add(found[i]);
}

// Space.

std::optional<std::uint64_t> free_bytes(const Part& part) try {
  if (!is_loopback(part.primary->conninfo)) return std::nullopt;
  const auto folder = pqxx::nontransaction(*part.primary->connection).exec1("SHOW data_directory");
  struct statvfs disk {};
  if (statvfs(folder[0].c_str(), &disk) != 0) return std::nullopt;
  return disk.f_bavail * disk.f_frsize;
} catch (const pqxx::insufficient_privilege&) {
  return std::nullopt;
}

/// The move's share of its group's tables on the source, as if all slots were alike.
std::uint64_t bytes_of(const PlannedMove& move, const Part& source) {
  const auto states = source.ownership.groups.find(move.group);
  const auto bytes = source.bytes.find(move.group);
  if (states == source.ownership.groups.end() || bytes == source.bytes.end()) return 0;
  const auto owned = static_cast<std::uint64_t>(std::ranges::count(states->second, SlotState::owned));
  return bytes->second * move.slots.size() / std::max<std::uint64_t>(owned, move.slots.size());
}

void check_disks(Undertaking& all) {
  std::map<std::string, const Part*> by_name;
  for (const auto& part : all.parts) by_name[part.shard.name] = &part;
  for (auto& part : all.parts) {
    if (!part.primary) continue;
    std::uint64_t needed = 0;
    for (const PlannedMove* move : part.arriving) needed += bytes_of(*move, *by_name.at(move->source));
    if (auto finding = check_space(part.shard.name, needed, free_bytes(part)))
      part.add({*std::move(finding)});
  }
}

enum class AskRouters : bool { no, yes };

Findings carry_out(Undertaking all, AskRouters ask_routers = AskRouters::yes) {
  in_parallel(all.parts.size(), [&](std::size_t i) { return visit(all.map, all.parts[i]), 0; });
  for (const auto& [two, groups] : all.alike) {
    Part &one = all.parts[two.first], &other = all.parts[two.second];
    if (!one.primary || !other.primary) continue;
    compare_rights(one, other);
    compare_tables(all.map, one, other, groups);
  }
  compare_environments(all);
  check_served(all);
  if (ask_routers == AskRouters::yes) check_routers(all);
  check_followers(all);
  check_disks(all);
  Findings findings;
  for (auto& part : all.parts) std::ranges::move(part.findings, std::back_inserter(findings));
  return findings;
}

}  // namespace

std::vector<CheckFinding> find_obstacles(const ShardMap& map, const RebalancePlan& plan) {
  return carry_out(planned_moves(map, plan));
}

std::vector<CheckFinding> find_obstacles(const ShardMap& map) {
  return carry_out(any_moves(map));
}

bool is_problem(const CheckFinding& finding) {
  return finding.kind == Kind::problem;
}

std::vector<CheckFinding> find_movers(const ShardMap& map) {
  Findings findings;
  const ClusterJournal journal = read_cluster_journal(map, false);
  if (journal.mover)
    findings.push_back(
        {Kind::problem, map.shards().front().name,
         "another mover is at work: " + journal.mover->holder + ", since " + journal.mover->since});
  for (const auto& move : journal.moves)
    if (is_under_way(move.phase))
      findings.push_back({Kind::problem, move.source,
                          "move " + move.id + " to " + move.target + " is " +
                              std::string(to_string(move.phase)) +
                              "; shardplex rebalance resume or abort it first"});
  return findings;
}

std::vector<std::string> check_moves(const ShardMap& map, const RebalancePlan& plan) {
  std::vector<std::string> problems;
  for (const auto& finding : carry_out(planned_moves(map, plan), AskRouters::no))
    if (is_problem(finding)) problems.push_back(finding.shard + ": " + finding.text);
  return problems;
}

RebalancePlan load_rebalance_plan(const std::string& file, const ShardMap& map) {
  auto read = read_rebalance_plan(read_text_file(file), map);
  if (auto* plan = std::get_if<RebalancePlan>(&read)) return std::move(*plan);
  std::vector<std::string> told;
  for (const auto& problem : std::get<std::vector<MapProblem>>(read))
    told.push_back(file + ": " + problem.to_string());
  throw CommandFailed(std::move(told));
}

}  // namespace shardplex::operations
