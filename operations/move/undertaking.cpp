#include "operations/move/undertaking.hpp"

#include <algorithm>

#include "operations/process/failure.hpp"

namespace shardplex::operations {
namespace {

std::size_t part_of(Undertaking& all, const RebalancePlan& plan, const std::string& name) {
  const auto known =
      std::ranges::find(all.parts, name, [](const Participant& part) { return part.shard.name; });
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
ServerNeeds needs_of(const Participant& part) {
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
    if (std::ranges::none_of(all.parts,
                             [&](const Participant& part) { return part.shard.name == shard.name; }))
      all.parts.push_back({.shard = shard, .added = added, .bystander = true});
  };
  for (const auto& shard : all.map.shards()) look_at(shard, false);
  for (const auto& shard : plan.added) look_at(shard, true);
}

}  // namespace

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

bool is_for_any_moves(const Undertaking& all) {
  return std::ranges::all_of(
      all.parts, [](const Participant& part) { return part.leaving.empty() && part.arriving.empty(); });
}

std::vector<std::string> tables_of(const ShardMap& map, const std::set<std::string>& groups) {
  std::vector<std::string> names;
  for (const auto& table : map.tables())
    if (table.group && groups.contains(map.group(*table.group).name)) names.push_back(table.name);
  return names;
}

}  // namespace shardplex::operations
