// What has to hold of every plan of a read, whatever is asked for. Told as a text, for tests that generate
// requests.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/plan/group_states.hpp"
#include "query/plan/routed_plan.hpp"

namespace shardplex::test {

/// Where `wanted` stands in SQL outside quotes and brackets, from `from` on; npos where it does not.
inline std::size_t find_outside(std::string_view sql, std::string_view wanted, std::size_t from = 0) {
  std::size_t depth = 0;
  char quote = '\0';
  for (std::size_t at = from; at < sql.size(); ++at) {
    const char c = sql[at];
    if (quote != '\0') {
      if (c == quote) quote = '\0';  // of a doubled one the second opens again
      continue;
    }
    if (c == '"' || c == '\'') quote = c;
    if (c == '(' || c == '[') ++depth;
    if ((c == ')' || c == ']') && depth > 0) --depth;
    if (depth == 0 && sql.substr(at).starts_with(wanted)) return at;
  }
  return std::string_view::npos;
}

/// The items of a list in SQL.
inline std::vector<std::string> items_of(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) {
    const auto end = std::min(find_outside(list, ", "), list.size());
    items.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 2, list.size()));
  }
  return items;
}

/// The columns of a statement's result.
inline std::vector<std::string> selected_by(std::string_view sql) {
  constexpr std::string_view select = "SELECT ";
  if (!sql.starts_with(select)) return {};
  sql.remove_prefix(select.size());
  return items_of(sql.substr(0, find_outside(sql, " FROM ")));
}

/// "" where each parameter stands in the statement, and no other.
inline std::string fault_of_parameters(const Statement& statement) {
  std::vector<bool> found(statement.params.size() + 1);
  char quote = '\0';
  for (std::size_t at = 0; at < statement.sql.size(); ++at) {
    const char c = statement.sql[at];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
      continue;
    }
    if (c == '"' || c == '\'') quote = c;
    if (c != '$') continue;
    std::size_t number = 0;
    for (++at; at < statement.sql.size() && statement.sql[at] >= '0' && statement.sql[at] <= '9'; ++at)
      number = 10 * number + static_cast<std::size_t>(statement.sql[at] - '0');
    --at;
    if (number == 0 || number >= found.size()) return "a parameter that is not given: " + statement.sql;
    found[number] = true;
  }
  if (std::count(found.begin() + 1, found.end(), true) + 1 == static_cast<std::ptrdiff_t>(found.size()))
    return "";
  return "a parameter that stands nowhere: " + statement.sql;
}

/// "" where rows are merged by what the statement gives, and in the order that it asks for. `selected` are
/// the columns of its result.
inline std::string fault_of_keys(const ReadPlan& scan, const std::vector<std::string>& selected) {
  if (scan.keys.size() != scan.key_columns.size()) return "keys and columns of keys are not as many";
  const auto rows_have = items_of(scan.groups ? scan.groups->columns : scan.inner_columns);
  const auto fields = scan.row.fields().size();
  const std::size_t numbers = !scan.own_keys.empty() && scan.own_keys.front() == "ord" ? 1 : 0;
  const auto order = items_of(scan.order_by);
  if (!scan.groups && order.size() + numbers != scan.keys.size())
    return "rows are merged by other keys than they are sorted by";
  for (std::size_t i = 0; i < scan.keys.size(); ++i) {
    const auto column = scan.key_columns[i];
    if (column >= scan.enums_column() || column >= selected.size()) return "a key that is not selected";
    const bool is_own = column >= fields;
    if (!is_own && !scan.row.is_sent_as_it_is(column))
      return "a key that is written for the row: " + selected[column];
    const auto name = is_own ? scan.own_keys[column - fields] : 'c' + std::to_string(column);
    if (selected[column] != "q." + name) return "a key that is another column: " + selected[column];
    if (i < numbers) continue;  // the number of a key that is looked up, which is not the row's own
    const std::string as = " AS " + name;
    const auto is_it = [&](const std::string& item) { return item.ends_with(as); };
    const auto given = std::ranges::find_if(rows_have, is_it);
    if (given == rows_have.end()) return "a key that no row has: " + name;
    if (scan.groups) continue;
    const auto& sorted = order[i - numbers];
    const auto value = is_own ? name + ' ' : given->substr(0, given->size() - as.size());
    if (!sorted.starts_with(value)) return "rows are merged by " + name + " and sorted by " + sorted;
    const std::string direction = std::string(scan.keys[i].descending ? " DESC" : " ASC") +
                                  (scan.keys[i].nulls_first ? " NULLS FIRST" : " NULLS LAST");
    if (!sorted.ends_with(direction)) return "rows are merged the other way round than they are sorted";
  }
  return "";
}

/// What is wrong with a planned read, as one shard is asked for it and as several are; "" where nothing is.
inline std::string fault_of(const RowsRead& read) {
  const ReadPlan& scan = read.scan;
  const bool sharded = !scan.group.empty();
  for (const bool alone : {true, false}) {
    if (!alone && !sharded) continue;
    ReadPlan::ForShard part;
    if (sharded) part.epoch = Epoch{7};
    part.only_owned = sharded && !alone;
    part.alone = alone;
    if (!alone && scan.states) {
      if (auto fault = fault_of_parameters(partial_groups(scan, part)); !fault.empty()) return fault;
      const auto finished = finished_groups(scan, std::vector<std::string>(scan.states->count, "{}"), 0);
      if (auto fault = fault_of_parameters(finished); !fault.empty()) return fault;
      continue;
    }
    const auto statement = scan.statement(part);
    if (auto fault = fault_of_parameters(statement); !fault.empty()) return fault;
    const auto selected = selected_by(statement.sql);
    if (selected.size() != scan.result_columns()) return "other columns than are read: " + statement.sql;
    if (auto fault = fault_of_keys(scan, selected); !fault.empty()) return fault + ": " + statement.sql;
  }
  if (!scan.keys.empty() && scan.not_mergeable == std::nullopt) {
    const auto is_unordered = [](const MergeKey& key) { return key.kind == SortKind::none; };
    if (std::ranges::any_of(scan.keys, is_unordered)) return "rows are merged by values of no known order";
  }
  return "";
}

}  // namespace shardplex::test
