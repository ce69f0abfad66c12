#include "operations/move/obstacles.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "operations/move/joint_obstacles.hpp"
#include "operations/move/journal.hpp"
#include "operations/move/shard_obstacles.hpp"
#include "operations/move/undertaking.hpp"
#include "operations/process/failure.hpp"
#include "operations/process/text_file.hpp"

namespace shardplex::operations {
namespace {

using Kind = CheckFinding::Kind;
using Findings = std::vector<CheckFinding>;

// Space.

std::optional<std::uint64_t> free_bytes(const Participant& part) try {
  if (!is_loopback(part.primary->conninfo)) return std::nullopt;
  const auto folder = pqxx::nontransaction(*part.primary->connection).exec1("SHOW data_directory");
  struct statvfs disk {};
  if (statvfs(folder[0].c_str(), &disk) != 0) return std::nullopt;
  return disk.f_bavail * disk.f_frsize;
} catch (const pqxx::insufficient_privilege&) {
  return std::nullopt;
}

/// The move's share of its group's tables on the source, as if all slots were alike.
std::uint64_t bytes_of(const PlannedMove& move, const Participant& source) {
  const auto states = source.ownership.groups.find(move.group);
  const auto bytes = source.bytes.find(move.group);
  if (states == source.ownership.groups.end() || bytes == source.bytes.end()) return 0;
  const auto owned = static_cast<std::uint64_t>(std::ranges::count(states->second, SlotState::owned));
  return bytes->second * move.slots.size() / std::max<std::uint64_t>(owned, move.slots.size());
}

void check_disks(Undertaking& all) {
  std::map<std::string, const Participant*> by_name;
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
  compare_shards(all);
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
