// import finish: the end of the time in which an import can be reversed.
#include "cli/command_line.hpp"
#include "operations/import/run.hpp"

namespace shardplex::cli {

namespace po = boost::program_options;

int import_finish(Arguments args, const Terminal& terminal) {
  CommandOptions options("import finish --map FILE [--from DSN] [--source-is-gone]",
                         "Ends the time in which an import can be reversed: changes flow to the source no "
                         "longer, and slots may move.");
  options.add_map();
  options.add()(
      "from", po::value<std::string>()->value_name("DSN"),
      "connection string of the source, where it is reached in another way than when the import began")(
      "source-is-gone", "the source is no more; what is left on it is not removed");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  existing_import(map);
  ImportOptions how;
  how.source_is_gone = given->has("source-is-gone");
  ImportRunner(map, given->text("from").value_or(""), how, [](const ImportAdvance&) {}).finish_import();
  terminal.out << "finished: there is no way back to the source any more\n";
  return exit_ok;
}

}  // namespace shardplex::cli
