// import status: how far the import into a cluster is.
#include <boost/json.hpp>

#include "cli/command_line.hpp"
#include "operations/import/run.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::cli {

int import_status(Arguments args, const Terminal& terminal) {
  CommandOptions options("import status --map FILE [--json]",
                         "Tells how far the import into this cluster is.");
  options.add_map();
  options.add_json("print the result as JSON");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ImportEntry entry = existing_import(given->map());
  boost::json::object progress = boost::json::parse(entry.progress).as_object();
  if (given->json()) {
    progress["id"] = entry.id;
    progress["source"] = entry.source;
    progress["phase"] = to_string(entry.phase);
    progress["problem"] = entry.problem ? boost::json::value(*entry.problem) : nullptr;
    progress["created_at"] = entry.created_at;
    progress["changed_at"] = entry.changed_at;
    terminal.out << progress << '\n';
    return exit_ok;
  }
  TextTable table({{"IMPORT"}, {"PHASE"}, {"FROM"}, {"BEGUN"}, {"CHANGED"}});
  table.add({entry.id, std::string(to_string(entry.phase)), address_of(entry.source), entry.created_at,
             entry.changed_at});
  table.print(terminal);
  for (const auto& [name, value] : progress)
    terminal.out << name << ": " << boost::json::serialize(value) << '\n';
  if (entry.problem) terminal.warning("it has stopped: " + *entry.problem);
  if (entry.phase == ImportPhase::fence)
    terminal.note("the source may be refusing writes; 'import run' or 'import abort' ends that");
  return exit_ok;
}

}  // namespace shardplex::cli
