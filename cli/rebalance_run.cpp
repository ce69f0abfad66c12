// rebalance run: carries out a plan.
#include <sstream>

#include "cli/command_line.hpp"
#include "cli/move_options.hpp"
#include "cli/moves_output.hpp"
#include "cli/plan_output.hpp"
#include "operations/cluster/add_shards.hpp"
#include "operations/cluster/proposal.hpp"
#include "operations/move/obstacles.hpp"
#include "operations/move/routers.hpp"
#include "operations/move/start.hpp"
#include "operations/shard/map_file.hpp"

namespace shardplex::cli {
namespace {

/// Plans the balance by rows, and shows the plan.
RebalancePlan plan_by_rows(const ShardMap& map, bool as_json, const Terminal& terminal) {
  const ShownPlan shown{propose(map, {}), default_rate_mb};
  std::ostringstream unseen;
  print_plan(shown, as_json ? Terminal{terminal.in, unseen, terminal.err} : terminal);
  return shown.proposal.plan;
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
  ShardMap map = load_shard_map(pool.map_file);
  const auto plan_file = given->text("plan");
  const RebalancePlan plan =
      plan_file ? load_rebalance_plan(*plan_file, map) : plan_by_rows(map, given->json(), terminal);
  if (!plan_file && plan.moves.empty()) return exit_ok;

  const auto moves = new_moves(plan);
  check_start(map, plan, moves, terminal);
  map = add_shards(pool.map_file, map, plan.added, terminal);  // takes the mover's lock itself, for a while
  await_routers(map, plan.moves, pool.runner.patience, terminal);
  Mover mover(map);
  start_moves(map, moves, mover);
  print_outcome(run_moves(map, moves, mover, pool, terminal), given->json(), terminal);
  return exit_ok;
}

}  // namespace shardplex::cli
