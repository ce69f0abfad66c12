#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "query/plan/locality.hpp"
#include "query/plan/lookup.hpp"
#include "query/plan/owned_slots.hpp"
#include "query/plan/route.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/table_columns.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

const MergeKey by_number{SortKind::int4, false, false, {}};

Error not_looked_up(std::string details, std::string hint) {
  return {"SHARD400", "This request cannot be answered exactly", std::move(details), std::move(hint),
          std::nullopt};
}

std::string key_type_sql(const Column& column) {
  return quote_identifier(column.type_schema) + '.' + quote_identifier(column.type_name);
}

/// Rows that a function gives are found by no key.
Error below_function(const ResolvedEmbed& embed) {
  const RowFunction& function = *embed.relation->function;
  return not_looked_up("The embed " + embed.asked->name() + " is by the function " + function.schema + '.' +
                           function.name + '(' + embed.relation->table +
                           "), and what is embedded in its rows can be on other shards",
                       "Embed in it only what is on the row's own shard, or read the rest with a request of "
                       "its own.");
}

Error groups_through_junction(const Junction& junction) {
  return not_looked_up("aggregates are asked for of rows that are related many to many through " +
                           junction.table + ", whose rows are on other shards than these",
                       "Ask for the aggregates in a request of their own, or shard " + junction.table +
                           " by the columns that lead to the embedded table, in one group with it.");
}

RoutedTable routed_as(const Table& table, const ShardMap& map) {
  const auto* placement = map.find_placement(table.name);
  invariant(placement != nullptr, "relations are of tables and views that the map has");
  return {table, *placement, map};
}

/// Two columns that are compared when rows are looked up: one of a key, and the one that it has to equal.
struct KeyPair {
  const Column* of_key;
  const Column* looked_in;
};

/// Both ends of the pairs. Columns that compare otherwise than by their values are refused.
Result<std::vector<KeyPair>> key_pairs(const std::vector<ColumnPair>& pairs, const Table& table,
                                       const Table& foreign) {
  std::vector<KeyPair> out;
  for (const auto& pair : pairs) {
    const auto of_key = require_column(table, pair.column);
    if (!of_key) return of_key.error();
    const auto looked_in = require_column(foreign, pair.foreign_column);
    if (!looked_in) return looked_in.error();
    for (const Column* column : {*of_key, *looked_in})
      if (!column->deterministic_collation)
        return not_looked_up("column " + column->name + " has a collation by which different texts are equal",
                             "Relate the tables by columns with a deterministic collation.");
    out.push_back({*of_key, *looked_in});
  }
  return out;
}

/// Where the rows of `routed` are that a key finds. `filters`: of the same rows; nullptr where they are of
/// others.
std::optional<LookupPlace> place_of(const RoutedTable& routed, const std::vector<KeyPair>& pairs,
                                    const std::vector<Filter>* filters) {
  if (!routed.group_id()) return std::nullopt;
  const Group& group = *routed.group();
  LookupPlace place{*routed.group_id(),
                    &group,
                    filters ? candidate_slots(*filters, routed) : SlotSet::all(group.slot_count),
                    {},
                    {},
                    std::nullopt};
  // Values of one type are equal as their canonical bytes are; between types PostgreSQL has rules of its own.
  const auto finds = [&](std::string_view column) {
    return std::ranges::find_if(pairs, [&](const KeyPair& pair) {
      const auto type = key_type(*pair.looked_in);
      return pair.looked_in->name == column && type && key_type(*pair.of_key) == type;
    });
  };
  for (const auto& name : routed.key().names()) {
    const auto pair = finds(name);
    if (pair == pairs.end()) {
      place.key.clear();
      place.key_types.clear();
      break;
    }
    place.key.push_back(static_cast<std::size_t>(pair - pairs.begin()));
    place.key_types.push_back(*key_type(*pair->looked_in));
  }
  if (const auto* list = routed.list())
    if (const auto pair = finds(list->column); pair != pairs.end() && can_be_listed(*pair->looked_in))
      place.list_value = static_cast<std::size_t>(pair - pairs.begin());
  return place;
}

