#include "rebalance/verify_scope.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "rebalance/command_line.hpp"
#include "rebalance/leftovers.hpp"
#include "rebalance/move_journal.hpp"
#include "rebalance/row_checksum.hpp"
#include "rebalance/server.hpp"

namespace shardplex::rebalance {
namespace {

// A hand-over leaves its slots without an owner for a moment.
constexpr int looks_at_ownership = 5;
constexpr std::chrono::milliseconds pause_between_looks{300};

/// "alpha: …" for what each shard says wrong of itself, and the faults between shards.
std::set<std::string> ownership_faults(const VerifyScope& scope) {
  const auto& shards = scope.map.shards();
  std::vector<std::vector<std::string>> problems(shards.size());
  const auto accounts = in_parallel(shards.size(), [&](std::size_t i) {
    const auto connection = connect(scope.primaries[i]);
    pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction(*connection);
    problems[i] = definition_problems(transaction, scope.map);
    return std::optional(read_ownership(transaction, scope.map, problems[i]));
  });
  std::set<std::string> faults;
  for (std::size_t i = 0; i < shards.size(); ++i)
    for (const auto& problem : problems[i]) faults.insert(shards[i].name + ": " + problem);
  for (auto& fault : Ownership(scope.map, accounts).faults(scope.map)) faults.insert(std::move(fault));
  return faults;
}

}  // namespace

Connections connect_for_verify(const VerifyScope& scope, ShardId shard, int count) {
  Connections connections;
  for (int i = 0; i < count; ++i) {
    connections.push_back(connect(scope.primaries[shard.value]));
    make_comparable(*connections.back());
  }
  return connections;
}

std::vector<MoveEntry> unfinished_moves(const ShardMap& map) {
  ClusterJournal journal = read_cluster_journal(map, false);
  if (!journal.problems.empty()) throw CommandFailed(std::move(journal.problems));
  return std::move(journal.moves);
}

const MoveEntry* move_of_slot(const std::vector<MoveEntry>& moves, const std::string& group,
                              const std::string& shard, Slot slot) {
  const auto found = std::ranges::find_if(moves, [&](const MoveEntry& move) {
    return takes_part(move, group, shard) && slot.value < move.slots.slot_count() &&
           move.slots.contains(slot);
  });
  return found == moves.end() ? nullptr : &*found;
}

void verify_ownership(const VerifyScope& scope) {
  std::set<std::string> lasting = ownership_faults(scope);
  for (int look = 1; look < looks_at_ownership && !lasting.empty(); ++look) {
    std::this_thread::sleep_for(pause_between_looks);
    const auto now = ownership_faults(scope);
    std::erase_if(lasting, [&](const std::string& fault) { return !now.contains(fault); });
  }
  for (const auto& fault : lasting) scope.findings.add({Check::ownership, "", fault, ""});
}

void verify_leftovers(const VerifyScope& scope) {
  Connections connections;
  for (const auto& primary : scope.primaries) connections.push_back(connect(primary));
  for (const auto& leftover : find_lasting_leftovers(scope.map, connections)) {
    const std::string& shard = scope.map.shard(leftover.shard).name;
    scope.findings.add({Check::leftovers, shard, shard + ": " + to_string(leftover), repair_of(leftover)});
  }
}

}  // namespace shardplex::rebalance
