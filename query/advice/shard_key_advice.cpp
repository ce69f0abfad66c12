#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/advice/placement_advice.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

constexpr double values_to_hash = 1000;  // so many spread well over slots
constexpr std::size_t most_shown = 3;    // patterns in an advice's evidence

/// What the calls of a table name.
struct CallsByColumn {
  std::uint64_t by_key = 0;
  std::map<std::string, std::uint64_t> calls{};                        ///< by column, of scatters
  std::map<std::string, std::vector<const QueryPattern*>> patterns{};  ///< the same
};

CallsByColumn count_calls(const std::vector<TablePattern>& patterns, const std::string& table) {
  CallsByColumn all;
  for (const auto& pattern : patterns) {
    if (pattern.table != table) continue;
    if (pattern.is_narrowed) {
      all.by_key += pattern.counts().calls;
      continue;
    }
    if (!pattern.is_scattered()) continue;
    for (const auto& column : pattern.equal) {
      all.calls[column] += pattern.counts().calls;
      all.patterns[column].push_back(pattern.pattern);
    }
  }
  return all;
}

std::string rounded(double value) {
  return std::to_string(std::llround(value));
}

std::vector<std::string> others_of_group(const ShardMap& map, const TablePlacement& placement) {
  std::vector<std::string> names;
  for (const auto& other : map.tables())
    if (other.group == placement.group && other.name != placement.name) names.push_back(other.name);
  return names;
}

std::string costs_of_key(const TablePlacement& placement, const AdvisedCluster& cluster,
                         std::uint64_t calls_by_key, bool is_listed) {
  std::string costs =
      "The key and strategy of a group stay for its life: rows have to be loaded into databases that are "
      "made with the new map. ";
  costs +=
      is_listed
          ? "Reads by " + joined(placement.key.names()) +
                " alone then ask one slot of each list, clients cannot choose ids over HTTP, and a change "
                "of the list's column moves the row."
          : "Calls that name " + joined(placement.key.names()) + " (" + std::to_string(calls_by_key) +
                ") then ask all shards, and what is unique without the new key is so within each shard only.";
  if (const auto others = others_of_group(cluster.map, placement); !others.empty())
    costs +=
        " Now on the shards of the same keys, and no longer then unless they are placed by the new key "
        "too: " +
        joined(others) + '.';
  return costs;
}

std::string map_text(const TablePlacement& placement, const AdvisedCluster& cluster,
                     const std::string& column, bool is_listed) {
  const auto& group = cluster.map.group(*placement.group).name;
  if (!is_listed)
    return "tables: { " + placement.name + ": { group: " + group + ", key: " + column +
           " } }  # in NEW.yaml, a map of new databases";
  return "groups: { " + group + ": { strategy: { list: { column: " + column +
         ", spread_by: " + placement.key.one() +
         ", lists: …, otherwise: … } } } }  # in NEW.yaml, a map of new databases";
}

Advice about_key(const TablePlacement& placement, const AdvisedCluster& cluster, const CallsByColumn& calls,
                 const std::string& column, double values, bool is_listed) {
  Advice advice{AdviceKind::shard_key,
                placement.name,
                "Requests on " + placement.name + " name " + column + " more often than " +
                    joined(placement.key.names()) + ", and ask several shards for it: " +
                    (is_listed ? "lists of its values would narrow them."
                               : "as the shard key it would make them ask one."),
                {},
                {},
                {}};
  const auto& patterns = calls.patterns.at(column);
  for (std::size_t i = 0; i < std::min(most_shown, patterns.size()); ++i)
    advice.evidence.push_back(evidence_of(*patterns[i]));
  advice.evidence.push_back({"/patterns of the routers",
                             counted(calls.calls.at(column), "call") + " by " + column +
                                 " on several shards, " + counted(calls.by_key, "call") +
                                 " by what decides the shard now",
                             "the routers started"});
  advice.evidence.push_back(
      {"pg_stats of the shards", column + " has about " + rounded(values) + " values on a shard", ""});
  advice.costs = costs_of_key(placement, cluster, calls.by_key, is_listed);
  advice.steps.push_back({{}, map_text(placement, cluster, column, is_listed)});
  advice.steps.push_back({{}, "shardplex cluster init --map NEW.yaml --schema SCHEMA.sql"});
  advice.steps.push_back({{}, "shardplex load --map NEW.yaml --table " + placement.name + " ROWS.ndjson"});
  return advice;
}