/// All rows that one key finds are then on one shard.
bool decides_the_slot(const RoutedTable& routed, const std::optional<LookupPlace>& place) {
  return !place || (!place->key.empty() && (routed.is_hashed() || place->list_value));
}

void look_in(Lookup& lookup, const std::vector<KeyPair>& pairs, const std::string& table_alias) {
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    lookup.key_types.push_back(key_type_sql(*pairs[i].of_key));
    lookup.names_types |= pairs[i].of_key->type_schema != "pg_catalog";
    lookup.key_condition =
        and_also(std::move(lookup.key_condition), quote_identifier(table_alias) + '.' +
                                                      quote_identifier(pairs[i].looked_in->name) + " = " +
                                                      lookup.keys_alias + ".x" + std::to_string(i));
  }
}

/// nullopt where a key could not be told as text; and of groups, which may be there without rows.
std::optional<KeysFirst> keys_first(const ReadPlan& scan, const std::vector<KeyPair>& pairs,
                                    const std::string& table_alias, const RoutedTable& parent) {
  if (scan.groups) return std::nullopt;
  KeysFirst out;
  std::vector<KeyPair> swapped;
  for (const auto& [of_key, looked_in] : pairs) {
    const auto text =
        key_text_sql(*looked_in, quote_identifier(table_alias) + '.' + quote_identifier(looked_in->name));
    if (!text) return std::nullopt;
    out.texts.push_back(*text);
    out.types.push_back(key_type_sql(*looked_in));
    out.parent_columns.push_back(column_sql(parent.table(), of_key->name));
    swapped.push_back({looked_in, of_key});
  }
  out.parent_place = place_of(parent, swapped, nullptr);
  return out;
}

/// An alias that is none of the table's.
std::string alias_beside(const Table& table, const std::string& alias) {
  return table.name == alias ? alias + '_' : alias;
}

/// The rows of the junction, as the keys of those that they lead to.
Result<Lookup> junction_keys(const ResolvedEmbed& embed, const RoutedTable& parent,
                             const std::vector<KeyPair>& to_target) {
  const Table& table = *embed.junction;
  const auto routed = routed_as(table, parent.map());
  const auto pairs = key_pairs(embed.relation->junction->columns, parent.table(), table);
  if (!pairs) return pairs.error();
  Lookup lookup;
  ReadPlan& scan = lookup.rows.scan;
  scan.from = aliased_name(table);
  if (const Group* group = routed.group()) {
    scan.group = group->name;
    scan.owned = owned_slots_sql(table, scan.group);
    scan.where = view_rows_sql(table, scan.group);
  }
  scan.keys = {by_number};
  scan.own_keys = {"ord"};
  scan.key_columns = {0};
  for (std::size_t i = 0; i < to_target.size(); ++i) {
    const std::string name = 'h' + std::to_string(i);
    const Column& column = *to_target[i].of_key;
    const auto text = key_text_sql(column, "q." + name);
    if (!text) return text.error();
    scan.inner_columns += (i > 0 ? ", " : "") + column_sql(table, column.name) + " AS " + name;
    scan.related.push_back(*text);
  }
  lookup.keys_alias = alias_beside(table, "k");
  look_in(lookup, *pairs, table.name);
  lookup.place = place_of(routed, *pairs, nullptr);
  lookup.merges_by_number = true;
  lookup.rows.join.page.of_each_key = true;
  return lookup;
}

/// Where nothing of the rows is shown, it is enough to know whether there is one.
void want_one_row(RowPage& page) {
  page.limit = std::min<std::uint64_t>(page.limit.value_or(1), 1);
}

