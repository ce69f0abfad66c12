#include "operations/move/selection.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "operations/move/journal.hpp"
#include "operations/process/failure.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::operations {

std::vector<MoveEntry> all_moves(const ShardMap& map, bool with_history) {
  std::vector<std::string> problems;
  auto moves = read_all_moves(map, with_history, problems);
  if (!problems.empty()) throw CommandFailed(std::move(problems));
  return moves;
}

std::vector<MoveEntry> reachable_moves(const ShardMap& map, const Terminal& terminal) {
  std::vector<std::string> problems;
  auto moves = read_all_moves(map, false, problems);
  for (const auto& problem : problems) terminal.warning("its moves are not seen: " + problem);
  return moves;
}

std::vector<MoveEntry> choose_moves(const std::vector<MoveEntry>& moves, std::span<const std::string> ids,
                                    const std::function<bool(Phase)>& fits, std::string_view otherwise) {
  std::vector<MoveEntry> chosen;
  if (ids.empty()) {
    std::ranges::copy_if(moves, std::back_inserter(chosen),
                         [&](const auto& move) { return fits(move.phase); });
    return chosen;
  }
  for (const auto& id : ids) {
    const auto found = std::ranges::find(moves, id, &MoveEntry::id);
    if (found == moves.end())
      throw CommandFailed("there is no move " + id + "; shardplex rebalance status lists them");
    if (!fits(found->phase))
      throw CommandFailed("move " + id + " is " + std::string(to_string(found->phase)) + "; " +
                          std::string(otherwise));
    chosen.push_back(*found);
  }
  return chosen;
}

std::string ids_of(const std::vector<MoveEntry>& moves) {
  return joined(moves, &MoveEntry::id);
}

}  // namespace shardplex::operations
