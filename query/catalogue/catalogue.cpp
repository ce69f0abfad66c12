#include "query/catalogue/catalogue.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <ranges>
#include <set>

#include "query/catalogue/routed_table.hpp"
#include "shard_map/contains_name.hpp"
#include "shard_map/invariant.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

using NamedCatalogue = std::pair<std::string, ShardCatalogue>;

// ---- What a definition says, as text: equal text is an equal definition.

std::string describe(const Column& column) {
  std::string out = column.type;
  if (column.type_schema != "pg_catalog") out += " (" + column.type_schema + '.' + column.type_name + ')';
  if (!column.enum_labels.empty()) out += " with labels " + joined(column.enum_labels);
  if (!column.collation.empty()) out += " collate " + column.collation;
  if (!column.deterministic_collation) out += " (not deterministic)";
  if (column.not_null) out += " not null";
  if (column.generated)
    out += " generated always";
  else if (column.has_default)
    out += " with a default";
  return out;
}

std::string describe(const UniqueConstraint& unique) {
  return "on (" + joined(unique.columns) + ')';
}

std::string describe(const ForeignKey& key) {
  return '(' + joined(key.columns) + ") to " + key.foreign_table + " (" + joined(key.foreign_columns) + ')';
}

template <class Named>
std::map<std::string, std::string> described(const std::vector<Named>& parts) {
  std::map<std::string, std::string> out;
  for (const auto& part : parts) out[part.name] = describe(part);
  return out;
}

using Definition = std::map<std::string, std::string>;  // part -> what it is

/// One sentence per part that is not the same in `a` and `b`.
void compare(std::string_view what, const std::pair<std::string, Definition>& a,
             const std::pair<std::string, Definition>& b, std::vector<std::string>& differences) {
  std::set<std::string> names;
  for (const auto& [name, text] : a.second) names.insert(name);
  for (const auto& [name, text] : b.second) names.insert(name);
  for (const auto& name : names) {
    const auto at_a = a.second.find(name), at_b = b.second.find(name);
    const std::string subject = std::string(what) + ' ' + name;
    if (at_a == a.second.end())
      differences.push_back(subject + " is missing on " + a.first);
    else if (at_b == b.second.end())
      differences.push_back(subject + " is missing on " + b.first);
    else if (at_a->second != at_b->second)
      differences.push_back(subject + " is " + at_a->second + " on " + a.first + " and " + at_b->second +
                            " on " + b.first);
  }
}

/// Collations of one name can have two locales. Descriptions name them alike.
void compare_orders(const std::string& shard_a, const Table& a, const std::string& shard_b, const Table& b,
                    std::vector<std::string>& differences) {
  for (const Column& column : a.columns) {
    const Column* other = b.find_column(column.name);
    if (!other || describe(column) != describe(*other) ||
        column.bytewise_collation == other->bytewise_collation)
      continue;
    differences.push_back("column " + column.name + " sorts by bytes on " +
                          (column.bytewise_collation ? shard_a : shard_b) + " and not on " +
                          (column.bytewise_collation ? shard_b : shard_a));
  }
}

void compare(const std::string& shard_a, const Table& a, const std::string& shard_b, const Table& b,
             std::vector<std::string>& differences) {
  compare("column", {shard_a, described(a.columns)}, {shard_b, described(b.columns)}, differences);
  compare_orders(shard_a, a, shard_b, b, differences);
  if (a.has_slot_column != b.has_slot_column)
    differences.push_back("column " + std::string(slot_column) + " is missing on " +
                          (a.has_slot_column ? shard_b : shard_a));
  if (a.primary_key != b.primary_key)
    differences.push_back("the primary key is (" + joined(a.primary_key) + ") on " + shard_a + " and (" +
                          joined(b.primary_key) + ") on " + shard_b);
  compare("unique constraint", {shard_a, described(a.unique)}, {shard_b, described(b.unique)}, differences);
  compare("foreign key", {shard_a, described(a.foreign_keys)}, {shard_b, described(b.foreign_keys)},
          differences);
}

// ---- What a table of the map has to be.

void check_routing_column(const Column& column, std::vector<std::string>& problems) {
  if (!column.deterministic_collation)
    problems.push_back("column " + column.name + " routes rows, but its collation " + column.collation +
                       " is not deterministic");
  if (column.generated)
    problems.push_back("column " + column.name + " routes rows, but PostgreSQL generates it");
  // An over-long value that ends in spaces is stored without them: the stored value would hash to another
  // slot.
  if (column.type_name == "varchar" && column.type.ends_with(')'))
    problems.push_back("column " + column.name + " routes rows, but it is " + column.type +
                       ", which cuts spaces off; it has to be text or varchar without a length");
}

void check_key(const Table& table, const std::string& name, std::vector<std::string>& problems) {
  const Column* column = table.find_column(name);
  if (!column) {
    problems.push_back("there is no column " + name + ", which the map makes the shard key");
    return;
  }
  if (!key_type(*column))
    problems.push_back("the shard key " + name + " is " + column->type +
                       "; it has to be an integer type, text, varchar or uuid");
  check_routing_column(*column, problems);
}

void check_list_column(const Table& table, const std::string& name, std::vector<std::string>& problems) {
  const Column* column = table.find_column(name);
  if (!column) {
    problems.push_back("there is no column " + name + ", by which the map makes lists");
    return;
  }
  if (!can_be_listed(*column) && column->deterministic_collation)
    problems.push_back("the list column " + name + " is " + column->type +
                       "; it has to be text, varchar or an enum");
  check_routing_column(*column, problems);
}