Result<NodeRead> rows_of(const ResolvedEmbed& embed, const RoutedTable& routed, bool under_epoch,
                         bool bytewise_default_collation, const std::vector<SelectItem>& sorted_by = {},
                         bool through_junction = false) {
  NodeRules rules;
  rules.rows = embed.asked->spread ? NodeRules::Rows::spread : NodeRules::Rows::embedded;
  rules.numbered = true;
  rules.under_epoch = under_epoch;
  rules.bytewise_default_collation = bytewise_default_collation;
  rules.sorted_by = sorted_by;
  // What comes through a junction is put in order by the rows' own keys alone, and so is what others take
  // their order from.
  rules.sorts_later = sorted_by.empty() && !through_junction;
  auto rows = plan_node(embed.node, routed, rules);
  if (!rows) return rows;
  rows->join.page = {embed.node.asked->offset, embed.node.asked->limit, true};
  if (rows->members.empty()) want_one_row(rows->join.page);
  if (rows->sort) rows->sort->page = std::exchange(rows->join.page, {0, std::nullopt, true});
  return rows;
}

/// Rows that the keys of the parent's lead to.
Result<Lookup> plan_direct(const ResolvedEmbed& embed, const RoutedTable& parent, const RoutedTable& routed,
                           bool bytewise_default_collation, const std::vector<SelectItem>& sorted_by) {
  const auto pairs = key_pairs(embed.relation->columns, parent.table(), routed.table());
  if (!pairs) return pairs.error();
  auto rows = rows_of(embed, routed, routed.group_id().has_value(), bytewise_default_collation, sorted_by);
  if (!rows) return rows.error();
  Lookup lookup;
  lookup.rows = std::move(*rows);
  lookup.sort_keys = sorted_by.size();
  lookup.keys_alias = alias_beside(routed.table(), "k");
  look_in(lookup, *pairs, routed.table().name);
  lookup.place = place_of(routed, *pairs, &embed.node.asked->filters);
  lookup.keys_first = keys_first(lookup.rows.scan, *pairs, routed.table().name, parent);
  // A shard without rows of a key may have a group for it nevertheless.
  const bool one_shard_has_rows = embed.relation->is_to_one() && !lookup.rows.scan.groups;
  lookup.merges_by_number =
      one_shard_has_rows || lookup.rows.members.empty() || decides_the_slot(routed, lookup.place);
  return lookup;
}

/// Rows that are beside those of the junction: both are found at once, where the junction's are.
Result<Lookup> plan_beside_junction(const ResolvedEmbed& embed, const RoutedTable& parent,
                                    const RoutedTable& routed, bool bytewise_default_collation) {
  const Junction& junction = *embed.relation->junction;
  const auto between = routed_as(*embed.junction, parent.map());
  const auto pairs = key_pairs(junction.columns, parent.table(), between.table());
  if (!pairs) return pairs.error();
  auto rows = rows_of(embed, routed, between.group_id().has_value(), bytewise_default_collation);
  if (!rows) return rows.error();
  Lookup lookup;
  lookup.rows = std::move(*rows);
  ReadPlan& scan = lookup.rows.scan;
  const std::string alias = alias_beside(routed.table(), "j");
  scan.from += " CROSS JOIN " + qualified_name(between.table()) + " AS " + alias;
  scan.group = between.group() ? between.group()->name : "";
  scan.owned = between.group() ? alias + '.' + quote_identifier(slot_column) + " IN (" +
                                     select_owned_slots(quote_literal(scan.group)) + ')'
                               : "";
  // It keeps rows of slots that its shard has given away.
  if (between.table().kind == TableKind::materialized_view)
    scan.where = and_also(std::move(scan.where), scan.owned);
  lookup.keys_alias = alias_beside(routed.table(), "k");
  look_in(lookup, *pairs, alias);
  std::string beside;
  for (const auto& pair : junction.foreign_columns)
    beside = and_also(std::move(beside), column_sql(routed.table(), pair.column) + " = " + alias + '.' +
                                             quote_identifier(pair.foreign_column));
  lookup.key_condition = and_also(std::move(lookup.key_condition), beside);
  lookup.keys_first = keys_first(scan, *pairs, alias, parent);
  if (lookup.keys_first) lookup.keys_first->join = std::move(beside);
  lookup.place = place_of(between, *pairs, nullptr);
  lookup.merges_by_number = lookup.rows.members.empty() || decides_the_slot(between, lookup.place);
  return lookup;
}

