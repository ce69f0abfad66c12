// map check: whether a shard map is right.
#include "cli/command_line.hpp"
#include "operations/shard/map_file.hpp"

namespace shardplex::cli {

int map_check(Arguments args, const Terminal& terminal) {
  CommandOptions options("map check FILE", "Checks a shard map and reports every problem with its line.");
  options.add_positional("file", 1);
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const std::string file = given->required("file", "FILE");
  const ShardMap map = load_shard_map(file);
  terminal.out << file << ": " << terminal.paint_out(Colour::green, "ok") << " (" << map.shards().size()
               << " shards, " << map.groups().size() << " groups, " << map.tables().size() << " tables)\n";
  return exit_ok;
}

}  // namespace shardplex::cli
