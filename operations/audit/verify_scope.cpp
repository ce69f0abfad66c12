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

// A hand-over leaves its slots without an owner for a moment; while slots change hands it may be another
// hand-over each time.
constexpr int looks_at_ownership = 5, looks_while_it_changes = 20;
constexpr std::chrono::milliseconds pause_between_looks{300};

using Snapshot = pqxx::transaction<pqxx::repeatable_read, pqxx::read_only>;

struct OwnershipLook {
  /// "alpha: …" for what each shard says wrong of itself, and the faults between shards.
  std::set<std::string> faults;
  std::vector<Epoch> epochs;  ///< of the shards
};

OwnershipLook look_at_ownership(const VerifyScope& scope, const Connections& shards) {
  std::set<std::string> faults;
  std::vector<Epoch> epochs;
  std::vector<std::optional<ShardOwnership>> reports;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    Snapshot transaction(*shards[i]);
    auto problems = definition_problems(transaction, scope.map);
    reports.emplace_back(read_ownership(transaction, scope.map, problems));
    epochs.push_back(reports.back()->epoch);
    for (const auto& problem : problems) faults.insert(scope.map.shards()[i].name + ": " + problem);
  }
  for (auto& fault : Ownership(scope.map, reports).faults(scope.map)) faults.insert(std::move(fault));
  return {std::move(faults), std::move(epochs)};
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
    // verify_ownership() tells what does not fit the map.
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
  auto last = look_at_ownership(scope, shards);
  auto lasting = last.faults;
  bool changes = false;
  for (int look = 1; look < (changes ? looks_while_it_changes : looks_at_ownership) && !lasting.empty();
       ++look) {
    std::this_thread::sleep_for(pause_between_looks);
    auto now = look_at_ownership(scope, shards);
    std::erase_if(lasting, [&](const std::string& fault) { return !now.faults.contains(fault); });
    changes = changes || now.epochs != last.epochs;
    last = std::move(now);
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
