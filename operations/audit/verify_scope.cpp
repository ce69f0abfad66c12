#include "operations/audit/verify_scope.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <thread>

#include "operations/audit/leftovers.hpp"
#include "operations/move/journal.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

// A hand-over leaves its slots without an owner for a moment.
constexpr int looks_at_ownership = 5;
constexpr std::chrono::milliseconds pause_between_looks{300};

using Snapshot = pqxx::transaction<pqxx::repeatable_read, pqxx::read_only>;

/// "alpha: …" for what each shard says wrong of itself, and the faults between shards.
std::set<std::string> ownership_faults(const VerifyScope& scope, const Connections& shards) {
  std::set<std::string> faults;
  std::vector<std::optional<ShardOwnership>> reports;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    Snapshot transaction(*shards[i]);
    auto problems = definition_problems(transaction, scope.map);
    reports.emplace_back(read_ownership(transaction, scope.map, problems));
    for (const auto& problem : problems) faults.insert(scope.map.shards()[i].name + ": " + problem);
  }
  for (auto& fault : Ownership(scope.map, reports).faults(scope.map)) faults.insert(std::move(fault));
  return faults;
}

}  // namespace

std::vector<MoveEntry> unfinished_moves(const VerifyScope& scope, const Connections& shards) {
  std::vector<MoveEntry> moves;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    pqxx::nontransaction transaction(*shards[i]);
    std::ranges::move(read_moves(transaction, scope.map, scope.map.shards()[i].name, false),
                      std::back_inserter(moves));
  }
  return moves;
}

Ownership read_all_ownership(const ShardMap& map, const Connections& shards) {
  std::vector<std::optional<ShardOwnership>> reports;
  for (const auto& connection : shards) {
    Snapshot transaction(*connection);
    // ownership_faults() tells what does not fit the map.
    reports.emplace_back(read_ownership(transaction, map));
  }
  return {map, reports};
}

const MoveEntry* move_of_slot(const std::vector<MoveEntry>& moves, const std::string& group,
                              const std::string& shard, Slot slot) {
  const auto found = std::ranges::find_if(moves, [&](const MoveEntry& move) {
    return takes_part(move, group, shard) && slot.value < move.slots.slot_count() &&
           move.slots.contains(slot);
  });
  return found == moves.end() ? nullptr : &*found;
}

void verify_ownership(const VerifyScope& scope, const Connections& shards) {
  std::set<std::string> lasting = ownership_faults(scope, shards);
  for (int look = 1; look < looks_at_ownership && !lasting.empty(); ++look) {
    std::this_thread::sleep_for(pause_between_looks);
    const auto now = ownership_faults(scope, shards);
    std::erase_if(lasting, [&](const std::string& fault) { return !now.contains(fault); });
  }
  for (const auto& fault : lasting) scope.findings.add({Check::ownership, "", fault, ""});
}

void verify_leftovers(const VerifyScope& scope, const Connections& shards) {
  for (const auto& leftover : find_lasting_leftovers(scope.map, shards)) {
    const std::string& shard = scope.map.shard(leftover.shard).name;
    scope.findings.add({Check::leftovers, shard, shard + ": " + to_string(leftover), repair_of(leftover)});
  }
}

}  // namespace shardplex::operations
