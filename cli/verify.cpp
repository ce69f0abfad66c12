// verify: whether every row is where it belongs, once, and alike wherever it has to be, while the cluster
// serves.
#include <fstream>
#include <map>

#include "cli/command_line.hpp"
#include "cli/slot_arguments.hpp"
#include "operations/audit/verify.hpp"
#include "operations/process/failure.hpp"
#include "operations/process/json_values.hpp"
#include "operations/shard/map_file.hpp"

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;

constexpr std::uint64_t most_lines = 100;  // of a check, for people

std::vector<const TablePlacement*> tables_argument(const ShardMap& map, const GivenOptions& given) {
  std::vector<const TablePlacement*> tables;
  for (const auto& name : given.texts("table")) tables.push_back(&table_of_map(map, name));
  if (tables.empty())
    for (const auto& table : map.tables()) tables.push_back(&table);
  return tables;
}

VerifyRequest read_request(const ShardMap& map, const GivenOptions& given) {
  VerifyRequest request;
  request.tables = tables_argument(map, given);
  request.jobs = given.get<int>("jobs");
  check_jobs(request.jobs);
  for (const auto& group : map.groups()) request.slots.push_back(SlotSet::all(group.slot_count));
  const auto slots = given.text("slots"), name = given.text("group");
  if (!slots && !name) return request;
  const GroupId group = group_argument(map, name);
  if (slots) request.slots[group.value] = slots_argument(*slots, map.group(group));
  std::erase_if(request.tables, [&](const TablePlacement* table) { return table->group != group; });
  return request;
}

json::value to_json(const ShardMap& map, const Verification& found) {
  json::array checks, problems;
  for (const Check check : all_checks)
    checks.push_back({{"check", name_of(check)}, {"problems", found.findings.count(check)}});
  for (const auto& finding : found.findings.all())
    problems.push_back({{"check", name_of(finding.check)},
                        {"shard", text_or_null(finding.shard)},
                        {"text", finding.text},
                        {"repair", text_or_null(finding.repair)}});
  return {{"cluster", map.cluster()},
          {"rows", found.rows},
          {"seconds", found.seconds},
          {"rows_per_second", found.rows_per_second()},
          {"checks", checks},
          {"problems", problems},
          {"notes", json_array(found.findings.notes())}};
}

void print(const Verification& found, const Terminal& terminal) {
  TextTable table({{"CHECK"}, {"PROBLEMS", TextTable::Align::right}});
  for (const Check check : all_checks) {
    const std::uint64_t count = found.findings.count(check);
    table.add(
        {std::string(title_of(check)), {with_thousands(count), count > 0 ? Colour::red : Colour::green}});
  }
  table.print(terminal);
  for (const auto& note : found.findings.notes()) terminal.note(note);
  std::map<Check, std::uint64_t> lines;
  for (const auto& finding : found.findings.all())
    if (lines[finding.check]++ < most_lines) terminal.error(finding.text);
  for (const auto& [check, count] : lines)
    if (count > most_lines)
      terminal.error(std::string(title_of(check)) + ": " + with_thousands(count - most_lines) +
                     " more problems of this kind (--json and --repair-report tell them)");
  terminal.err << "verified " << with_thousands(found.rows) << " rows ("
               << with_thousands(static_cast<std::uint64_t>(found.rows_per_second())) << " rows/s)\n";
}

std::string as_comment(const std::string& text) {
  std::string comment = "-- ";
  for (const char c : text) comment.append(c == '\n' ? "\n-- " : std::string(1, c));
  return comment + "\n";
}

void write_report(const std::string& path, const ShardMap& map, const Verification& found) {
  std::ofstream file(path);
  file << "-- What shardplex verify has found in cluster " << map.cluster()
       << ", and what would repair it. Read before you run any of it:\n"
          "-- which of two rows is right only you can know. Nothing of this has been run.\n";
  for (const auto& finding : found.findings.all()) {
    file << '\n' << as_comment(std::string(title_of(finding.check)) + ": " + finding.text);
    if (!finding.shard.empty()) file << "-- On " << finding.shard << ":\n";
    file << (finding.repair.empty() ? "-- Nothing can be proposed.\n" : finding.repair + "\n");
  }
  if (!file.flush()) throw CommandFailed(path + ": cannot be written");
}

}  // namespace

int verify(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "verify --map FILE [--table T]… [--slots 0-63,70] [--group G] [--jobs N] [--json] [--repair-report "
      "FILE]",
      "Checks that every row is on the shard that owns its slot, in the slot of its key, and only once; "
      "that\n"
      "reference tables are the same on all shards, and the old copies of moves that can be reversed as the\n"
      "new ones; that each slot has one owner; and that nothing is left of moves and loads that are over.\n"
      "Changes no row. The cluster may be in use: what looks wrong is looked at again before it is told.\n"
      "Exits with 1 where there are problems.");
  options.add_map();
  options.add()("table", po::value<std::vector<std::string>>()->value_name("T"),
                "only this table; may be given again")("slots", po::value<std::string>()->value_name("SLOTS"),
                                                       "only rows in these slots, such as 0-63,70")(
      "group", po::value<std::string>()->value_name("G"), "only tables of this group")(
      "jobs", po::value<int>()->value_name("N")->default_value(1), "connections to each shard");
  options.add_json();
  options.add()("repair-report", po::value<std::string>()->value_name("FILE"),
                "write what was found and the SQL that would repair it, for people to read");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  Verification found;
  verify_cluster(map, read_request(map, *given), terminal, found);
  if (const auto path = given->text("repair-report")) write_report(*path, map, found);
  if (given->json())
    terminal.out << to_json(map, found) << '\n';
  else
    print(found, terminal);
  return found.findings.clean() ? exit_ok : exit_failed;
}

}  // namespace shardplex::cli
