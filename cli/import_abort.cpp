// import abort: removes all that an import has made.
#include "cli/command_line.hpp"
#include "operations/import/run.hpp"

namespace shardplex::cli {

namespace po = boost::program_options;

int import_abort(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "import abort --map FILE [--from DSN]",
      "Removes all that an import has made, on the shards and on the source, which goes on as before.\n"
      "Refused once the cutover is decided, until the import has been reversed.");
  options.add_map();
  options.add()(
      "from", po::value<std::string>()->value_name("DSN"),
      "connection string of the source, where it is reached in another way than when the import began");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  existing_import(map);
  const std::string source = given->text("from").value_or("");
  ImportRunner(map, source, {}, [](const ImportAdvance&) {}).abort();
  terminal.out << "aborted: nothing of the import is left\n";
  return exit_ok;
}

}  // namespace shardplex::cli
