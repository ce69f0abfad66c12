#include "tests/oracle/rows.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <set>
#include <utility>
#include <vector>

namespace shardplex::oracle {
namespace {

using integration::SampleObjects;

/// What the columns have, for comparisons; "" where one is null: such a key refers to nothing.
std::string values_of(const boost::json::object& row, const std::vector<std::string>& columns) {
  std::string values;
  for (const auto& column : columns) {
    const auto& value = row.at(column);
    if (value.is_null()) return "";
    values += boost::json::serialize(value) + ' ';
  }
  return values;
}

bool holds(const SampleKey& key, const SampleObjects& rows, const SampleObjects& foreign) {
  std::set<std::string> there;
  for (const auto& row : foreign) there.insert(values_of(row, key.foreign_columns));
  return std::ranges::all_of(rows, [&](const auto& row) {
    const auto values = values_of(row, key.columns);
    return values.empty() || there.contains(values);
  });
}

}  // namespace

Rows make_rows(const Schema& schema, Random& random) {
  Rows rows;
  for (const auto& table : schema.tables) {
    std::vector<SampleKey> keys;
    for (const auto& key : table.keys) keys.push_back(key.key);
    auto made = make_related_objects(table.sample, keys, rows, table.tries, random);
    rows[table.sample.name] = std::move(made);
  }
  return rows;
}

bool is_whole(const Schema& schema, const Rows& rows) {
  for (const auto& table : schema.tables)
    for (const auto& [key, is_kept, left_out] : table.keys)
      if (is_kept && !left_out && !table.sample.left_out &&
          !holds(key, rows.at(table.sample.name), rows.at(key.foreign_table)))
        return false;
  return true;
}

Rows without_left_out(const Schema& schema, const Rows& rows) {
  Rows kept;
  for (const auto& table : schema.tables) {
    if (table.sample.left_out) continue;
    auto& of_table = kept[table.sample.name];
    for (auto row : rows.at(table.sample.name)) {
      for (const auto& column : table.sample.columns)
        if (column.left_out) row.erase(column.name);
      of_table.push_back(std::move(row));
    }
  }
  return kept;
}

}  // namespace shardplex::oracle
