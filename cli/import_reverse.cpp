// import reverse: back to the source, after the cutover of an import.
#include <boost/json.hpp>

#include "cli/command_line.hpp"
#include "cli/import_options.hpp"

namespace shardplex::cli {

namespace po = boost::program_options;

int import_reverse(Arguments args, const Terminal& terminal) {
  auto options =
      options_for_import("reverse", " [--patience S] [--json]",
                         "Gives the data back to the source, with all that was written to the shards since "
                         "the cutover. The shards\n"
                         "refuse writes, the source gets the rest and is compared with them, and then takes "
                         "writes again. What fails\n"
                         "before that is decided leaves the shards as they were. Run again after a failure, "
                         "it begins anew or completes\n"
                         "what was decided. 'import abort' then removes what is left on the shards.");
  options.add()(
      "patience", po::value<double>()->value_name("S"),
      "how long to wait for the source to apply what the shards have, before they are fenced (default 60)");
  options.add_json("print the result as JSON");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  ImportOptions how;
  const double patience = given->positive<double>("patience", 60);
  if (!(patience < 1e9)) throw UsageError("--patience takes a number of seconds");
  how.patience = std::chrono::duration<double>(patience);
  const ImportReport report = take_up_import(*given, map, how).reverse();
  if (given->json()) {
    terminal.out << boost::json::object{{"id", report.id},
                                        {"phase", to_string(report.advance.phase)},
                                        {"rows_compared", report.advance.rows_compared},
                                        {"write_pause_ms",
                                         report.write_pause ? boost::json::value(report.write_pause->count())
                                                            : nullptr}}
                 << '\n';
    return exit_ok;
  }
  terminal.out
      << "returned: the source owns the data, and takes writes; the shards serve none of it any more\n";
  if (report.write_pause) terminal.out << "writes paused for " << report.write_pause->count() << " ms\n";
  return exit_ok;
}

}  // namespace shardplex::cli