/// Rows that the junction's lead to from other shards: first those are looked up, then these.
Result<Lookup> plan_through_junction(const ResolvedEmbed& embed, const RoutedTable& parent,
                                     const RoutedTable& routed, bool bytewise_default_collation) {
  std::vector<ColumnPair> columns = embed.relation->junction->foreign_columns;
  for (auto& pair : columns) std::swap(pair.column, pair.foreign_column);
  const auto pairs = key_pairs(columns, *embed.junction, routed.table());
  if (!pairs) return pairs.error();
  auto junction = junction_keys(embed, parent, *pairs);
  if (!junction) return junction.error();
  auto rows = rows_of(embed, routed, routed.group_id().has_value(), bytewise_default_collation, {}, true);
  if (!rows) return rows.error();
  if (rows->scan.groups) return groups_through_junction(*embed.relation->junction);
  if (rows->scan.not_mergeable) return *rows->scan.not_mergeable;
  Lookup lookup;
  lookup.rows = std::move(*rows);
  lookup.junction_page = std::exchange(lookup.rows.join.page, {0, std::nullopt, true});
  lookup.keys_alias = alias_beside(routed.table(), "k");
  look_in(lookup, *pairs, routed.table().name);
  lookup.place = place_of(routed, *pairs, &embed.node.asked->filters);
  lookup.junction = std::make_shared<const Lookup>(std::move(*junction));
  return lookup;
}

}  // namespace

EmbedShape shape_of(const ResolvedEmbed& embed, const NodeRead& rows) {
  using Kind = EmbedShape::Kind;
  EmbedShape shape;
  shape.to_one = embed.relation->is_to_one();
  if (rows.members.empty()) return shape;
  shape.kind = shape.to_one ? Kind::object : Kind::array;
  if (!embed.asked->spread) return shape;
  shape.kind = shape.to_one ? Kind::values : Kind::value_arrays;
  for (const auto& member : rows.members) shape.in_lines.push_back(member.in_lines);
  return shape;
}

std::vector<std::string> key_columns_of(const Relation& relation) {
  std::vector<std::string> names;
  for (const auto& pair : relation.junction ? relation.junction->columns : relation.columns)
    names.push_back(pair.column);
  return names;
}

Result<std::string> key_text_sql(const Column& column, const std::string& value) {
  static constexpr std::array<std::string_view, 12> plain{"bool",   "int2",    "int4", "int8",
                                                          "oid",    "numeric", "text", "varchar",
                                                          "bpchar", "name",    "uuid", "citext"};
  // Their texts depend on the session's DateStyle, but in JSON they are ISO 8601.
  static constexpr std::array<std::string_view, 3> dates{"date", "timestamp", "timestamptz"};
  const std::string_view type = column.base_type_name.empty() ? column.type_name : column.base_type_name;
  const auto in = [&](const auto& names) { return std::ranges::find(names, type) != names.end(); };
  if (in(plain) || column.sort == SortKind::enumeration) return sql_text(value + "::text");
  if (in(dates)) return sql_text("to_json(" + value + ") #>> '{}'");
  return not_looked_up(
      "rows are related by column " + column.name + " of type " + column.type +
          ", whose values are not looked up on other shards",
      "Relate the tables by columns of an integer, text, uuid, numeric or date type, or shard both "
      "by the columns that relate them, in one group.");
}

Result<Lookup> plan_lookup(const ResolvedEmbed& embed, const RoutedTable& parent,
                           bool bytewise_default_collation, const std::vector<SelectItem>& sorted_by) {
  const auto& relation = *embed.relation;
  if (relation.function) return below_function(embed);
  const auto routed = routed_as(*embed.node.table, parent.map());
  invariant(!relation.junction || embed.junction != nullptr, "junctions are tables of the catalogue");
  invariant(sorted_by.empty() || relation.is_to_one(), "rows are ordered by embeds to one");
  auto lookup = !relation.junction ? plan_direct(embed, parent, routed, bytewise_default_collation, sorted_by)
                : is_local_to_junction(relation, parent.map())
                    ? plan_beside_junction(embed, parent, routed, bytewise_default_collation)
                    : plan_through_junction(embed, parent, routed, bytewise_default_collation);
  return lookup;
}

}  // namespace shardplex
