// rebalance run, resume, pause, abort, reverse, finish.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <sstream>
#include <thread>

#include "cli/command_line.hpp"
#include "cli/move_options.hpp"
#include "operations/cluster/add_shards.hpp"
#include "operations/move/facts.hpp"
#include "operations/move/journal.hpp"
#include "operations/move/obstacles.hpp"
#include "operations/move/pool.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"
#include "shard_map/rebalance_plan.hpp"
#include "shard_schema/functions.hpp"

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;

/// The moves of all shards; throws where a shard cannot be read, as its moves would be overlooked.
std::vector<MoveEntry> all_moves(const ShardMap& map, bool with_history = false) {
  std::vector<std::string> problems;
  auto moves = read_all_moves(map, with_history, problems);
  if (!problems.empty()) throw CommandFailed(std::move(problems));
  return moves;
}

/// The moves whose source answers; another shard that is down must not keep them from going on.
std::vector<MoveEntry> reachable_moves(const ShardMap& map, const Terminal& terminal) {
  std::vector<std::string> problems;
  auto moves = read_all_moves(map, false, problems);
  for (const auto& problem : problems) terminal.warning("its moves are not seen: " + problem);
  return moves;
}

/// f(transaction) on the primary of the move's source.
template <class F>
void on_source(const ShardMap& map, const MoveEntry& move, F f) {
  const auto primary = find_primary(map, map.shard(*map.find_shard(move.source)));
  pqxx::work transaction(*primary.connection);
  f(transaction);
  transaction.commit();
}

std::string names_of(const std::vector<MoveEntry>& moves) {
  std::string names;
  for (const auto& move : moves) names.append(names.empty() ? "" : ", ").append(move.id);
  return names;
}

