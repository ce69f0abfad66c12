#include "operations/move/status.hpp"

#include <algorithm>
#include <utility>

#include "operations/process/failure.hpp"

namespace shardplex::operations {
namespace {

void keep_only(const std::vector<std::string>& ids, MovesStatus& status) {
  if (ids.empty()) return;
  for (const auto& id : ids) {
    const bool known =
        std::ranges::any_of(status.lines, [&](const auto& line) { return line.entry.id == id; });
    if (!known && status.problems.empty()) throw CommandFailed("there is no move " + id);
  }
  std::erase_if(status.lines,
                [&](const auto& line) { return std::ranges::find(ids, line.entry.id) == ids.end(); });
}

}  // namespace

bool MovesStatus::under_way() const {
  return std::ranges::any_of(lines, [](const auto& line) { return is_under_way(line.entry.phase); });
}

MovesStatus read_moves_status(const ShardMap& map, const std::vector<std::string>& ids, bool with_history) {
  ClusterJournal journal = read_cluster_journal(map, with_history || !ids.empty());
  MovesStatus status{
      {}, std::move(journal.mover), std::move(journal.fences), {}, std::move(journal.problems)};
  for (const auto& entry : journal.moves)  // the target's row tells nothing of the phase
    if (entry.phase == Phase::reversible)
      for (auto [at, end] = journal.broken_ways_back.equal_range(entry.id); at != end; ++at)
        status.broken_ways_back.insert(*at);
  for (auto& entry : journal.moves) {
    auto& line = status.lines.emplace_back(MoveBoard::Line{std::move(entry), {}, false});
    line.progress = parse_progress(line.entry.progress);
    line.running = status.mover && !status.mover->is_silent() && is_under_way(line.entry.phase) &&
                   line.entry.problem.empty();
  }
  keep_only(ids, status);
  return status;
}

}  // namespace shardplex::operations
