// cluster init: makes the databases of a map its shards.
#include <optional>
#include <string>

#include "cli/command_line.hpp"
#include "operations/cluster/alike.hpp"
#include "operations/cluster/init.hpp"
#include "operations/cluster/schema_file.hpp"
#include "operations/process/text_file.hpp"

namespace shardplex::cli {
int cluster_init(Arguments args, const Terminal& terminal) {
  namespace po = boost::program_options;
  CommandOptions options("cluster init --map FILE [--schema SQL] [--dry-run]",
                         "Makes every database of the map a shard: the schema shardplex, the slot column of "
                         "each sharded table, and\n"
                         "ownership of the slots as the map places them. Checks all shards before it changes "
                         "one, and may be run\n"
                         "again: what is there stays as it is, and a slot that has an owner keeps it.");
  options.add_map();
  options.add()("schema", po::value<std::string>()->value_name("SQL"),
                "SQL that makes the tables; run on shards where one of the map's tables is missing")(
      "dry-run", "do everything and roll it back");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  std::optional<std::string> schema_sql;
  if (const auto file = given->text("schema")) schema_sql = schema_statements(read_text_file(*file));
  initialise_cluster(map, schema_sql, given->has("dry-run"), terminal);
  if (!given->has("dry-run")) warn_of_rights(map, terminal);
  return exit_ok;
}

}  // namespace shardplex::cli
