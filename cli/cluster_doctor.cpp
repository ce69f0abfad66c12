// cluster doctor: what moves and loads that are over have left in the shards, found and removed.
#include <algorithm>

#include "cli/command_line.hpp"
#include "cli/ways_back_output.hpp"
#include "operations/audit/doctor.hpp"
#include "operations/process/json_values.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;

json::value to_json(const ShardMap& map, const DoctorReport& report) {
  json::array leftovers, moves;
  for (const auto& found : report.leftovers)
    leftovers.push_back({{"shard", found.shard},
                         {"text", found.text},
                         {"wal_bytes", found.wal_bytes},
                         {"fixed", found.removed},
                         {"problem", text_or_null(found.problem)}});
  for (const auto& move : report.journal.moves)
    moves.push_back({{"id", move.id}, {"phase", to_string(move.phase)}});
  json::object object{{"cluster", map.cluster()}, {"leftovers", leftovers}, {"unfinished_moves", moves}};
  object["unguarded_tables"] = json::array(report.unguarded.begin(), report.unguarded.end());
  add_broken_ways_back(report.ways_back, object);
  return object;
}

void print(const DoctorReport& report, bool fix, const Terminal& terminal) {
  for (const auto& move : report.journal.moves)
    terminal.note("move " + move.id + " from " + move.source + " to " + move.target + " is " +
                  std::string(to_string(move.phase)) +
                  "; what belongs to it is no leftover (shardplex rebalance status tells what to do next)");
  for (const auto& warning : warnings_of(report.ways_back)) terminal.warning(warning);
  for (const auto& table : report.unguarded) terminal.warning(table);
  if (!fix && report.journal.mover) terminal.note(to_string(*report.journal.mover));
  for (const auto& found : report.leftovers) {
    const std::string what = found.shard + ": " + found.text;
    if (found.removed)
      terminal.out << what << ": removed\n";
    else
      terminal.error(what + (found.problem.empty() ? "" : ": " + found.problem));
  }
  if (report.leftovers.empty()) terminal.out << "nothing is left over\n";
  if (!fix && !report.leftovers.empty())
    terminal.note("shardplex cluster doctor --fix removes what can be removed safely");
}

}  // namespace

int cluster_doctor(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "cluster doctor --map FILE [--fix] [--json]",
      "Finds what moves and loads that are over have left in the shards: publications, subscriptions,\n"
      "replication slots (which keep WAL), markers, rows of the journal, states of slots, rows in slots "
      "that\n"
      "are not there, tables that log whole rows, prepared transactions. What belongs to an unfinished move "
      "is\n"
      "left alone: rebalance resume or abort ends it. Warns of tables where nothing looks at what triggers\n"
      "write. Exits with 1 where something is, or remains, left over.");
  options.add_map();
  options.add()("fix", "remove what can be removed safely; refused while slots are being moved");
  options.add_json();
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  const bool fix = given->has("fix");
  const DoctorReport report = examine_cluster(map, fix, terminal);
  if (given->json())
    terminal.out << to_json(map, report) << '\n';
  else
    print(report, fix, terminal);
  return std::ranges::all_of(report.leftovers, &LeftoverFound::removed) ? exit_ok : exit_failed;
}

}  // namespace shardplex::cli
