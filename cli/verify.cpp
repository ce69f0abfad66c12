// verify: whether every row is where it belongs, once, and alike wherever it has to be, while the cluster
// serves.
#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <future>

#include "cli/command_line.hpp"
#include "cli/slot_arguments.hpp"
#include "operations/audit/verify_scope.hpp"
#include "operations/process/progress.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;

constexpr std::chrono::milliseconds tick{50};
constexpr std::uint64_t most_lines = 100;  // of a check, for people

/// What was asked for on the command line.
struct Request {
  std::vector<const TablePlacement*> tables;
  std::vector<SlotSet> slots;  ///< of each group
  int jobs = 1;
};

struct Outcome {
  Findings findings;
  std::uint64_t rows = 0;
  double seconds = 0;
};

std::vector<const TablePlacement*> tables_argument(const ShardMap& map, const po::variables_map& values) {
  std::vector<const TablePlacement*> tables;
  if (values.contains("table"))
    for (const auto& name : values["table"].as<std::vector<std::string>>())
      tables.push_back(&table_of_map(map, name));
  else
    for (const auto& table : map.tables()) tables.push_back(&table);
  return tables;
}

Request read_request(const ShardMap& map, const po::variables_map& values) {
  Request request;
  request.tables = tables_argument(map, values);
  request.jobs = values["jobs"].as<int>();
  if (request.jobs < 1 || request.jobs > 64) throw UsageError("--jobs takes a number from 1 to 64");
  for (const auto& group : map.groups()) request.slots.push_back(SlotSet::all(group.slot_count));
  const auto text = [&](const char* name) {
    return values.contains(name) ? std::optional(values[name].as<std::string>()) : std::nullopt;
  };
  const auto slots = text("slots"), name = text("group");
  if (!slots && !name) return request;
  const GroupId group = group_argument(map, name);
  if (slots) request.slots[group.value] = slots_argument(*slots, map.group(group));
  std::erase_if(request.tables, [&](const TablePlacement* table) { return table->group != group; });
  return request;
}

/// Bytes of the tables on all shards, as a scan counts them.
std::uint64_t bytes_to_read(const VerifyScope& scope, const Connections& shards) {
  std::uint64_t bytes = 0;
  for (const auto& connection : shards) {
    pqxx::nontransaction transaction(*connection);
    for (const auto* table : scope.tables)
      if (!table->reference)
        bytes += transaction
                     .exec_params1("SELECT coalesce(pg_relation_size(to_regclass($1)), 0)",
                                   "public." + transaction.quote_name(table->name))[0]
                     .as<std::uint64_t>();
  }
  return bytes;
}

/// Verifies on other threads, and shows on this one how far it is.
void verify_all(const VerifyScope& scope, const Connections& shards, const Terminal& terminal) {
  Progress progress(terminal, bytes_to_read(scope, shards), Progress::Clock::now());
  auto rows = std::async(std::launch::async, [&scope] { verify_rows(scope); });
  auto others = std::async(std::launch::async, [&] {
    verify_ownership(scope, shards);
    verify_copies(scope, shards);
    verify_leftovers(scope, shards);
  });
  for (auto* one : {&rows, &others})
    while (one->wait_for(tick) != std::future_status::ready)
      progress.show(scope.watch.rows, scope.watch.bytes, Progress::Clock::now());
  rows.get();
  others.get();
}

json::value to_json(const ShardMap& map, const Outcome& outcome) {
  json::array checks, problems, notes;
  for (const Check check : all_checks)
    checks.push_back({{"check", name_of(check)}, {"problems", outcome.findings.count(check)}});
  for (const auto& finding : outcome.findings.all())
    problems.push_back(
        {{"check", name_of(finding.check)},
         {"shard", finding.shard.empty() ? json::value(nullptr) : json::value(finding.shard)},
         {"text", finding.text},
         {"repair", finding.repair.empty() ? json::value(nullptr) : json::value(finding.repair)}});
  for (const auto& note : outcome.findings.notes()) notes.emplace_back(note);
  const double rate = outcome.seconds > 0 ? static_cast<double>(outcome.rows) / outcome.seconds : 0;
  return {{"cluster", map.cluster()},
          {"rows", outcome.rows},
          {"seconds", outcome.seconds},
          {"rows_per_second", rate},
          {"checks", checks},
          {"problems", problems},
          {"notes", notes}};
}