/// Those named, or all; throws where one is not known or not in a phase that `fits`.
std::vector<MoveEntry> choose(std::vector<MoveEntry> moves, const po::variables_map& values,
                              const std::function<bool(Phase)>& fits, std::string_view otherwise) {
  std::vector<MoveEntry> chosen;
  if (!values.contains("move")) {
    std::ranges::copy_if(moves, std::back_inserter(chosen),
                         [&](const auto& move) { return fits(move.phase); });
    return chosen;
  }
  for (const auto& id : values["move"].as<std::vector<std::string>>()) {
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

CommandOptions options_for_moves(const std::string& verb, const std::string& about) {
  CommandOptions options("rebalance " + verb + " --map FILE [MOVE…]", about);
  options.add_positional("move", -1);
  return options;
}

std::vector<MoveEntry> entries_of(const RebalancePlan& plan) {
  std::vector<MoveEntry> entries;
  for (const auto& move : plan.moves) {
    MoveEntry& entry = entries.emplace_back();
    entry.id = new_move_id();
    entry.number = static_cast<int>(entries.size());
    entry.group = move.group;
    entry.slots = move.slots;
    entry.source = move.source;
    entry.target = move.target;
  }
  return entries;
}

/// Two moves must not have a slot in common, also where one of them rests in its reverse window.
void refuse_unfinished(const std::vector<MoveEntry>& moves, const std::vector<MoveEntry>& wanted) {
  std::vector<MoveEntry> under_way;
  std::ranges::copy_if(moves, std::back_inserter(under_way),
                       [](const auto& move) { return is_under_way(move.phase); });
  if (!under_way.empty())
    throw CommandFailed("moves are unfinished: " + names_of(under_way) +
                        "; shardplex rebalance resume or abort them first");
  std::vector<std::string> problems;
  for (const auto& entry : wanted)
    for (const auto& move : moves)
      if (move.group == entry.group && move.slots.intersects(entry.slots))
        problems.push_back("move " + move.id + " of " + move.group + " from " + move.source + " to " +
                           move.target +
                           " can still be reversed, and has slots of this plan; shardplex rebalance finish " +
                           move.id + " first");
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

/// A decision about moves that rest: into `phase`, and on from there.
void decide_and_run(const ShardMap& map, std::vector<MoveEntry> moves, Phase phase, Mover& mover,
                    const PoolOptions& pool, const Terminal& terminal) {
  for (auto& move : moves) {
    on_source(map, move, [&](pqxx::work& transaction) {
      transaction.exec_params(as_mover_sql, mover.token());
      set_phase(transaction, move.id, phase);
      set_wanted(transaction, move.id, Wanted::run);
    });
    move.phase = phase;
  }
  run_moves(map, std::move(moves), mover, pool, terminal);
}

int nothing_to_do(const std::string& what, const PoolOptions& pool, const Terminal& terminal) {
  if (pool.json)
    terminal.out << "[]\n";
  else
    terminal.out << what << '\n';
  return exit_ok;
}

/// reverse and finish: for moves that rest in their reverse window, and those that were begun with it.
int end_window(const std::string& verb, const std::string& about, Phase phase, Arguments args,
               const Terminal& terminal) {
  auto options = options_for_moves(verb, about);
  add_pool_options(options);
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  const PoolOptions pool = read_pool_options(*values);
  const ShardMap map = load_shard_map(pool.map_file);
  Mover mover(map);
  // A way back that turned out to be closed can still be ended by finish.
  const auto fits = [&](Phase found) {
    const bool named = values->contains("move");
    return found == Phase::reversible || found == Phase::reversing || found == phase ||
           (named && found == Phase::finishing);
  };
  auto moves = choose(reachable_moves(map, terminal), *values, fits,
                      "only a reversible move can be " + verb + (verb == "finish" ? "ed" : "d"));
  if (moves.empty()) return nothing_to_do("no move is reversible", pool, terminal);
  if (phase == Phase::reversing) std::ranges::reverse(moves);  // the last one first
  decide_and_run(map, std::move(moves), phase, mover, pool, terminal);
  return exit_ok;
}

/// Tells moves that a mover at work, or the next one, should pause, go on or abort.
void wish(const ShardMap& map, const std::vector<MoveEntry>& moves, Wanted wanted) {
  for (const auto& move : moves)
    on_source(map, move, [&](pqxx::work& transaction) { set_wanted(transaction, move.id, wanted); });
}

/// nullopt where another mover is at work.
std::unique_ptr<Mover> try_to_be_mover(const ShardMap& map) try {
  return std::make_unique<Mover>(map);
} catch (const MoverReplaced&) {
  return nullptr;
}

/// Throws where one of the moves did not come to be aborted, or its source does not say.
void require_aborted(const ShardMap& map, const std::vector<MoveEntry>& asked) {
  std::vector<std::string> problems, unseen;
  const auto now = read_all_moves(map, true, unseen);
  for (const auto& move : asked) {
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

/// Waits until none of the moves is on its way to the hand-over or being aborted, or the mover that was asked
/// to see to it is gone; then nullptr or the right to do it oneself.
std::unique_ptr<Mover> wait_for_abort(const ShardMap& map, const std::vector<MoveEntry>& moves) {
  while (true) {
    const auto now = all_moves(map, true);
    const bool done = std::ranges::all_of(moves, [&](const MoveEntry& asked) {
      const auto found = std::ranges::find(now, asked.id, &MoveEntry::id);
      return found == now.end() || (found->phase != Phase::moving && found->phase != Phase::aborting);
    });
    if (done) return nullptr;
    if (auto mover = try_to_be_mover(map)) return mover;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

}  // namespace

namespace {

/// Plans the balance by rows, and shows the plan; the file it is in, or nullopt where nothing is to be moved.
std::optional<std::string> plan_by_rows(const PoolOptions& pool, const Terminal& terminal) {
  const auto file =
      (std::filesystem::temp_directory_path() / ("shardplex-plan-" + new_move_id() + ".yaml")).string();
  const std::vector<std::string> args{"--map", pool.map_file, "--out", file};
  std::ostringstream unseen;
  rebalance_plan(args, pool.json ? Terminal{terminal.in, unseen, terminal.err} : terminal);
  return std::filesystem::exists(file) ? std::optional(file) : std::nullopt;
}

}  // namespace

int rebalance_run(Arguments args, const Terminal& terminal) {
  CommandOptions options("rebalance run --map FILE [PLAN.yaml] [options]",
                         "Makes the moves of a plan (shardplex rebalance plan --out PLAN.yaml; without one "
                         "it plans by rows), while "
                         "routers\nserve. Checks everything first. Afterwards the moves rest: reverse gives "
                         "the slots back, finish "
                         "deletes the old copies.");
  add_pool_options(options);
  options.add()("finish", "do not rest: delete the old copies right away");
  options.add_positional("plan", 1);
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  PoolOptions pool = read_pool_options(*values);
  pool.runner.finish = values->contains("finish");
  const std::optional<std::string> plan_file = values->contains("plan")
                                                   ? std::optional((*values)["plan"].as<std::string>())
                                                   : plan_by_rows(pool, terminal);
  if (!plan_file) return exit_ok;
  ShardMap map = load_shard_map(pool.map_file);
  const RebalancePlan plan = load_rebalance_plan(*plan_file, map);

  auto entries = entries_of(plan);
  {
    const Mover nobody_else(map);
    refuse_unfinished(all_moves(map), entries);
    if (auto problems = check_moves(map, plan); !problems.empty()) throw CommandFailed(std::move(problems));
  }
  map = add_shards(pool.map_file, map, plan.added, terminal);  // takes the mover's lock itself, for a while
  Mover mover(map);
  refuse_unfinished(all_moves(map), entries);
  for (const auto& entry : entries)
    on_source(map, entry, [&](pqxx::work& transaction) {
      transaction.exec_params(as_mover_sql, mover.token());
      record_move(transaction, entry);
    });
  run_moves(map, entries, mover, pool, terminal);
  return exit_ok;
}

int rebalance_resume(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "rebalance resume --map FILE [options]",
      "Goes on with all moves that are unfinished, wherever their mover died or was paused.");
  add_pool_options(options);
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  const PoolOptions pool = read_pool_options(*values);
  const ShardMap map = load_shard_map(pool.map_file);
  // One that rests is looked at too: a failover may have left its slots without an owner.
  auto moves = reachable_moves(map, terminal);
  if (moves.empty()) return nothing_to_do("no move is unfinished", pool, terminal);
  std::vector<MoveEntry> paused;
  std::ranges::copy_if(moves, std::back_inserter(paused),
                       [](const auto& move) { return move.wanted == Wanted::pause; });
  wish(map, paused, Wanted::run);
  try {
    Mover mover(map);
    run_moves(map, std::move(moves), mover, pool, terminal);
  } catch (const MoverReplaced&) {
    if (paused.empty()) throw;
    return nothing_to_do("the mover at work goes on with " + names_of(paused), pool, terminal);
  }
  return exit_ok;
}

int rebalance_pause(Arguments args, const Terminal& terminal) {
  auto options =
      options_for_moves("pause",
                        "Pauses moves at the next place where no client waits for them; replication goes on, "
                        "so that no WAL piles "
                        "up.\nA paused copy keeps its snapshot open. shardplex rebalance resume goes on.");
  options.add()("map", po::value<std::string>()->value_name("FILE"), "the shard map");
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  const ShardMap map = load_shard_map(required_option(*values, "map", "--map FILE"));
  const auto moves =
      choose(reachable_moves(map, terminal), *values, is_under_way, "only a move under way can be paused");
  wish(map, moves, Wanted::pause);
  terminal.out << (moves.empty() ? "no move is under way" : "will pause: " + names_of(moves)) << '\n';
  return exit_ok;
}

int rebalance_abort(Arguments args, const Terminal& terminal) {
  auto options = options_for_moves(
      "abort",
      "Undoes moves that have not handed over yet: everything is as before, and nothing of them is left.\n"
      "Past the hand-over, reverse gives the slots back.");
  add_pool_options(options);
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  const PoolOptions pool = read_pool_options(*values);
  const ShardMap map = load_shard_map(pool.map_file);
  const auto fits = [](Phase phase) { return phase == Phase::moving || phase == Phase::aborting; };
  const auto moves = choose(reachable_moves(map, terminal), *values, fits,
                            "it has handed over, and reverse gives its slots back");
  if (moves.empty()) return nothing_to_do("no move can be aborted", pool, terminal);
  wish(map, moves, Wanted::abort);
  if (const auto mover = wait_for_abort(map, moves)) {
    auto left = reachable_moves(map, terminal);
    std::erase_if(left, [&](const auto& move) {
      return !fits(move.phase) || std::ranges::find(moves, move.id, &MoveEntry::id) == moves.end();
    });
    run_moves(map, std::move(left), *mover, pool, terminal);
  }
  require_aborted(map, moves);
  if (!pool.json) terminal.out << "aborted: " << names_of(moves) << '\n';
  return exit_ok;
}

int rebalance_reverse(Arguments args, const Terminal& terminal) {
  return end_window(
      "reverse",
      "Gives the slots of moves that rest in their reverse window back to their sources, with all that was "
      "written since.",
      Phase::reversing, args, terminal);
}

int rebalance_finish(Arguments args, const Terminal& terminal) {
  return end_window(
      "finish",
      "Ends the reverse window of moves: deletes the old copies, in small throttled transactions, and all "
      "that the moves made.",
      Phase::finishing, args, terminal);
}

}  // namespace shardplex::cli
