// cluster init: makes the databases of a map its shards.
#include <fstream>
#include <optional>
#include <sstream>

#include "cli/command_line.hpp"
#include "operations/cluster/init.hpp"

namespace shardplex::cli {
namespace {

std::string read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw CommandFailed(path + ": cannot be read");
  return text.str();
}

}  // namespace

int cluster_init(Arguments args, const Terminal& terminal) {
  namespace po = boost::program_options;
  CommandOptions options("cluster init --map FILE [--schema SQL] [--dry-run]",
                         "Makes every database of the map a shard: the schema shardplex, the slot column of "
                         "each sharded table, and\n"
                         "ownership of the slots as the map places them. Checks all shards before it changes "
                         "one, and may be run\n"
                         "again: what is there stays as it is, and a slot that has an owner keeps it.");
  options.add()("map", po::value<std::string>()->value_name("FILE"), "the shard map")(
      "schema", po::value<std::string>()->value_name("SQL"),
      "SQL that makes the tables; run on shards where one of the map's tables is missing")(
      "dry-run", "do everything and roll it back");
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  const ShardMap map = load_shard_map(required_option(*values, "map", "--map FILE"));
  std::optional<std::string> schema_sql;
  if (values->contains("schema")) schema_sql = read_text_file((*values)["schema"].as<std::string>());
  initialise_cluster(map, schema_sql, values->contains("dry-run"), terminal);
  return exit_ok;
}

}  // namespace shardplex::cli
