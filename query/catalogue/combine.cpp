// What several shards serve together of the map's tables.
#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <ranges>

#include "query/catalogue/catalogue.hpp"
#include "query/catalogue/computed_columns.hpp"
#include "query/catalogue/computed_relations.hpp"
#include "query/catalogue/differences.hpp"
#include "query/catalogue/functions.hpp"
#include "query/catalogue/relations.hpp"
#include "query/catalogue/routed_table.hpp"
#include "query/catalogue/view_problems.hpp"
#include "query/catalogue/view_relations.hpp"
#include "query/catalogue/view_writes.hpp"
#include "shard_map/contains_name.hpp"
#include "shard_map/invariant.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

using NamedCatalogue = std::pair<std::string, ShardCatalogue>;

// ---- What a table of the map has to be.

void check_routing_column(const Column& column, std::vector<std::string>& problems) {
  if (!column.deterministic_collation)
    problems.push_back("column " + column.name + " routes rows, but its collation " + column.collation +
                       " is not deterministic");
  if (column.generated && !column.identity_always)
    problems.push_back("column " + column.name + " routes rows, but PostgreSQL generates it");
}

void check_key(const Table& table, const std::string& name, std::vector<std::string>& problems) {
  const Column* column = table.find_column(name);
  if (!column) {
    problems.push_back("there is no column " + name + ", which the map makes the shard key");
    return;
  }
  if (!key_type(*column))
    problems.push_back("the shard key " + name + " is " + column->type +
                       ", which cannot be one: " + key_refusal(*column));
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
  if (contains_name(table.primary_key, slot_column))
    problems.push_back("the primary key contains " + std::string(slot_column) +
                       ", which is no client's column; it has to be made of the others");
  if (!routed.group_id()) return problems;
  if (!table.has_slot_column)
    problems.push_back("there is no column " + std::string(slot_column) +
                       (table.is_view() ? " (integer)" : " (integer not null)"));
  for (const auto& name : routed.key().names()) check_key(table, name, problems);
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
  if (table.primary_key.empty() && routed.group_id())
    warnings.push_back(table.name +
                       ": without a primary key its rows cannot be told apart, so the slots of " +
                       routed.group()->name + " can be neither moved nor verified");
  if (!table.primary_key.empty()) check("the primary key", table.primary_key);
  for (const auto& unique : table.unique) check("the unique constraint " + unique.name, unique.columns);
}

/// Rows of one value are in one slot, or in one of each list.
void warn_of_few_values(const RoutedTable& routed, std::vector<std::string>& warnings) {
  if (!routed.group_id()) return;
  constexpr std::size_t many = 1'000'000;  // as many as that are not few
  std::size_t values = 1;
  const auto types = routed.key_types();
  for (std::size_t i = 0; i < types.size(); ++i) {
    const bool is_enum = types[i] == KeyType::enumeration;
    if (!is_enum && types[i] != KeyType::boolean) return;
    values *= is_enum ? routed.column(routed.key().names()[i]).enum_labels.size() : 2;
    if (values > many) return;
  }
  warnings.push_back(routed.table().name + ": the shard key " + joined(routed.key().names()) + " has " +
                     std::to_string(values) + " values, so its rows are in as many slots at most" +
                     (routed.list() ? " of each list" : "") + ", and no more shards can share them");
}

void warn_of_new_labels(const RoutedTable& routed, std::vector<std::string>& warnings) {
  for (const auto& name : routed.routing_columns())
    if (const auto& labels = routed.column(name).unplaced_labels; !labels.empty())
      warnings.push_back(routed.table().name + ": no row is placed by " + joined(labels) + " of " + name +
                         " until shardplex cluster init has written down what is new");
}

// ---- One of several.

/// What of a column decides the answers that a shard gives, and the values that it stores.
bool answers_alike(const Column& a, const Column& b) {
  return a.type == b.type && a.type_name == b.type_name && a.type_schema == b.type_schema &&
         a.base_type_name == b.base_type_name && a.base_type_schema == b.base_type_schema &&
         a.is_citext == b.is_citext && a.representations == b.representations &&
         a.enum_labels == b.enum_labels && a.collation == b.collation &&
         a.bytewise_collation == b.bytewise_collation &&
         a.deterministic_collation == b.deterministic_collation && a.generated == b.generated &&
         a.identity_always == b.identity_always;
}

/// The place of an integer type among those of all widths, whose values read and write alike; 0 for any other
/// type.
std::size_t width(const Column& column) {
  static constexpr std::array<std::string_view, 3> integers{"int2", "int4", "int8"};
  if (column.type_schema != "pg_catalog") return 0;
  const auto integer = std::ranges::find(integers, column.type_name);
  return integer == integers.end() ? 0 : static_cast<std::size_t>(integer - integers.begin()) + 1;
}

