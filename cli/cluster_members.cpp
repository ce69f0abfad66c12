// cluster add-shard, remove-shard, add-replica, remove-replica: which servers make up the cluster.
#include <algorithm>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "operations/cluster/add_shards.hpp"
#include "operations/cluster/members.hpp"
#include "operations/move/obstacles.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/map_file.hpp"

namespace shardplex::cli {
namespace {

/// Of "cluster VERB --map FILE WHAT…".
CommandOptions options_for(const std::string& verb, const std::string& what, const std::string& about) {
  CommandOptions options("cluster " + verb + " --map FILE " + what, about);
  options.add_map("the shard map; it is rewritten");
  return options;
}

}  // namespace

int cluster_add_shard(Arguments args, const Terminal& terminal) {
  namespace po = boost::program_options;
  auto options = options_for(
      "add-shard", "NAME DSN [--replica DSN]...",
      "Makes a database a shard of the cluster that owns nothing yet: its tables and reference rows, roles "
      "and\n"
      "grants as on the first shard, its place in the directories and in the map. shardplex rebalance then\n"
      "brings slots to it. For a shard that the map has already it makes roles and grants alike.");
  options.add()("replica", po::value<std::vector<std::string>>()->composing()->value_name("DSN"),
                "a replica of it");
  options.add_positional("name", 1);
  options.add_positional("dsn", 1);
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  const std::string name = given->required("name", "NAME");
  if (const auto known = map.find_shard(name)) {
    make_access_rights_alike(map, map.shard(*known), terminal);
    return exit_ok;
  }
  const Shard shard{name, given->required("dsn", "DSN"), given->texts("replica")};
  const RebalancePlan plan{map.cluster(), {shard}, {}, {}};
  // The rules for shards of a plan are those of a map.
  const auto read = read_rebalance_plan(to_yaml(plan), map);
  if (const auto* problems = std::get_if<std::vector<MapProblem>>(&read)) {
    std::vector<std::string> told;
    for (const auto& problem : *problems) told.push_back(problem.message);
    throw CommandFailed(std::move(told));
  }
  if (auto problems = check_moves(map, plan); !problems.empty()) throw CommandFailed(std::move(problems));
  add_shards(given->map_file(), map, {shard}, terminal);
  terminal.out << name << " is a shard of the cluster; it owns nothing yet\n";
  return exit_ok;
}

int cluster_remove_shard(Arguments args, const Terminal& terminal) {
  auto options = options_for("remove-shard", "NAME",
                             "Takes a shard out of the cluster that owns nothing, as after shardplex "
                             "rebalance plan --drain, run and\n"
                             "finish. Its data stays where it is.");
  options.add_positional("name", 1);
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  remove_shard(given->map_file(), given->map(), given->required("name", "NAME"), terminal);
  return exit_ok;
}

int cluster_add_replica(Arguments args, const Terminal& terminal) {
  auto options = options_for("add-replica", "SHARD DSN",
                             "Adds a server that replicates from the shard's primary already.");
  options.add_positional("shard", 1);
  options.add_positional("dsn", 1);
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  add_replica(given->map_file(), given->map(), given->required("shard", "SHARD"),
              given->required("dsn", "DSN"), terminal);
  return exit_ok;
}

int cluster_remove_replica(Arguments args, const Terminal& terminal) {
  auto options =
      options_for("remove-replica", "SHARD HOST:PORT",
                  "Takes a server of a shard out that is not its primary, such as one that is gone.");
  options.add_positional("shard", 1);
  options.add_positional("server", 1);
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  remove_replica(given->map_file(), given->map(), given->required("shard", "SHARD"),
                 given->required("server", "HOST:PORT"), terminal);
  return exit_ok;
}

}  // namespace shardplex::cli
