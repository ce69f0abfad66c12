#include "router/execution/part_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "query/engine/sort_key.hpp"
#include "query/plan/write_over_shards.hpp"

namespace shardplex::router {
namespace {

constexpr int first_key_column = 1;  // behind the text

/// Whether the keys of all rows can be compared: they are of the types that were planned for.
bool has_part_keys(const postgres::ResultSet& part, const std::vector<MergeKey>& keys) {
  for (std::size_t k = 0; k < keys.size(); ++k) {
    const int column = first_key_column + static_cast<int>(k);
    if (column >= part.columns() || !part.is_binary(column) ||
        !holds_values_of(keys[k].kind, part.type(column)))
      return false;
    for (int row = 0; row < part.rows(); ++row)
      if (!part.is_null(row, column) && !is_value_of(keys[k].kind, part.bytes(row, column))) return false;
  }
  return true;
}

/// Rows of each part are in order already; of rows whose keys are equal the earlier part's come first.
std::vector<PartRow> in_key_order(const std::vector<MergeKey>& keys,
                                  const std::vector<postgres::ResultSet>& parts) {
  std::vector<PartRow> rows;
  for (std::size_t part = 0; part < parts.size(); ++part)
    for (int row = 0; row < parts[part].rows(); ++row) rows.push_back({part, static_cast<std::size_t>(row)});
  const auto comparable = [&](const postgres::ResultSet& part) { return has_part_keys(part, keys); };
  // The write is made: rows that the router cannot put in order are still its rows.
  if (keys.empty() || !std::ranges::all_of(parts, comparable)) return rows;
  std::ranges::stable_sort(rows, [&](const PartRow& a, const PartRow& b) {
    for (std::size_t k = 0; k < keys.size(); ++k) {
      const int column = first_key_column + static_cast<int>(k);
      const auto left = parts[a.part].copy(static_cast<int>(a.row), column);
      const auto right = parts[b.part].copy(static_cast<int>(b.row), column);
      const int order = compare_keys(keys[k], left, right);
      if (order != 0) return order < 0;
    }
    return false;
  });
  return rows;
}

std::vector<PartRow> in_order_of_body(const WritePlan& plan, const std::vector<Target>& targets,
                                      const std::vector<postgres::ResultSet>& parts) {
  std::vector<std::size_t> returned;
  for (const auto& part : parts) returned.push_back(static_cast<std::size_t>(part.rows()));
  return in_body_order(rows_of_targets(plan.inserted->slots, targets), returned);
}

}  // namespace

MergedRows merged_rows(const WritePlan& plan, const std::vector<Target>& targets,
                       const std::vector<postgres::ResultSet>& parts, MemoryBudget* memory) {
  const auto order =
      plan.inserted ? in_order_of_body(plan, targets, parts) : in_key_order(plan.part_keys, parts);
  MergedRows merged{{}, Reservation(memory)};
  std::size_t bytes = 0;
  for (const auto& [part, row] : order) {
    const int number = static_cast<int>(row);
    if (parts[part].is_null(number, 0)) continue;  // left out
    merged.texts.emplace_back(parts[part].bytes(number, 0));
    bytes += merged.texts.back().size();
  }
  merged.memory.resize_anyway(bytes);
  return merged;
}

}  // namespace shardplex::router
