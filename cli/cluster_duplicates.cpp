// cluster duplicates: values of unique constraints that two shards have, as each holds them by itself.
#include <algorithm>

#include "cli/command_line.hpp"
#include "operations/audit/duplicates.hpp"
#include "operations/process/json_values.hpp"
#include "operations/process/progress.hpp"
#include "operations/shard/map_file.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;

constexpr std::size_t most_lines = 20;  // of a constraint, for people

json::array shard_names(const ShardMap& map, const DoubledValue& doubled) {
  json::array names;
  for (const std::size_t shard : doubled.shards) names.emplace_back(map.shards()[shard].name);
  return names;
}

json::value to_json(const ShardMap& map, const DuplicatesReport& report) {
  json::array constraints, sequences;
  for (const auto& found : report.constraints) {
    json::array values;
    for (const auto& doubled : found.values) {
      json::array parts;
      for (const auto& part : doubled.values)
        parts.push_back(part ? json::value(*part) : json::value(nullptr));
      values.push_back({{"value", parts}, {"shards", shard_names(map, doubled)}});
    }
    constraints.push_back({{"table", found.unique.table},
                           {"constraint", found.unique.name},
                           {"columns", found.unique.shown},
                           {"duplicates", values},
                           {"renumbered", found.renumbered}});
  }
  for (const auto& risk : report.at_risk)
    sequences.push_back(
        {{"sequence", risk.sequence}, {"constraint", risk.constraint}, {"shards", {risk.one, risk.other}}});
  return {{"cluster", map.cluster()},
          {"constraints", constraints},
          {"sequences_at_risk", sequences},
          {"sequences_set_apart", json_array(report.separated)}};
}

void print(const ShardMap& map, const Duplicates& found, const Terminal& terminal) {
  const std::string what = to_string(found.unique);
  if (found.renumbered > 0)
    terminal.out << what << ": " << with_thousands(found.renumbered) << " rows have got new numbers\n";
  if (found.values.empty()) return;
  terminal.error(what + ": " + with_thousands(found.values.size()) +
                 (found.values.size() == 1 ? " value is" : " values are") + " on two shards or more");
  for (std::size_t i = 0; i < std::min(found.values.size(), most_lines); ++i)
    terminal.out << "  " << to_string(found.values[i]) << " on "
                 << joined(shard_names(map, found.values[i]),
                           [](const json::value& name) { return std::string(name.as_string()); })
                 << '\n';
  if (found.values.size() > most_lines)
    terminal.note(with_thousands(found.values.size() - most_lines) + " more of them; --json lists all");
  const auto why = why_not_renumbered(found.unique);
  if (why.empty())
    terminal.note("--renumber " + found.unique.name +
                  " gives each of these rows but one the next number of the sequence; "
                  "who keeps the old number elsewhere does not learn of it");
  else
    terminal.note("they cannot be renumbered here, as " + why +
                  ". On the shards of each: " + repair_of(found.unique, found.values.front()));
}

void print(const ShardMap& map, const DuplicatesReport& report, const Terminal& terminal) {
  for (const auto& sequence : report.separated)
    terminal.out << "sequence " << sequence << ": set apart on all shards\n";
  for (const auto& found : report.constraints) print(map, found, terminal);
  for (const auto& risk : report.at_risk)
    terminal.error(risk.constraint + ": sequence " + risk.sequence + " gives the same values on " + risk.one +
                   " and on " + risk.other);
  if (!report.at_risk.empty()) terminal.note("--fix sets sequences apart");
  if (report.clean())
    terminal.out << "no unique value is on two shards, and none will come out of a sequence\n";
}

}  // namespace

int cluster_duplicates(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "cluster duplicates --map FILE [--table T]… [--fix] [--renumber CONSTRAINT]… [--json]",
      "Finds values of unique constraints that rows of two shards have. A constraint that does not contain "
      "what\n"
      "decides the shard, such as a bigserial id in a table sharded by another column, holds within each "
      "shard\n"
      "only; rows that have one value cannot be on one shard, so their slots cannot move. Also finds "
      "sequences\n"
      "that give the same values on two shards. Exits with 1 where there is any of it.");
  options.add_map();
  options.add()("table", po::value<std::vector<std::string>>()->value_name("T"),
                "only this table; may be given again")(
      "fix", "set such sequences apart: each shard's goes in steps of 32 from a value of its own")(
      "renumber", po::value<std::vector<std::string>>()->value_name("CONSTRAINT"),
      "give rows that double a number of this constraint a new one, where nothing refers to it; also does "
      "what "
      "--fix does; may be given again");
  options.add_json();
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  for (const auto& table : given->texts("table")) table_of_map(map, table);
  Progress progress(terminal, std::nullopt, Progress::Clock::now());
  std::uint64_t rows = 0;
  const auto report =
      examine_duplicates(map, {given->texts("table"), given->has("fix"), given->texts("renumber")},
                         [&](std::size_t more) { progress.show(rows += more, 0, Progress::Clock::now()); });
  progress.hide();
  if (given->json())
    terminal.out << to_json(map, report) << '\n';
  else
    print(map, report, terminal);
  return report.clean() ? exit_ok : exit_failed;
}

}  // namespace shardplex::cli
