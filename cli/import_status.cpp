// import status: how far the import into a cluster is.
#include <boost/json.hpp>

#include "cli/command_line.hpp"
#include "cli/import_options.hpp"
#include "operations/import/way_back_status.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;

bool has_way_back(ImportPhase phase) {
  return phase == ImportPhase::reversible || phase == ImportPhase::reversing;
}

json::array to_json(const std::vector<WayBackRow>& rows) {
  json::array list;
  for (const auto& row : rows)
    list.push_back({{"shard", row.shard},
                    {"flowing", row.flowing},
                    {"lag_bytes", row.lag_bytes},
                    {"refusals", row.refusals},
                    {"problems", json::value_from(row.problems)}});
  return list;
}

void print_way_back(const std::vector<WayBackRow>& rows, const Terminal& terminal) {
  TextTable table({{"SHARD"}, {"WAY BACK"}, {"LAG", TextTable::Align::right}});
  for (const auto& row : rows)
    table.add({row.shard,
               !row.problems.empty() ? "broken"
               : row.flowing         ? "flowing"
                                     : "waiting",
               human_bytes(row.lag_bytes)});
  table.print(terminal);
  for (const auto& row : rows) {
    for (const auto& problem : row.problems) terminal.warning(row.shard + ": " + problem);
    if (row.refusals > 0 && (!row.flowing || row.lag_bytes > 0))
      terminal.warning(
          row.shard + ": the source has refused a change " + std::to_string(row.refusals) +
          " times, such as one that breaks a constraint; its log says which, and it tries again");
  }
}

void print(const ImportEntry& entry, const json::object& progress, const std::vector<WayBackRow>& rows,
           const Terminal& terminal) {
  TextTable table({{"IMPORT"}, {"PHASE"}, {"FROM"}, {"BEGUN"}, {"CHANGED"}});
  table.add({entry.id, std::string(to_string(entry.phase)), address_of(entry.source), entry.created_at,
             entry.changed_at});
  table.print(terminal);
  for (const auto& [name, value] : progress) terminal.out << name << ": " << json::serialize(value) << '\n';
  if (has_way_back(entry.phase)) print_way_back(rows, terminal);
  if (entry.problem)
    terminal.warning(
        (entry.phase == ImportPhase::reversible ? "it could not be reversed: " : "it has stopped: ") +
        *entry.problem);
  if (entry.phase == ImportPhase::fence)
    terminal.note("the source may be refusing writes; 'import run' or 'import abort' ends that");
  if (entry.phase == ImportPhase::reversing)
    terminal.note(
        "the shards may be refusing writes, and slots that were handed over ('moved') reads too; running "
        "'import reverse' again ends that");
  if (entry.phase == ImportPhase::returning)
    terminal.note("the source may be refusing writes, and the shards do; 'import reverse' ends that");
}

}  // namespace

int import_status(Arguments args, const Terminal& terminal) {
  auto options = options_for_import(
      "status", " [--json]",
      "Tells how far the import into this cluster is, and after its cutover how its way back is.");
  options.add_json("print the result as JSON");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  const ImportEntry entry = existing_import(map);
  std::vector<WayBackRow> rows;
  if (has_way_back(entry.phase))
    rows = read_way_back_rows(map, entry, given->text("from").value_or(entry.source));
  json::object progress = json::parse(entry.progress).as_object();
  if (!given->json()) {
    print(entry, progress, rows, terminal);
    return exit_ok;
  }
  progress["id"] = entry.id;
  progress["source"] = entry.source;
  progress["phase"] = to_string(entry.phase);
  progress["problem"] = entry.problem ? json::value(*entry.problem) : nullptr;
  progress["created_at"] = entry.created_at;
  progress["changed_at"] = entry.changed_at;
  progress["way_back"] = to_json(rows);
  terminal.out << progress << '\n';
  return exit_ok;
}

}  // namespace shardplex::cli
