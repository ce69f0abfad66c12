// import check: what could make an import fail, before anything is made.
#include "cli/command_line.hpp"
#include "operations/import/check.hpp"

namespace shardplex::cli {

namespace po = boost::program_options;

int import_check(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "import check --map FILE --from DSN",
      "Looks for everything that could fail later in an import, on the source and on every shard, and\n"
      "tells it all at once. Changes nothing.");
  options.add_map();
  options.add()("from", po::value<std::string>()->value_name("DSN"),
                "connection string of the unsharded database");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  require_importable(given->map(), given->required("from", "--from DSN"), terminal);
  terminal.out << "nothing stands in the way of an import\n";
  return exit_ok;
}

}  // namespace shardplex::cli
