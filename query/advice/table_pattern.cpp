#include "query/advice/table_pattern.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

#include "shard_map/contains_name.hpp"
#include "shard_map/map_name.hpp"

namespace shardplex {
namespace {

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (!contains_name(names, name)) names.push_back(name);
}

bool says_equal(const Condition& condition) {
  if (condition.negated || condition.quantifier == Quantifier::all) return false;
  return condition.op == Operator::eq || condition.op == Operator::in;
}

bool says_range(const Condition& condition) {
  if (condition.negated || condition.quantifier != Quantifier::none) return false;
  return condition.op == Operator::gt || condition.op == Operator::gte || condition.op == Operator::lt ||
         condition.op == Operator::lte;
}

void read_filters(TablePattern& pattern) {
  const auto& query = pattern.request.query;
  for (const auto& filter : query.filters) {
    const auto* condition = std::get_if<Condition>(&filter.node);
    if (condition == nullptr || !condition->field.path.empty() || query.embed_of(*condition) != nullptr)
      continue;
    const auto& column = condition->field.column;
    if (pattern.columns->find_column(column) == nullptr) continue;
    if (says_equal(*condition)) add_once(pattern.equal, column);
    if (says_range(*condition)) add_once(pattern.ranges, column);
  }
  if (pattern.request.is_row && pattern.columns->primary_key.size() == 1)
    add_once(pattern.equal, pattern.columns->primary_key.front());
}

bool narrows(const TablePattern& pattern, const ShardMap& map) {
  if (!pattern.placement->group) return false;
  const auto* list = std::get_if<ListStrategy>(&map.group(*pattern.placement->group).strategy);
  const auto is_named = [&](const std::string& name) { return contains_name(pattern.equal, name); };
  return list != nullptr ? is_named(list->column)
                         : std::ranges::all_of(pattern.placement->key.names(), is_named);
}

/// "3.1": a mean.
std::string mean_text(std::uint64_t sum, std::uint64_t count) {
  if (count == 0) return "0.0";
  const auto tenths = std::llround(10.0 * static_cast<double>(sum) / static_cast<double>(count));
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10);
}

}  // namespace

std::vector<TablePattern> patterns_of_tables(const PatternReport& report, const AdvisedCluster& cluster) {
  std::vector<TablePattern> all;
  for (const auto& pattern : report.patterns) {
    auto request = read_shape(pattern.text);
    if (!request) continue;
    TablePattern found;
    found.pattern = &pattern;
    found.table =
        make_map_name(request->schema.empty() ? cluster.first_schema : request->schema, request->query.table);
    found.request = std::move(*request);
    found.columns = cluster.catalogue.find(found.table);
    found.placement = cluster.map.find_placement(found.table);
    if (found.columns == nullptr || found.placement == nullptr) continue;
    read_filters(found);
    found.is_narrowed = narrows(found, cluster.map);
    all.push_back(std::move(found));
  }
  return all;
}

std::set<std::pair<std::string, std::string>> columns_asked_by(const std::vector<TablePattern>& patterns) {
  std::set<std::pair<std::string, std::string>> columns;
  for (const auto& pattern : patterns) {
    for (const auto* names : {&pattern.equal, &pattern.ranges})
      for (const auto& name : *names) columns.emplace(pattern.table, name);
    for (const auto& term : pattern.request.query.order)
      if (!term.embed && term.field.path.empty()) columns.emplace(pattern.table, term.field.column);
  }
  return columns;
}

Evidence evidence_of(const QueryPattern& pattern) {
  const auto& counts = pattern.counts;
  std::string says = counted(counts.calls, "call") + " of " + pattern.text + ": " +
                     mean_text(counts.time_us, 1000) + " ms in all, " +
                     mean_text(counts.shards, counts.calls) + " shards a call";
  if (counts.errors > 0) says += ", " + counted(counts.errors, "error");
  if (counts.not_known == 0) says += ", " + mean_text(counts.rows_read, counts.calls) + " rows read";
  says += ", " + mean_text(counts.rows, counts.calls) + " rows given";
  return {"/patterns of the routers", std::move(says), "the routers started"};
}

std::optional<double> distinct_values(const Survey& survey, const std::string& table,
                                      const std::string& column) {
  std::optional<double> most;
  for (const auto& shard : survey.shards) {
    const auto surveyed = shard.tables.find(table);
    if (surveyed == shard.tables.end()) continue;
    const auto found = surveyed->second.distinct.find(column);
    if (found == surveyed->second.distinct.end()) continue;
    const double values = found->second < 0
                              ? -found->second * static_cast<double>(surveyed->second.rows.value_or(0))
                              : found->second;
    most = std::max(most.value_or(0), values);
  }
  return most;
}

}  // namespace shardplex
