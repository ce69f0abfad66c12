// rebalance run: carries out a plan.
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/move_options.hpp"
#include "cli/moves_output.hpp"
#include "operations/cluster/add_shards.hpp"
#include "operations/move/obstacles.hpp"
#include "operations/move/start.hpp"
#include "operations/shard/map_file.hpp"

namespace shardplex::cli {
namespace {

/// Plans the balance by rows, and shows the plan; the file it is in, or nullopt where nothing is to be moved.
std::optional<std::string> plan_by_rows(const std::string& map_file, bool as_json, const Terminal& terminal) {
  const auto file =
      (std::filesystem::temp_directory_path() / ("shardplex-plan-" + new_move_id() + ".yaml")).string();
  const std::vector<std::string> args{"--map", map_file, "--out", file};
  std::ostringstream unseen;
  rebalance_plan(args, as_json ? Terminal{terminal.in, unseen, terminal.err} : terminal);
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
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  PoolOptions pool = read_pool_options(*given);
  pool.runner.finish = given->has("finish");
  auto plan_file = given->text("plan");
  if (!plan_file) plan_file = plan_by_rows(pool.map_file, given->json(), terminal);
  if (!plan_file) return exit_ok;
  ShardMap map = load_shard_map(pool.map_file);
  const RebalancePlan plan = load_rebalance_plan(*plan_file, map);

  const auto moves = new_moves(plan);
  check_start(map, plan, moves);
  map = add_shards(pool.map_file, map, plan.added, terminal);  // takes the mover's lock itself, for a while
  Mover mover(map);
  start_moves(map, moves, mover);
  print_outcome(run_moves(map, moves, mover, pool, terminal), given->json(), terminal);
  return exit_ok;
}

}  // namespace shardplex::cli
