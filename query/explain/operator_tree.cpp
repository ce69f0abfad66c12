#include "query/explain/operator_tree.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <utility>

namespace shardplex {
namespace {

namespace json = boost::json;

json::object with_inputs(json::object node, json::array inputs) {
  node["inputs"] = std::move(inputs);
  return node;
}

std::string name_of(const Field& field) {
  std::string name = field.column;
  for (const auto& step : field.path) {
    name += step.as_text ? "->>" : "->";
    if (const auto* key = std::get_if<std::string>(&step.to))
      name += *key;
    else
      name += std::to_string(std::get<std::int32_t>(step.to));
  }
  return name;
}

std::string direction_of(const MergeKey& key) {
  return std::string(key.descending ? ".desc" : ".asc") + (key.nulls_first ? ".nullsfirst" : ".nullslast");
}

/// What the keys of a merge are: the order that was asked for, then the columns of the primary key.
std::vector<std::string> key_names(const Query& query, const Table& table) {
  std::vector<std::string> names;
  for (const auto& term : query.order)
    names.push_back(term.embed ? *term.embed + '(' + name_of(term.field) + ')' : name_of(term.field));
  for (const auto& column : table.primary_key) {
    const auto is_it = [&](const OrderTerm& term) { return !term.embed && term.field == Field{column, {}}; };
    if (std::ranges::none_of(query.order, is_it)) names.push_back(column);
  }
  return names;
}

json::array merge_keys(const RowsRead& read, const Query& query, const Table& table) {
  const auto names = key_names(query, table);
  json::array keys;
  for (std::size_t i = 0; i < read.scan.keys.size(); ++i) {
    const bool named = !read.scan.groups && names.size() == read.scan.keys.size();
    keys.emplace_back((named ? names[i] : "key " + std::to_string(i + 1)) + direction_of(read.scan.keys[i]));
  }
  return keys;
}

json::object slice_node(std::uint64_t offset, const std::optional<std::uint64_t>& limit, json::object input) {
  json::object node{{"operator", "Slice"}, {"offset", offset}};
  if (limit)
    node["limit"] = *limit;
  else
    node["limit"] = nullptr;
  return with_inputs(std::move(node), {std::move(input)});
}

json::object lookup_node(const Lookup& lookup, const std::string& name);

/// `rows` with what is looked up for them.
json::object join_node(const std::vector<Lookup>& lookups, const JoinPlan& join,
                       const std::vector<std::string>& names, json::object rows) {
  json::array inputs{std::move(rows)};
  for (std::size_t i = 0; i < lookups.size(); ++i) inputs.push_back(lookup_node(lookups[i], names[i]));
  json::object node{{"operator", "LookupJoin"}, {"leaves_rows_out", join.leaves_out()}};
  return with_inputs(std::move(node), std::move(inputs));
}

std::string name_of_lookup(const Lookup& lookup) {
  // "public"."ratings" AS e1
  const auto& from = lookup.rows.scan.from;
  return from.substr(0, from.find(" AS "));
}

json::object lookup_node(const Lookup& lookup, const std::string& name) {
  json::object rows{
      {"operator", "Lookup"}, {"table", name}, {"shards", lookup.place ? "those of the keys" : "any"}};
  json::array inputs;
  if (lookup.junction) inputs.push_back(lookup_node(*lookup.junction, name_of_lookup(*lookup.junction)));
  json::object node = with_inputs(std::move(rows), std::move(inputs));
  if (lookup.junction) {
    json::object through{{"operator", "ThroughJunction"}};
    node = with_inputs(std::move(through), {std::move(node)});
  }
  if (lookup.shares_groups()) node = with_inputs({{"operator", "FinalAggregate"}}, {std::move(node)});
  if (lookup.rows.lookups.empty()) return node;
  std::vector<std::string> names;
  for (const auto& inner : lookup.rows.lookups) names.push_back(name_of_lookup(inner));
  node = join_node(lookup.rows.lookups, lookup.rows.join, names, std::move(node));
  if (lookup.rows.sort) return with_inputs({{"operator", "Sort"}}, {std::move(node)});
  return node;
}

}  // namespace

json::object scan_node(const std::string& table, const std::string& shard, const RowText& row) {
  json::object node{{"operator", "Scan"}, {"table", table}, {"shard", shard}};
  json::array names;
  for (std::size_t field = 0; field < row.fields().size(); ++field)
    if (!row.is_sent_as_it_is(field)) names.emplace_back(row.fields()[field].name);
  if (!names.empty()) node["postgresql_writes"] = std::move(names);
  return node;
}

json::object operator_tree(const RowsRead& read, const Query& query, const RoutedTable& routed,
                           const std::vector<std::string>& shards) {
  json::array scans;
  for (const auto& shard : shards) scans.push_back(scan_node(routed.table().name, shard, read.scan.row));
  const ReadPlan& scan = read.scan;
  if (scan.states && shards.size() > 1)
    return with_inputs({{"operator", "FinalAggregate"}}, std::move(scans));

  json::object root;
  if (shards.size() > 1 && !scan.keys.empty())
    root = with_inputs({{"operator", "SortedMerge"}, {"keys", merge_keys(read, query, routed.table())}},
                       std::move(scans));
  else if (scans.size() == 1)
    root = std::move(scans.front().as_object());
  else
    root = with_inputs({{"operator", "Concatenate"}}, std::move(scans));
  const bool skipped_by_shard = shards.size() == 1 && scan.offset_applied(for_reference());
  const auto offset = skipped_by_shard ? 0 : scan.offset;
  if (!scan.page_later && (offset > 0 || scan.limit)) root = slice_node(offset, scan.limit, std::move(root));
  if (read.lookups.empty()) return root;
  std::vector<std::string> names;
  for (const auto& lookup : read.lookups) names.push_back(name_of_lookup(lookup));
  root = join_node(read.lookups, read.join, names, std::move(root));
  if (read.sort) root = with_inputs({{"operator", "Sort"}}, {std::move(root)});
  const auto& page = read.sort ? read.sort->page : read.join.page;
  const bool is_paged = scan.page_later && (page.offset > 0 || page.limit);
  return is_paged ? slice_node(page.offset, page.limit, std::move(root)) : root;
}

}  // namespace shardplex