void judge_table(const TablePlacement& placement, const std::vector<TablePattern>& patterns,
                 const AdvisedCluster& cluster, Advised& out) {
  const auto* table = cluster.catalogue.find(placement.name);
  const bool is_hashed =
      placement.group && std::holds_alternative<HashStrategy>(cluster.map.group(*placement.group).strategy);
  if (table == nullptr || !is_hashed || cluster.map.shards().size() < 2) return;
  const auto calls = count_calls(patterns, placement.name);
  const auto most = std::ranges::max_element(calls.calls, {}, [](const auto& entry) { return entry.second; });
  if (most == calls.calls.end() || most->second < cluster.bounds.least_calls || most->second <= calls.by_key)
    return;
  const auto& column = *table->find_column(most->first);
  const auto values = distinct_values(cluster.survey, placement.name, column.name);
  if (!values) {
    out.not_judged.push_back("whether " + placement.name + " should be placed by " + column.name +
                             ": pg_stats does not say how many values it has (ANALYZE makes it)");
    return;
  }
  const bool can_hash = key_type(column) && column.deterministic_collation && *values >= values_to_hash;
  const bool can_list =
      can_be_listed(column) && placement.key.size() == 1 && *values >= 2 && *values < values_to_hash;
  if (can_hash || can_list)
    out.advice.push_back(about_key(placement, cluster, calls, column.name, *values, !can_hash));
  else
    out.not_judged.push_back("whether " + placement.name + " should be placed by " + column.name +
                             ", which " + std::to_string(most->second) +
                             " calls name: it can be no key, by its type or as it has too few values");
}

}  // namespace

Advised advise_shard_keys(const std::vector<TablePattern>& patterns, const AdvisedCluster& cluster) {
  Advised out;
  for (const auto& placement : cluster.map.tables()) judge_table(placement, patterns, cluster, out);
  return out;
}

Advised advise_collations(const std::vector<TablePattern>& patterns, const AdvisedCluster& cluster) {
  Advised out;
  std::map<std::pair<std::string, std::string>, std::vector<const TablePattern*>>
      refused;  // by table, column
  for (const auto& pattern : patterns) {
    const auto& counts = pattern.counts();
    const bool fails = counts.errors >= std::max<std::uint64_t>(cluster.bounds.least_calls / 100, 1) &&
                       2 * counts.errors >= counts.calls;
    if (!fails || pattern.is_narrowed || pattern.columns->is_view() || !pattern.placement->group) continue;
    for (const auto& term : pattern.request.query.order) {
      const auto* column =
          term.embed || !term.field.path.empty() ? nullptr : pattern.columns->find_column(term.field.column);
      const bool is_text = column && (column->sort == SortKind::text || column->sort == SortKind::bpchar);
      if (is_text && !column->bytewise_collation) refused[{pattern.table, column->name}].push_back(&pattern);
    }
  }
  for (const auto& [place, requests] : refused) {
    const auto& [table, name] = place;
    const auto& column = *requests.front()->columns->find_column(name);
    Advice advice{AdviceKind::collation,
                  table,
                  "Requests that order " + table + " by " + name + " are refused: it sorts by collation " +
                      column.collation + ", in which texts of several shards cannot be merged.",
                  {},
                  {},
                  {}};
    for (const auto* pattern : requests) advice.evidence.push_back(evidence_of(*pattern->pattern));
    advice.evidence.push_back(
        {"pg_attribute of the shards", name + " has collation " + column.collation, ""});
    advice.costs =
        "Answers come in the order of bytes: capitals before small letters, and letters with accents "
        "behind z. The table is locked, and indexes of the column are made anew, which reads the table.";
    AdvisedStep step;
    for (const auto& shard : cluster.map.shards()) step.shards.push_back(shard.name);
    step.text = "ALTER TABLE " + quote_map_name(table) + " ALTER COLUMN " + quote_identifier(name) +
                " TYPE " + column.type + " COLLATE \"C\";";
    advice.steps.push_back(std::move(step));
    out.advice.push_back(std::move(advice));
  }
  return out;
}

}  // namespace shardplex
