#include "operations/move/joint_obstacles.hpp"

#include <algorithm>
#include <iterator>

#include "operations/move/shard_obstacles.hpp"
#include "operations/process/failure.hpp"

namespace shardplex::operations {
namespace {

using Kind = CheckFinding::Kind;
using Findings = std::vector<CheckFinding>;

void compare_tables(const ShardMap& map, const Participant& one, Participant& other,
                    const std::set<std::string>& groups) {
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
void compare_rights(const Participant& one, Participant& other) {
  if (!one.has_journal || !other.has_journal) return;
  for (const auto& difference : access_differences(other.rights, one.rights, one.shard.name))
    other.add(difference.tunes ? Kind::note : Kind::problem, difference.text);
}

/// As it will be once a database that is to become a shard is one.
ShardCatalogue catalogue_as_shard(const ShardMap& map, const Participant& part, const ShardCatalogue& first) {
  ShardCatalogue catalogue = part.catalogue;
  if (part.state.initialised) return catalogue;
  for (auto& [name, table] : catalogue.tables) table.has_slot_column = !map.find_table(name)->reference;
  catalogue.tables.insert(first.tables.begin(), first.tables.end());
  return catalogue;
}

bool is_read(const Participant& part) {
  return !part.catalogue.server_encoding.empty();
}

/// A shard whose tables are as the router has them; nullptr where none could be read.
Participant* first_shard(Undertaking& all) {
  const auto found = std::ranges::find_if(
      all.parts, [](const Participant& part) { return is_read(part) && part.state.initialised; });
  return found == all.parts.end() ? nullptr : &*found;
}

/// The tables that have to be served for the moves to begin, and to end well: adding shards refuses all that
/// no router would serve.
std::vector<std::string> tables_to_serve(const Undertaking& all) {
  const bool adds_shards = std::ranges::any_of(all.parts, &Participant::added);
  std::set<std::string> groups;
  for (const auto& part : all.parts) groups.insert(part.groups.begin(), part.groups.end());
  std::vector<std::string> names;
  for (const auto& table : all.map.tables())
    if (adds_shards || table.reference || groups.contains(all.map.group(*table.group).name))
      names.push_back(table.name);
  return names;
}

/// Has the server really connect, as a subscription would, and takes everything back.
Findings try_to_follow(const Participant& subscriber, const Participant& publisher) {
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

}  // namespace

void compare_shards(Undertaking& all) {
  for (const auto& [two, groups] : all.alike) {
    Participant &one = all.parts[two.first], &other = all.parts[two.second];
    if (!one.primary || !other.primary) continue;
    compare_rights(one, other);
    compare_tables(all.map, one, other, groups);
  }
}

/// What the router refuses, or warns of, where nothing above has said so already: moves that go well must not
/// end in a table that is not served. Without a shard to compare with nothing can be said of a new database.
void check_served(Undertaking& all) {
  Participant* first = first_shard(all);
  if (!first) return;
  std::vector<std::pair<std::string, ShardCatalogue>> catalogues;
  for (const auto& part : all.parts)
    if (is_read(part))
      catalogues.emplace_back(part.shard.name, catalogue_as_shard(all.map, part, first->catalogue));
  const Catalogue catalogue = combine(all.map, catalogues);
  const auto is_told = [&](const std::string& table) {
    return std::ranges::any_of(all.parts, [&](const Participant& part) { return part.told.contains(table); });
  };
  for (const auto& table : tables_to_serve(all))
    if (const auto* reason = catalogue.not_alike(table); reason && !is_told(table))
      first->add(Kind::problem, "will not be served: " + *reason);
  for (const auto& view : all.map.views())
    if (const auto* reason = catalogue.not_alike(view.name))
      first->add(Kind::warning, "will not be served: " + *reason);
  for (const auto& warning : catalogue.warnings) first->add(Kind::warning, warning);
}

/// Routers report to the source where writes to the slots go to; what they say of the target is told of that.
/// Of a shard that is yet to be added they cannot know: run asks them when it has added it.
void check_routers(Undertaking& all) {
  std::set<std::pair<std::size_t, std::string>> told;
  for (const auto& [subscriber, publisher] : all.follows)
    for (const auto& router : all.parts[publisher].routers) {
      Participant& target = all.parts[subscriber];
      if (target.added || (target.arriving.empty() && !is_for_any_moves(all))) continue;
      const auto what = objection(router, target.shard.name, tables_of(all.map, target.groups));
      if (what && told.emplace(subscriber, *what).second) target.add(Kind::problem, *what);
    }
}

/// Each shard that was read with one that it takes part in moves with; where it has none, as where it is only
/// looked at for a shard that is added, with the first.
void compare_environments(Undertaking& all) {
  Participant* first = first_shard(all);
  std::set<const Participant*> compared{first};
  const auto compare = [&](const Participant& one, Participant& other) {
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

}  // namespace shardplex::operations