/// Integers of different widths.
bool differ_in_width(const Column& a, const Column& b) {
  return width(a) > 0 && width(b) > 0 && a.generated == b.generated && a.identity_always == b.identity_always;
}

/// The column of two shards as it is served: of two integer types the wider, of two definitions that would
/// give two answers none.
void join_column(const ColumnOnShard& first, const ColumnOnShard& other, Column& served) {
  served.not_null = served.not_null && other.column->not_null;
  served.has_default = served.has_default || other.column->has_default;
  if (answers_alike(*first.column, *other.column)) return;
  if (differ_in_width(*first.column, *other.column)) {
    if (width(*other.column) <= width(served)) return;
    served.type = other.column->type;
    served.type_name = other.column->type_name;
    served.sort = other.column->sort;
    return;
  }
  if (served.conflict.empty()) served.conflict = difference(first, other);
}

/// One table of several shards, while it is made one of them.
struct Combining {
  const TablePlacement& placement;
  const std::string& first_shard;
  const Table& first;
  Table served;                          ///< the first shard's, as far as the others have it too
  std::vector<std::string> problems;     ///< why it cannot be served
  std::vector<std::string> differences;  ///< what is not the same and does not stand in the way

  /// Whether rows are placed or named by the column, on any of the shards.
  bool is_key(std::string_view column, const ShardMap& map, const Table& other) const {
    const RoutedTable routed(first, placement, map);
    const auto routing = routed.routing_columns();
    return contains_name(routing, column) || contains_name(first.primary_key, column) ||
           contains_name(other.primary_key, column);
  }
};

/// A column that not all shards have is not served yet; one that is not the same on all is not served to
/// those who name it. Without its keys a table is not served at all.
void combine_columns(const ShardMap& map, const std::string& shard, const Table& other, Combining& table) {
  const auto tell = [&](std::string sentence, std::string_view column, bool in_the_way) {
    const bool refused = in_the_way && table.is_key(column, map, other);
    (refused ? table.problems : table.differences).push_back(std::move(sentence));
  };
  std::map<std::string_view, const Column*> of_first;
  for (const Column& column : table.first.columns) of_first[column.name] = &column;
  std::map<std::string_view, const Column*> all = of_first;
  for (const Column& column : other.columns) all.emplace(column.name, &column);
  for (const auto& [name, any] : all) {
    const auto at_first = of_first.find(name);
    const ColumnOnShard here{table.first_shard, at_first == of_first.end() ? nullptr : at_first->second};
    const ColumnOnShard there{shard, other.find_column(name)};
    auto sentence = difference(here, there);
    const auto served = std::ranges::find(table.served.columns, name, &Column::name);
    if (!there.column && served != table.served.columns.end()) table.served.columns.erase(served);
    if (sentence.empty()) continue;
    const bool on_both = here.column && there.column;
    if (on_both && served != table.served.columns.end()) join_column(here, there, *served);
    tell(std::move(sentence), name,
         !on_both ||
             !(answers_alike(*here.column, *there.column) || differ_in_width(*here.column, *there.column)));
  }
}

/// A relation leads to one row because its columns are unique, so they have to be on every shard.
void keep_unique_of_both(const Table& other, Table& served) {
  std::vector<UniqueConstraint> of_both;
  for (UniqueConstraint unique : served.unique) {
    const auto is_kept = [&](const UniqueConstraint& each) {
      return std::ranges::is_permutation(each.columns, unique.columns);
    };
    const auto is_constraint = [&](const UniqueConstraint& each) {
      return is_kept(each) && !each.index_only;
    };
    if (std::ranges::none_of(other.unique, is_kept)) continue;
    if (std::ranges::none_of(other.unique, is_constraint)) unique.index_only = true;
    of_both.push_back(std::move(unique));
  }
  served.unique = std::move(of_both);
}

/// Rows were placed by keys of this form: under another one they are looked for elsewhere.
void check_key_form(const RoutedTable& routed, const std::string& shard, const ShardCatalogue& catalogue,
                    std::vector<std::string>& problems) {
  const auto stored = catalogue.definitions.find(key_subject(routed.table().name));
  if (!routed.group_id() || stored == catalogue.definitions.end()) return;
  if (!types_of_key(routed.table(), routed.key())) return;  // refused for that
  if (auto problem = key_form_problem(routed.table(), routed.key(), stored->second))
    problems.push_back(std::move(*problem) + " (on " + shard + ')');
}

