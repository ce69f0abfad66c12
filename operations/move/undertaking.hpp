// The shards that moves concern, and in which twos: what find_obstacles() goes through.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "operations/move/obstacles.hpp"
#include "operations/move/routers.hpp"
#include "operations/move/server_checks.hpp"
#include "operations/shard/access_rights.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"
#include "operations/shard/table_structure.hpp"

namespace shardplex::operations {

/// A shard's part in the moves, and what was found there.
struct Participant {
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
  std::vector<CheckFinding> findings{};

  void add(CheckFinding::Kind kind, std::string text) {
    findings.push_back({kind, shard.name, std::move(text)});
  }
  void add(std::vector<CheckFinding> more) { std::ranges::move(more, std::back_inserter(findings)); }
};

/// Who takes part, and in which twos.
struct Undertaking {
  const ShardMap& map;
  std::vector<Participant> parts;
  std::map<std::pair<std::size_t, std::size_t>, std::set<std::string>> alike;  ///< parts, in these groups
  std::set<std::pair<std::size_t, std::size_t>> follows;                       ///< subscriber, publisher
};

/// Any move between any two shards of the map.
Undertaking any_moves(const ShardMap& map);

/// The moves of a plan, which has to outlive the result. Throws CommandFailed where it moves slots of a shard
/// that is nowhere.
Undertaking planned_moves(const ShardMap& map, const RebalancePlan& plan);

/// False for those of a plan, where not each part may be a source and a target.
bool is_for_any_moves(const Undertaking& all);

/// The tables of these groups.
std::vector<std::string> tables_of(const ShardMap& map, const std::set<std::string>& groups);

}  // namespace shardplex::operations