/// Why the table cannot be served whatever the other shards say.
std::vector<std::string> problems_of(const RoutedTable& routed) {
  const Table& table = routed.table();
  std::vector<std::string> problems;
  if (table.primary_key.empty()) problems.push_back("there is no primary key");
  if (!routed.group_id()) return problems;
  if (!table.has_slot_column)
    problems.push_back("there is no column " + std::string(slot_column) + " (integer not null)");
  check_key(table, routed.key(), problems);
  if (const auto* list = routed.list()) check_list_column(table, list->column, problems);
  return problems;
}

/// Equal values of a unique constraint meet on one shard only where they decide the slot.
void warn_of_unique(const RoutedTable& routed, std::vector<std::string>& warnings) {
  const Table& table = routed.table();
  const auto routing = routed.routing_columns();
  const auto check = [&](const std::string& what, const std::vector<std::string>& columns) {
    for (const auto& column : routing | std::views::reverse)
      if (!contains_name(columns, column)) {
        warnings.push_back(table.name + ": " + what + " on (" + joined(columns) + ") does not contain " +
                           column + ", so it holds within a shard only");
        return;
      }
  };
  check("the primary key", table.primary_key);
  for (const auto& unique : table.unique) check("the unique constraint " + unique.name, unique.columns);
}

void combine_table(const TablePlacement& placement, const ShardMap& map,
                   const std::vector<NamedCatalogue>& shards, Catalogue& combined) {
  std::vector<std::string> problems;
  const Table* first = nullptr;
  const std::string* first_shard = nullptr;
  for (const auto& [shard, catalogue] : shards) {
    const auto found = catalogue.tables.find(placement.name);
    if (catalogue.server_encoding != "UTF8") {
      problems.push_back("the encoding of " + shard + " is " + catalogue.server_encoding +
                         "; it has to be UTF8");
    }
    if (found == catalogue.tables.end()) {
      problems.push_back("the table is missing on " + shard);
    } else if (!first) {
      first = &found->second;
      first_shard = &shard;
    } else {
      compare(*first_shard, *first, shard, found->second, problems);
    }
  }
  if (first) std::ranges::move(problems_of({*first, placement, map}), std::back_inserter(problems));
  if (!problems.empty()) {
    combined.refused[placement.name] = placement.name + ": " + joined(problems, "; ");
    return;
  }
  warn_of_unique({*first, placement, map}, combined.warnings);
  combined.tables[placement.name] = *first;
}

void combine_collations(const std::vector<NamedCatalogue>& shards, Catalogue& combined) {
  const auto& [first_shard, first] = shards.front();
  for (const auto& [shard, catalogue] : shards) {
    if (!catalogue.bytewise_default_collation) combined.bytewise_default_collation = false;
    if (catalogue.default_collation != first.default_collation)
      combined.warnings.push_back("the default collation is " + first.default_collation + " on " +
                                  first_shard + " and " + catalogue.default_collation + " on " + shard);
    if (catalogue.character_type != first.character_type)
      combined.warnings.push_back("the character type (LC_CTYPE) is " + first.character_type + " on " +
                                  first_shard + " and " + catalogue.character_type + " on " + shard);
  }
}

}  // namespace

const Column* Table::find_column(std::string_view wanted) const {
  const auto found = std::ranges::find(columns, wanted, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

const Table* Catalogue::find(std::string_view table) const {
  const auto found = tables.find(table);
  return found == tables.end() ? nullptr : &found->second;
}

Catalogue combine(const ShardMap& map, const std::vector<NamedCatalogue>& shards) {
  invariant(!shards.empty(), "a catalogue is combined from at least one shard");
  Catalogue catalogue;
  combine_collations(shards, catalogue);
  for (const auto& placement : map.tables()) combine_table(placement, map, shards, catalogue);
  return catalogue;
}

std::optional<KeyType> key_type(const Column& column) {
  if (column.type_schema != "pg_catalog") return std::nullopt;
  if (column.type_name == "int2" || column.type_name == "int4" || column.type_name == "int8")
    return KeyType::integer;
  if (column.type_name == "text" || column.type_name == "varchar") return KeyType::text;
  if (column.type_name == "uuid") return KeyType::uuid;
  return std::nullopt;
}

SortKind sort_kind(std::string_view type_name, bool is_enum) {
  if (is_enum) return SortKind::enumeration;
  static constexpr std::array<std::pair<std::string_view, SortKind>, 20> kinds{{
      {"bool", SortKind::boolean},
      {"int2", SortKind::int2},
      {"int4", SortKind::int4},
      {"int8", SortKind::int8},
      {"oid", SortKind::oid},
      {"float4", SortKind::float4},
      {"float8", SortKind::float8},
      {"numeric", SortKind::numeric},
      {"text", SortKind::text},
      {"varchar", SortKind::text},
      {"name", SortKind::text},
      {"bpchar", SortKind::bpchar},
      {"bytea", SortKind::bytea},
      {"date", SortKind::date},
      {"time", SortKind::time},
      {"timetz", SortKind::timetz},
      {"timestamp", SortKind::timestamp},
      {"timestamptz", SortKind::timestamptz},
      {"interval", SortKind::interval},
      {"uuid", SortKind::uuid},
  }};
  const auto found = std::ranges::find(kinds, type_name, &std::pair<std::string_view, SortKind>::first);
  return found == kinds.end() ? SortKind::none : found->second;
}

bool is_bytewise_collation(std::string_view name) {
  static constexpr std::array<std::string_view, 5> names{"C", "POSIX", "C.UTF-8", "C.utf8", "ucs_basic"};
  return std::ranges::find(names, name) != names.end();
}

bool can_be_listed(const Column& column) {
  const bool is_text =
      column.type_schema == "pg_catalog" && (column.type_name == "text" || column.type_name == "varchar");
  return (is_text || !column.enum_labels.empty()) && column.deterministic_collation;
}

}  // namespace shardplex
