// import check: what could make an import fail, before anything is made.
#include <boost/json.hpp>

#include "cli/command_line.hpp"
#include "cli/import_losses.hpp"

namespace shardplex::cli {

namespace json = boost::json;
namespace po = boost::program_options;

int import_check(Arguments args, const Terminal& terminal) {
  CommandOptions options("import check --map FILE --from DSN [--allow NAME,…] [--json]",
                         "Looks for everything that could fail later in an import, on the source and on "
                         "every shard, and for all\n"
                         "that an import changes or leaves behind. Tells it all at once, and changes "
                         "nothing. Exits with 1 where\n"
                         "an import would not begin.");
  options.add_map();
  options.add()("from", po::value<std::string>()->value_name("DSN"),
                "connection string of the unsharded database");
  add_allow(options);
  options.add_json("print one JSON object");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const AcceptedLosses accepted = accepted_losses(*given);
  const ImportFindings findings = check_import(given->map(), given->required("from", "--from DSN"));
  if (given->json()) {
    const bool ready = is_ready(findings, accepted);
    terminal.out << json::object{{"ready", ready},
                                 {"problems", json::value_from(findings.problems)},
                                 {"losses", to_json(findings.losses, accepted)},
                                 {"warnings", json::value_from(findings.warnings)}}
                 << '\n';
    return ready ? exit_ok : exit_failed;
  }
  require_importable(findings, accepted, terminal);
  terminal.out << "nothing stands in the way of an import\n";
  return exit_ok;
}

}  // namespace shardplex::cli