void print(const Outcome& outcome, const Terminal& terminal) {
  TextTable table({{"CHECK"}, {"PROBLEMS", TextTable::Align::right}});
  for (const Check check : all_checks) {
    const std::uint64_t count = outcome.findings.count(check);
    table.add(
        {std::string(title_of(check)), {with_thousands(count), count > 0 ? Colour::red : Colour::green}});
  }
  table.print(terminal);
  for (const auto& note : outcome.findings.notes()) terminal.note(note);
  std::map<Check, std::uint64_t> lines;
  for (const auto& finding : outcome.findings.all())
    if (lines[finding.check]++ < most_lines) terminal.error(finding.text);
  for (const auto& [check, count] : lines)
    if (count > most_lines)
      terminal.error(std::string(title_of(check)) + ": " + with_thousands(count - most_lines) +
                     " more problems of this kind (--json and --repair-report tell them)");
  const double rate = outcome.seconds > 0 ? static_cast<double>(outcome.rows) / outcome.seconds : 0;
  terminal.err << "verified " << with_thousands(outcome.rows) << " rows ("
               << with_thousands(static_cast<std::uint64_t>(rate)) << " rows/s)\n";
}

std::string as_comment(const std::string& text) {
  std::string comment = "-- ";
  for (const char c : text) comment.append(c == '\n' ? "\n-- " : std::string(1, c));
  return comment + "\n";
}

void write_report(const std::string& path, const ShardMap& map, const Outcome& outcome) {
  std::ofstream file(path);
  file << "-- What shardplex verify has found in cluster " << map.cluster()
       << ", and what would repair it. Read before you run any of it:\n"
          "-- which of two rows is right only you can know. Nothing of this has been run.\n";
  for (const auto& finding : outcome.findings.all()) {
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
  options.add()("map", po::value<std::string>()->value_name("FILE"), "the shard map")(
      "table", po::value<std::vector<std::string>>()->value_name("T"), "only this table; may be given again")(
      "slots", po::value<std::string>()->value_name("SLOTS"), "only rows in these slots, such as 0-63,70")(
      "group", po::value<std::string>()->value_name("G"), "only tables of this group")(
      "jobs", po::value<int>()->value_name("N")->default_value(1), "connections to each shard")(
      "json", "print JSON")("repair-report", po::value<std::string>()->value_name("FILE"),
                            "write what was found and the SQL that would repair it, for people to read");
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  const ShardMap map = load_shard_map(required_option(*values, "map", "--map FILE"));
  const Request request = read_request(map, *values);
  ScanWatch watch;
  Outcome outcome;
  const auto start = Progress::Clock::now();
  auto found =
      in_parallel(map.shards().size(), [&](std::size_t i) { return find_primary(map, map.shards()[i]); });
  VerifyScope scope{map, {}, request.tables, request.slots, request.jobs, watch, outcome.findings};
  Connections shards;
  for (auto& primary : found) {
    scope.primaries.push_back(std::move(primary.conninfo));
    shards.push_back(std::move(primary.connection));
  }
  verify_all(scope, shards, terminal);
  outcome.seconds = std::chrono::duration<double>(Progress::Clock::now() - start).count();
  outcome.rows = watch.rows;
  if (values->contains("repair-report"))
    write_report((*values)["repair-report"].as<std::string>(), map, outcome);
  if (values->contains("json"))
    terminal.out << to_json(map, outcome) << '\n';
  else
    print(outcome, terminal);
  return outcome.findings.clean() ? exit_ok : exit_failed;
}

}  // namespace shardplex::cli
