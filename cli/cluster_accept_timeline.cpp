// cluster accept-timeline: an operator's word that an older timeline is the right one.
#include "cli/command_line.hpp"
#include "operations/cluster/accept_timeline.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::cli {

int cluster_accept_timeline(Arguments args, const Terminal& terminal) {
  CommandOptions options("cluster accept-timeline --map FILE SHARD",
                         "Rules that the one server of the shard that is a primary now is the right one, "
                         "although a newer timeline "
                         "was seen: after a\n"
                         "promotion by mistake, or a restore from a backup. What was acknowledged on the "
                         "newer timeline is given "
                         "up. Stop the server\n"
                         "that was promoted first. Routers that run learn of it within a poll interval.");
  options.add_map();
  options.add_positional("shard", 1);
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  const auto name = given->required("shard", "SHARD");
  const auto shard = map.find_shard(name);
  if (!shard) throw CommandFailed("the map has no shard " + name);
  const auto accepted = accept_timeline(map, map.shard(*shard));
  for (const auto& untold : accepted.untold)
    terminal.warning("not told, a router will tell it once it can be reached: " + untold);
  terminal.out << name << ": " << address_of(accepted.conninfo) << " on timeline " << accepted.timeline
               << " is the primary from now on";
  if (accepted.outweighed > accepted.timeline)
    terminal.out << "; timeline " << accepted.outweighed << " is given up";
  terminal.out << '\n';
  return exit_ok;
}

}  // namespace shardplex::cli
