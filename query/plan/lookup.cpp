#include "query/plan/lookup.hpp"

#include <utility>

#include "query/plan/sql.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

/// One array for each of the key's columns.
std::vector<std::string> key_arrays(const LookupKeys& keys, const std::vector<std::uint32_t>& numbers,
                                    std::size_t columns) {
  std::vector<std::string> arrays;
  for (std::size_t column = 0; column < columns; ++column) {
    std::vector<std::string> values;
    for (const auto number : numbers) values.push_back(keys[number][column]);
    arrays.push_back(array_literal(values));
  }
  return arrays;
}

std::string number_array(const std::vector<std::uint32_t>& numbers) {
  std::string out = "{";
  for (const auto number : numbers) {
    if (out.size() > 1) out += ',';
    out += std::to_string(number);
  }
  return out += '}';
}

std::string with_comma(const std::string& list) {
  return list.empty() ? "" : ", " + list;
}

std::string where_sql(const std::string& condition) {
  return condition.empty() ? "" : " WHERE " + condition;
}

/// How many rows of one key a shard has to show; nullopt: all of them.
std::optional<std::uint64_t> rows_of_each_key(const Lookup& lookup) {
  const auto& page = lookup.rows.join.page;
  if (lookup.junction || lookup.rows.join.leaves_out() || !page.limit) return std::nullopt;
  const auto rows = page.offset + *page.limit;
  if (rows < page.offset || rows > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return rows;
}

}  // namespace

SlotSet LookupPlace::slots(const std::vector<std::string>& key_values) const {
  SlotSet out = within;
  if (key)
    if (const auto canonical = canonical_bytes(key_type, key_values[*key]))
      out &= slots_of_key(*group, *canonical);
  if (list_value) out &= slots_of_list_value(*group, key_values[*list_value]);
  return out;
}

std::vector<MergeKey> Lookup::merge_keys(std::size_t shards) const {
  // What comes through a junction is sorted once more, by all keys.
  if (!junction && (merges_by_number || shards == 1)) return {rows.scan.keys.front()};
  return rows.scan.keys;
}

Statement Lookup::statement(const ReadPlan::ForShard& shard, const LookupKeys& keys,
                            const std::vector<std::uint32_t>& numbers) const {
  const ReadPlan& scan = rows.scan;
  invariant(shard.epoch.has_value() == !scan.group.empty(), "a sharded table is read under an epoch");
  Statement out;
  if (shard.epoch) out.params.push_back(std::to_string(shard.epoch->value));
  out.params.insert(out.params.end(), scan.params.begin(), scan.params.end());
  const auto param = [&](std::string value) {
    out.params.emplace_back(std::move(value));
    return '$' + std::to_string(out.params.size());
  };

  std::string arrays, names;
  auto values = key_arrays(keys, numbers, key_types.size());
  for (std::size_t column = 0; column < key_types.size(); ++column) {
    arrays += param(std::move(values[column])) + "::" + key_types[column] + "[], ";
    names += 'x' + std::to_string(column) + ", ";
  }
  const std::string from_keys =
      "unnest(" + arrays + param(number_array(numbers)) + "::int4[]) AS " + keys_alias + '(' + names + "ord)";
  const std::string ord = keys_alias + ".ord";
  const std::string epoch = shard.epoch ? "shardplex.check_epoch($1::bigint)" : "";
  std::string condition = and_also(key_condition, scan.where);
  if (shard.only_owned) condition = and_also(std::move(condition), scan.owned);
  const std::string order = scan.order_by.empty() ? "" : " ORDER BY " + scan.order_by;

  std::string found;
  if (const auto most = rows_of_each_key(*this)) {
    // The rows of each key are numbered as they come, since their order cannot be told from outside.
    const std::string of_key = "SELECT " + scan.inner_columns + " FROM " + scan.from + where_sql(condition) +
                               order + " LIMIT " + param(std::to_string(*most)) + "::int8";
    found = "SELECT " + ord + " AS ord, l.* FROM " + from_keys +
            " CROSS JOIN LATERAL (SELECT row_number() OVER () AS n, i.* FROM (" + of_key + ") i) l" +
            where_sql(epoch) + " ORDER BY " + ord + ", l.n";
  } else {
    // PostgreSQL may choose how to join.
    found = "SELECT " + ord + " AS ord" + with_comma(scan.inner_columns) + " FROM " + from_keys +
            " CROSS JOIN " + scan.from + where_sql(and_also(epoch, condition)) + " ORDER BY ord" +
            with_comma(scan.order_by);
  }
  out.sql = "SELECT " + scan.columns_sql() + " FROM (" + found + ") q" + scan.joins;
  return out;
}

Statement Lookup::keys_statement(const ReadPlan::ForShard& shard) const {
  const ReadPlan& scan = rows.scan;
  Statement out;
  if (shard.epoch) out.params.push_back(std::to_string(shard.epoch->value));
  out.params.insert(out.params.end(), scan.params.begin(),
                    scan.params.begin() + static_cast<std::ptrdiff_t>(scan.filter_params));
  std::string list;
  std::string condition = shard.epoch ? "shardplex.check_epoch($1::bigint)" : "";
  condition = and_also(std::move(condition), keys_first->join);
  condition = and_also(std::move(condition), scan.where);
  // What is null in part is no key, and must not take the place of one.
  for (const auto& text : keys_first->texts) {
    list += (list.empty() ? "" : ", ") + text;
    condition = and_also(std::move(condition), '(' + text + ") IS NOT NULL");
  }
  if (shard.only_owned) condition = and_also(std::move(condition), scan.owned);
  out.sql = "SELECT DISTINCT " + list + " FROM " + scan.from + where_sql(condition) + " LIMIT " +
            std::to_string(KeysFirst::most + 1);
  return out;
}

}  // namespace shardplex