/// Labels that a shard has not written down yet are noted; those that it has must be what they were. Of a
/// list's column earlier versions wrote nothing down.
void check_labels(const RoutedTable& routed, const std::string& shard, const ShardCatalogue& catalogue,
                  Combining& table) {
  if (catalogue.definitions.empty()) return;
  for (const auto& name : routed.routing_columns()) {
    const Column* column = routed.table().find_column(name);
    const auto served = std::ranges::find(table.served.columns, name, &Column::name);
    if (!column || column->sort != SortKind::enumeration || served == table.served.columns.end()) continue;
    const auto stored = catalogue.definitions.find(labels_subject(routed.table().name, name));
    const bool is_known = stored != catalogue.definitions.end();
    if (!is_known && !routed.key().contains(name)) continue;
    const auto placed = is_known ? read_labels(stored->second) : std::vector<std::string>();
    if (auto problem = labels_problem(routed.table(), *column, placed))
      table.problems.push_back(std::move(*problem) + " (on " + shard + ')');
    for (const auto& label : column->enum_labels)
      if (!contains_name(placed, label) && !contains_name(served->unplaced_labels, label))
        served->unplaced_labels.push_back(label);
  }
}

/// Citext takes for equal what text does not, so tables of a group have at one place of their keys one or the
/// other: rows of equal keys are to meet.
void check_citext(const RoutedTable& routed, std::size_t place, const std::string& shard,
                  const ShardCatalogue& catalogue, std::vector<std::string>& problems) {
  const Column* column = routed.table().find_column(routed.key().names()[place]);
  if (!column || key_type(*column) != KeyType::citext) return;
  if (!catalogue.lowers_ascii)
    problems.push_back("the shard key " + column->name + " is citext, and under the locale of " + shard +
                       " lower() does not take A to Z to a to z");
  for (const auto& other : routed.map().tables()) {
    const auto beside = catalogue.tables.find(other.name);
    if (other.group != routed.group_id() || beside == catalogue.tables.end()) continue;
    const Column* key = beside->second.find_column(other.key.names()[place]);
    const auto type = key ? key_type(*key) : std::nullopt;
    if (type == KeyType::text || type == KeyType::character)
      problems.push_back("the shard key " + column->name + " is citext, and that of " + other.name +
                         " in the same group is " + key->type + ", of which other values are equal (on " +
                         shard + ')');
  }
}

/// Rows were placed by these: under others they are looked for elsewhere.
void check_definitions(const TablePlacement& placement, const ShardMap& map, const std::string& shard,
                       const Definitions& stored, std::vector<std::string>& problems) {
  if (stored.empty()) return;
  for (auto& difference : differences(stored, definitions_of(placement, map)))
    problems.push_back(std::move(difference) + " (on " + shard + ')');
}

/// A table of the map is one on the shard, and a view is a view.
const Table* table_on(const ShardCatalogue& shard, const TablePlacement& placement, bool is_view) {
  if (is_view) {
    const auto view = shard.views.find(placement.name);
    return view == shard.views.end() ? nullptr : &view->second.table;
  }
  const auto table = shard.tables.find(placement.name);
  return table == shard.tables.end() ? nullptr : &table->second;
}

std::string missing_on(const NamedCatalogue& shard, const TablePlacement& placement, bool is_view) {
  const auto& [name, catalogue] = shard;
  if (catalogue.foreign_tables.contains(placement.name))
    return "it is a foreign table on " + name + ", which is not served";
  return std::string(is_view ? "the view" : "the table") + " is missing on " + name;
}

/// The view, or one that it reads, that is defined otherwise on the other shard; nullptr where none is.
const StoredView* defined_otherwise(const StoredView& view, const ShardCatalogue& shard,
                                    const ShardCatalogue& other) {
  const auto there = other.views.find(view.table.name);
  if (there == other.views.end() || there->second.definition != view.definition) return &view;
  for (const auto& name : view.reads)
    if (const auto below = shard.views.find(name); below != shard.views.end())
      if (const auto* found = defined_otherwise(below->second, shard, other)) return found;
  return nullptr;
}

/// What is wrong with the shard's view, and in what it is another one than the first shard's.
void check_view(const TablePlacement& placement, const ShardMap& map, const NamedCatalogue& first,
                const NamedCatalogue& other, const Catalogue& served, std::vector<std::string>& problems) {
  const auto& [shard, catalogue] = other;
  const StoredView& view = catalogue.views.find(placement.name)->second;
  const StoredView& as_first = first.second.views.find(placement.name)->second;
  for (auto& problem : view_problems(view, placement, map, catalogue, served))
    if (std::ranges::find(problems, problem) == problems.end()) problems.push_back(std::move(problem));
  if (view.table.kind != as_first.table.kind)
    problems.push_back("it is materialized on one of " + first.first + " and " + shard);
  else if (const auto* differing = defined_otherwise(as_first, first.second, catalogue))
    problems.push_back((differing == &as_first ? "it" : differing->table.name + ", which it reads,") +
                       " is defined otherwise on " + shard + " than on " + first.first);
}

