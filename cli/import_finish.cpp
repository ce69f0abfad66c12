// import finish: the end of the time in which an import can be reversed.
#include "cli/command_line.hpp"
#include "cli/import_options.hpp"

namespace shardplex::cli {

int import_finish(Arguments args, const Terminal& terminal) {
  auto options =
      options_for_import("finish", " [--source-is-gone]",
                         "Ends the time in which an import can be reversed: changes flow to the source no "
                         "longer, and slots may move.");
  options.add()("source-is-gone", "the source is no more; what is left on it is not removed");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  ImportOptions how;
  how.source_is_gone = given->has("source-is-gone");
  take_up_import(*given, map, how).finish_import();
  terminal.out << "finished: there is no way back to the source any more\n";
  return exit_ok;
}

}  // namespace shardplex::cli
