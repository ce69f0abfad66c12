#include "query/plan/lookup.hpp"

#include <string_view>
#include <utility>

#include "query/plan/group_states.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

std::string new_param(Statement& statement, std::string value) {
  statement.params.emplace_back(std::move(value));
  return '$' + std::to_string(statement.params.size());
}

/// One array for each of the key's columns.
std::vector<std::string> key_arrays(const LookupKeys& keys, const std::vector<std::uint32_t>& numbers,
                                    std::size_t columns) {
  std::vector<std::string> arrays;
  for (std::size_t column = 0; column < columns; ++column) {
    std::vector<std::optional<std::string_view>> values;
    for (const auto number : numbers) {
      const auto& key = keys[number];
      values.push_back(key.empty() ? std::nullopt : std::optional<std::string_view>(key[column]));
    }
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

/// The parts of what asks for the rows of some keys.
struct OfKeys {
  Statement out;  ///< with their parameters, and without its text
  std::string keys, ord, epoch;
  std::string condition;  ///< of the rows of one key
};

OfKeys of_keys(const Lookup& lookup, const ReadPlan::ForShard& shard, const LookupKeys& keys,
               const std::vector<std::uint32_t>& numbers) {
  const ReadPlan& scan = lookup.rows.scan;
  invariant(shard.epoch.has_value() == !scan.group.empty(), "a sharded table is read under an epoch");
  OfKeys parts;
  auto& params = parts.out.params;
  if (shard.epoch) params.push_back(std::to_string(shard.epoch->value));
  params.insert(params.end(), scan.params.begin(), scan.params.end());

  std::string arrays, names;
  auto values = key_arrays(keys, numbers, lookup.key_types.size());
  for (std::size_t column = 0; column < lookup.key_types.size(); ++column) {
    arrays += new_param(parts.out, std::move(values[column])) + "::" + lookup.key_types[column] + "[], ";
    names += 'x' + std::to_string(column) + ", ";
  }
  parts.keys = "unnest(" + arrays + new_param(parts.out, number_array(numbers)) + "::int4[]) AS " +
               lookup.keys_alias + '(' + names + "ord)";
  parts.ord = lookup.keys_alias + ".ord";
  parts.epoch = shard.epoch ? "shardplex.check_epoch($1::bigint)" : "";
  parts.condition = and_also(lookup.key_condition, scan.where);
  if (shard.only_owned) parts.condition = and_also(std::move(parts.condition), scan.owned);
  return parts;
}

/// The rows that groups are made of as p, and by what: of a key that gives a group in any case one without
/// values, where there is none. PostgreSQL makes a plain join of it.
std::string grouped_by_key(const ReadPlan& scan, const OfKeys& parts) {
  return " FROM (SELECT " + parts.ord + " AS ord, m.* FROM " + parts.keys +
         (scan.groups->one ? " LEFT" : "") + " JOIN LATERAL (SELECT true AS here" +
         with_comma(scan.inner_columns) + " FROM " + scan.from + where_sql(parts.condition) + ") m ON true" +
         where_sql(parts.epoch) + ") p" + scan.groups->by;
}

}  // namespace

SlotSet LookupPlace::slots(const std::vector<std::string>& key_values) const {
  SlotSet out = within;
  if (!key.empty()) {
    std::vector<std::string> columns;
    for (const auto number : key) columns.push_back(key_values[number]);
    if (const auto canonical = canonical_bytes(key_types, columns)) out &= slots_of_key(*group, *canonical);
  }
  if (list_value) out &= slots_of_list_value(*group, key_values[*list_value]);
  return out;
}

SlotSet Lookup::slots(const std::vector<std::string>& key) const {
  SlotSet out = key.empty() ? SlotSet::none(place->group->slot_count) : place->slots(key);
  if (out.empty() && gives_every_key()) out.insert(Slot{0});
  return out;
}

std::vector<MergeKey> Lookup::merge_keys(std::size_t shards) const {
  // What comes through a junction is sorted once more, by all keys. So are rows that are ordered by what is
  // looked up for them, and what those are ordered by.
  if (!junction && sort_keys == 0 && !rows.sort && (merges_by_number || shards == 1))
    return {rows.scan.keys.front()};
  return rows.scan.keys;
}

Statement Lookup::statement(const ReadPlan::ForShard& shard, const LookupKeys& keys,
                            const std::vector<std::uint32_t>& numbers) const {
  const ReadPlan& scan = rows.scan;
  OfKeys parts = of_keys(*this, shard, keys, numbers);
  const std::string order = scan.order_by.empty() ? "" : " ORDER BY " + scan.order_by;
  std::string found;
  if (scan.groups) {
    found = "SELECT " + scan.groups->columns + grouped_by_key(scan, parts) + order;
  } else if (const auto most = rows_of_each_key(*this)) {
    // The rows of each key are numbered as they come, since their order cannot be told from outside.
    const std::string of_key = "SELECT " + scan.inner_columns + " FROM " + scan.from +
                               where_sql(parts.condition) + order + " LIMIT " +
                               new_param(parts.out, std::to_string(*most)) + "::int8";
    found = "SELECT " + parts.ord + " AS ord, l.* FROM " + parts.keys +
            " CROSS JOIN LATERAL (SELECT row_number() OVER () AS n, i.* FROM (" + of_key + ") i) l" +
            where_sql(parts.epoch) + " ORDER BY " + parts.ord + ", l.n";
  } else {
    // PostgreSQL may choose how to join.
    found = "SELECT " + parts.ord + " AS ord" + with_comma(scan.inner_columns) + " FROM " + parts.keys +
            " CROSS JOIN " + scan.from + where_sql(and_also(parts.epoch, parts.condition)) + " ORDER BY ord" +
            with_comma(scan.order_by);
  }
  parts.out.sql = "SELECT " + scan.columns_sql() + " FROM (" + found + ") q" + scan.joins;
  return std::move(parts.out);
}

Statement Lookup::partial_statement(const ReadPlan::ForShard& shard, const LookupKeys& keys,
                                    const std::vector<std::uint32_t>& numbers) const {
  const ReadPlan& scan = rows.scan;
  invariant(scan.groups && scan.states, "the rows are groups");
  OfKeys parts = of_keys(*this, shard, keys, numbers);
  std::string columns = scan.states->columns;
  add_item(columns, scan.states->as_planned.empty() ? "true" : scan.states->as_planned);
  parts.out.sql =
      "SELECT " + columns + grouped_by_key(scan, parts) + " LIMIT " + std::to_string(most_partial_groups + 1);
  return std::move(parts.out);
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