void combine_table(const TablePlacement& placement, const ShardMap& map,
                   const std::vector<NamedCatalogue>& shards, bool is_view, Catalogue& combined) {
  std::vector<std::string> problems;
  std::optional<Combining> table;
  const NamedCatalogue* first = nullptr;
  std::vector<TableOnShard> on_shards;
  for (const auto& named : shards) {
    const auto& [shard, catalogue] = named;
    const Table* found = table_on(catalogue, placement, is_view);
    if (catalogue.server_encoding != "UTF8")
      problems.push_back("the encoding of " + shard + " is " + catalogue.server_encoding +
                         "; it has to be UTF8");
    if (found == nullptr) {
      problems.push_back(missing_on(named, placement, is_view));
      continue;
    }
    on_shards.push_back({shard, found});
    if (!table) {
      first = &named;
      table.emplace(Combining{placement, shard, *found, *found, {}, {}});
    } else {
      combine_columns(map, shard, *found, *table);
      keep_unique_of_both(*found, table->served);
      auto beside = differences_beside_columns(table->first_shard, table->first, shard, *found);
      std::ranges::move(beside.of_keys, std::back_inserter(table->problems));
      std::ranges::move(beside.of_constraints, std::back_inserter(table->differences));
    }
    if (is_view) {
      check_view(placement, map, *first, named, combined, table->problems);
      continue;
    }
    check_definitions(placement, map, shard, catalogue.definitions, table->problems);
    check_key_form({*found, placement, map}, shard, catalogue, table->problems);
    check_labels({*found, placement, map}, shard, catalogue, *table);
    for (std::size_t i = 0; i < placement.key.size(); ++i)
      check_citext({*found, placement, map}, i, shard, catalogue, table->problems);
  }
  if (table) {
    std::ranges::move(table->problems, std::back_inserter(problems));
    std::ranges::move(problems_of({table->first, placement, map}), std::back_inserter(problems));
  }
  if (!problems.empty()) {
    if (table) std::ranges::move(table->differences, std::back_inserter(problems));
    combined.refused[placement.name] = placement.name + ": " + joined(problems, "; ");
    return;
  }
  if (!table->differences.empty())
    combined.differing[placement.name] = placement.name + ": " + joined(table->differences, "; ");
  if (is_view) {
    const StoredView& view = first->second.views.find(placement.name)->second;
    if (keeps_rows(view, first->second)) table->served.kind = TableKind::materialized_view;
    const auto tables = tables_read_by(view, first->second);
    table->served.reads.assign(tables.begin(), tables.end());
    combine_writes(placement, map, shards, combined, table->served);
  } else {
    const RoutedTable served(table->served, placement, map);
    warn_of_unique(served, combined.warnings);
    warn_of_few_values(served, combined.warnings);
    warn_of_new_labels(served, combined.warnings);
  }
  combine_computed(placement, on_shards, table->served, combined.warnings);
  combine_computed_relations(placement, map, on_shards, table->served, combined.warnings);
  combined.tables[placement.name] = std::move(table->served);
}

void combine_collations(const std::vector<NamedCatalogue>& shards, Catalogue& combined) {
  const auto& [first_shard, first] = shards.front();
  bool one_name = true;
  for (const auto& [shard, catalogue] : shards) {
    if (!catalogue.bytewise_default_collation) combined.bytewise_default_collation = false;
    one_name &= catalogue.default_collation == first.default_collation;
    if (catalogue.character_type != first.character_type) combined.one_default_collation = false;
    if (catalogue.default_collation != first.default_collation)
      combined.warnings.push_back("the default collation is " + first.default_collation + " on " +
                                  first_shard + " and " + catalogue.default_collation + " on " + shard);
    if (catalogue.character_type != first.character_type)
      combined.warnings.push_back("the character type (LC_CTYPE) is " + first.character_type + " on " +
                                  first_shard + " and " + catalogue.character_type + " on " + shard);
  }
  // Those that sort by bytes have one order, whatever they are called.
  if (!one_name && !combined.bytewise_default_collation) combined.one_default_collation = false;
}

}  // namespace

Catalogue combine(const ShardMap& map, const std::vector<NamedCatalogue>& shards) {
  invariant(!shards.empty(), "a catalogue is combined from at least one shard");
  Catalogue catalogue;
  combine_collations(shards, catalogue);
  for (const auto& placement : map.tables()) combine_table(placement, map, shards, false, catalogue);
  // They are refused with what they read.
  for (const auto& placement : map.views()) combine_table(placement, map, shards, true, catalogue);
  add_shown_keys(map, shards, catalogue);
  combine_functions(map, shards, catalogue);
  for (const auto& declared : declared_keys(map))
    if (auto problem = problem_of(declared, catalogue)) catalogue.warnings.push_back(std::move(*problem));
  return catalogue;
}

}  // namespace shardplex
