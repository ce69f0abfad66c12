// import abort: removes all that an import has made.
#include "cli/command_line.hpp"
#include "cli/import_options.hpp"

namespace shardplex::cli {

int import_abort(Arguments args, const Terminal& terminal) {
  const auto options = options_for_import(
      "abort", "",
      "Removes all that an import has made, on the shards and on the source, which goes on as before.\n"
      "Refused once the cutover is decided, until the import has been reversed.");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  take_up_import(*given, map).abort();
  terminal.out << "aborted: nothing of the import is left\n";
  return exit_ok;
}

}  // namespace shardplex::cli
