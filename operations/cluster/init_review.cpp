#include "operations/cluster/init_review.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "operations/cluster/alike.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/sequence_strides.hpp"
#include "query/catalogue/relations.hpp"

namespace shardplex::operations {
namespace {

/// What a router makes of the tables: catalogue_of(member) of each shard.
template <class F>
Catalogue combined(const std::vector<Member>& members, const ShardMap& map, F catalogue_of) {
  std::vector<std::pair<std::string, ShardCatalogue>> catalogues;
  for (const auto& member : members) catalogues.emplace_back(member.shard->name, catalogue_of(member));
  return combine(map, catalogues);
}

/// What the map declares instead of foreign keys nobody checks.
void tell_of_relations(const ShardMap& map, const Catalogue& catalogue, const Terminal& terminal) {
  for (const auto& declared : declared_keys(map)) {
    const Table* table = catalogue.find(declared.table);
    if (table == nullptr || problem_of(declared, catalogue)) continue;
    const auto keeps = [&](const ForeignKey& key) { return relate_the_same(key, declared.key); };
    if (std::ranges::none_of(table->foreign_keys, keeps))
      terminal.warning(
          "the relation " + declared.key.name + " of " + declared.table + " to " +
          declared.key.foreign_table +
          " is followed by embeds, but PostgreSQL does not check that what rows refer to is there");
  }
}

}  // namespace

bool makes_shards(const std::vector<Member>& members) {
  return !std::ranges::all_of(members, [](const Member& member) { return member.state.initialised; });
}

void check_served(const std::vector<Member>& members, const ShardMap& map, const Terminal& terminal) {
  const bool makes = makes_shards(members);
  const Catalogue before = combined(members, map, [](const Member& member) { return member.catalogue; });
  const Catalogue after =
      combined(members, map, [&](const Member& member) { return read_catalogue(*member.transaction, map); });
  for (const auto& warning : after.warnings) terminal.warning(warning);
  tell_of_relations(map, after, terminal);
  Problems refused;
  for (const auto& [table, reason] : after.refused)
    if (map.find_table(table) && (makes || before.find(table)))
      refused.push_back(reason + "; no router would serve it, and nothing was changed");
    else
      terminal.warning(reason + "; no router serves it");
  for (const auto& [table, difference] : after.differing)
    if (makes && map.find_table(table))
      refused.push_back(difference + "; make it the same on every shard, nothing was changed");
    else
      terminal.warning(difference + "; routers serve what is the same");
  if (!refused.empty()) throw CommandFailed(std::move(refused));
}

void check_alike(const std::vector<Member>& members, const ShardMap& map, const Terminal& terminal) {
  std::vector<ShardUnderWay> shards;
  for (const auto& member : members) shards.push_back({member.shard->name, member.transaction.get()});
  require_alike(shards, map, makes_shards(members), terminal);
}

void check_sequences(std::vector<Member>& members, const ShardMap& map, const Terminal& terminal) {
  std::vector<pqxx::transaction_base*> transactions;
  for (const auto& member : members) transactions.push_back(member.transaction.get());
  if (makes_shards(members)) {
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

}  // namespace shardplex::operations
