#include "operations/move/decide.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "operations/move/facts.hpp"
#include "operations/move/journal.hpp"
#include "operations/move/on_source.hpp"
#include "operations/move/selection.hpp"
#include "operations/process/failure.hpp"
#include "shard_schema/functions.hpp"

namespace shardplex::operations {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds first_word{3}, between_words{10};

/// nullptr where another mover is at work.
std::unique_ptr<Mover> try_to_be_mover(const ShardMap& map, OtherMover other) try {
  return std::make_unique<Mover>(map, other);
} catch (const MoverReplaced&) {
  return nullptr;
}

/// Waits until none of the moves is on its way to the hand-over or being aborted, or the mover that was asked
/// to see to it is gone; then nullptr or the right to do it oneself.
std::unique_ptr<Mover> wait_for_abort(const ShardMap& map, const std::vector<MoveEntry>& moves,
                                      OtherMover other, const Terminal& terminal) {
  auto tell_at = Clock::now() + first_word;
  while (true) {
    const auto now = all_moves(map, true);
    const bool done = std::ranges::all_of(moves, [&](const MoveEntry& asked) {
      const auto found = std::ranges::find(now, asked.id, &MoveEntry::id);
      return found == now.end() || !can_be_aborted(found->phase);
    });
    if (done) return nullptr;
    if (auto mover = try_to_be_mover(map, OtherMover::stays)) return mover;
    const auto seen = read_cluster_journal(map, false).mover;
    if (seen && seen->silent_seconds >= static_cast<double>(mover_silence.count())) {
      if (other == OtherMover::is_replaced) {
        if (auto mover = try_to_be_mover(map, other)) return mover;
      } else {
        throw CommandFailed("the mover at work does not answer: " + to_string(*seen) +
                            "; the abort is on record for when it goes on, and shardplex rebalance abort "
                            "--take-over does it now");
      }
    }
    if (seen && Clock::now() >= tell_at) {
      terminal.note("waiting for the mover at work to see that its moves are to be aborted: " +
                    to_string(*seen));
      tell_at = Clock::now() + between_words;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

}  // namespace

bool can_be_aborted(Phase phase) {
  return phase == Phase::moving || phase == Phase::aborting;
}

void set_desired_state(const ShardMap& map, const std::vector<MoveEntry>& moves, DesiredState desired_state) {
  for (const auto& move : moves)
    on_source(map, move,
              [&](pqxx::work& transaction) { set_desired_state(transaction, move.id, desired_state); });
}

MovesOutcome end_windows(const ShardMap& map, std::vector<MoveEntry> moves, Phase phase, Mover& mover,
                         const PoolOptions& pool, const Terminal& terminal) {
  for (auto& move : moves) {
    on_source(map, move, [&](pqxx::work& transaction) {
      transaction.exec_params(as_mover_sql, mover.token());
      set_phase(transaction, move.id, phase);
      set_desired_state(transaction, move.id, DesiredState::run);
    });
    move.phase = phase;
  }
  return run_moves(map, std::move(moves), mover, pool, terminal);
}

std::optional<MovesOutcome> abort_moves(const ShardMap& map, const std::vector<MoveEntry>& moves,
                                        OtherMover other, const PoolOptions& pool, const Terminal& terminal) {
  set_desired_state(map, moves, DesiredState::abort);
  const auto mover = wait_for_abort(map, moves, other, terminal);
  if (!mover) return std::nullopt;
  auto left = reachable_moves(map, terminal);
  std::erase_if(left, [&](const auto& move) {
    return !can_be_aborted(move.phase) || std::ranges::find(moves, move.id, &MoveEntry::id) == moves.end();
  });
  return run_moves(map, std::move(left), *mover, pool, terminal);
}

void require_aborted(const ShardMap& map, const std::vector<MoveEntry>& moves) {
  std::vector<std::string> problems, unseen;
  const auto now = read_all_moves(map, true, unseen);
  for (const auto& move : moves) {
    const auto found = std::ranges::find(now, move.id, &MoveEntry::id);
    if (found == now.end())
      problems.push_back("move " + move.id + ": shard " + move.source +
                         " does not answer whether it was aborted");
    else if (found->phase != Phase::aborted)
      problems.push_back("move " + move.id +
                         " had handed over before it could be aborted; shardplex rebalance reverse " +
                         move.id + " gives its slots back");
  }
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

}  // namespace shardplex::operations
