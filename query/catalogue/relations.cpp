#include "query/catalogue/relations.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "shard_map/contains_name.hpp"
#include "shard_map/invariant.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

bool same_names(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::set<std::string_view>(a.begin(), a.end()) == std::set<std::string_view>(b.begin(), b.end());
}

bool is_unique(const Table& table, const std::vector<std::string>& columns) {
  const auto has_columns = [&](const UniqueConstraint& unique) {
    return !unique.index_only && same_names(unique.columns, columns);
  };
  return (!table.primary_key.empty() && same_names(table.primary_key, columns)) ||
         std::ranges::any_of(table.unique, has_columns);
}

std::vector<std::string> own_columns(const std::vector<ColumnPair>& pairs) {
  std::vector<std::string> names;
  for (const auto& pair : pairs) names.push_back(pair.column);
  return names;
}

std::vector<ColumnPair> swapped(std::vector<ColumnPair> pairs) {
  for (auto& pair : pairs) std::swap(pair.column, pair.foreign_column);
  return pairs;
}

/// The columns of the key that clients can see; none where it has others as well.
std::vector<ColumnPair> served_pairs(const ForeignKey& key, const Table& table, const Table& foreign) {
  std::vector<ColumnPair> pairs;
  if (key.columns.size() != key.foreign_columns.size()) return pairs;
  for (std::size_t i = 0; i < key.columns.size(); ++i) {
    if (key.columns[i] == slot_column && key.foreign_columns[i] == slot_column) continue;
    if (!table.find_column(key.columns[i]) || !foreign.find_column(key.foreign_columns[i])) return {};
    pairs.push_back({key.columns[i], key.foreign_columns[i]});
  }
  return pairs;
}

/// The relation from the key's own table; nullopt where the key gives none.
std::optional<Relation> relation_of(const ForeignKey& key, const Table& table, const Catalogue& catalogue) {
  const Table* foreign = catalogue.find(key.foreign_table);
  if (!foreign) return std::nullopt;
  Relation relation{table.name, key.foreign_table, Cardinality::many_to_one, key.name, {}, std::nullopt};
  relation.columns = served_pairs(key, table, *foreign);
  if (relation.columns.empty()) return std::nullopt;
  if (is_unique(table, key.columns) || is_unique(table, own_columns(relation.columns)))
    relation.cardinality = Cardinality::one_to_one;
  return relation;
}

/// The relation from where a key that a view shows begins; nullopt where what it leads to is not served.
std::optional<Relation> relation_of(const ShownKey& shown, const Table& table, const Catalogue& catalogue) {
  const Table* foreign = catalogue.find(shown.key.foreign_table);
  if (!foreign) return std::nullopt;
  Relation relation{table.name,
                    foreign->name,
                    shown.is_unique ? Cardinality::one_to_one : Cardinality::many_to_one,
                    shown.key.name,
                    served_pairs(shown.key, table, *foreign),
                    std::nullopt,
                    {table.is_view(), shown.has_several},
                    {foreign->is_view(), shown.leads_to_several}};
  if (relation.columns.empty()) return std::nullopt;
  return relation;
}

Relation inverse(const Relation& relation) {
  Relation back = relation;
  std::swap(back.table, back.foreign_table);
  std::swap(back.end, back.foreign_end);
  back.columns = swapped(std::move(back.columns));
  if (relation.cardinality == Cardinality::many_to_one) back.cardinality = Cardinality::one_to_many;
  return back;
}

/// From the table that `to_table` leads to, over the junction, to the one that `to_foreign` leads to; nullopt
/// where their columns are not part of the junction's primary key.
std::optional<Relation> through(const Table& junction, const Relation& to_table, const Relation& to_foreign) {
  const auto& key = junction.is_view() ? junction.shown_primary_key : junction.primary_key;
  const auto in_key = [&](const ColumnPair& pair) { return contains_name(key, pair.column); };
  if (to_table.constraint == to_foreign.constraint || !std::ranges::all_of(to_table.columns, in_key) ||
      !std::ranges::all_of(to_foreign.columns, in_key))
    return std::nullopt;
  return Relation{to_table.foreign_table,
                  to_foreign.foreign_table,
                  Cardinality::many_to_many,
                  "",
                  {},
                  Junction{junction.name, to_table.constraint, to_foreign.constraint,
                           swapped(to_table.columns), swapped(to_foreign.columns)},
                  to_table.foreign_end,
                  to_foreign.foreign_end};
}

/// The relations that begin at the table by its keys.
std::vector<Relation> own_relations(const Table& table, const std::vector<ForeignKey>& keys,
                                    const Catalogue& catalogue) {
  std::vector<Relation> own;
  for (const auto& key : keys)
    if (auto relation = relation_of(key, table, catalogue)) own.push_back(std::move(*relation));
  return own;
}

/// The relations that these, of the table's keys, give at whichever table they begin.
std::vector<Relation> relations_of(const Table& table, std::vector<Relation> own) {
  std::vector<Relation> all;
  for (const auto& relation : own) {
    all.push_back(relation);
    all.push_back(inverse(relation));
  }
  std::erase_if(own,
                [](const Relation& relation) { return relation.cardinality == Cardinality::one_to_one; });
  for (const auto& one : own)
    for (const auto& other : own)
      if (auto relation = through(table, one, other)) all.push_back(std::move(*relation));
  return all;
}

/// The table's foreign keys, and those declared for it that are not among them anyway.
std::vector<ForeignKey> all_keys(const Table& table, const std::vector<DeclaredKey>& declared,
                                 const Catalogue& catalogue) {
  std::vector<ForeignKey> keys = table.foreign_keys;
  for (const auto& each : declared) {
    const ForeignKey& key = each.key;
    const auto says_the_same = [&](const ForeignKey& there) { return relate_the_same(there, key); };
    if (each.table == table.name && std::ranges::none_of(keys, says_the_same) && !problem_of(each, catalogue))
      keys.push_back(key);
  }
  return keys;
}

// ---- Declared keys, which nobody has checked.

/// What values of the column's type can be compared with: types of one word are.
std::string kind_of(const Column& column) {
  const std::string& name = column.type_name;
  if (column.type_schema != "pg_catalog") return column.type_schema + '.' + name;
  if (name == "int2" || name == "int4" || name == "int8") return "integer";
  return name == "varchar" ? "text" : name;
}

/// True where no two rows of a shard have the same values in these columns.
bool tell_rows_apart(const Table& table, const std::vector<std::string>& columns) {
  return (!table.primary_key.empty() && same_names(table.primary_key, columns)) ||
         std::ranges::any_of(table.unique, [&](const UniqueConstraint& unique) {
           return same_names(unique.columns, columns);
         });
}

/// Those that functions of a table's rows give.
std::vector<Relation> computed_relations(const Table& table, const Catalogue& catalogue) {
  std::vector<Relation> out;
  for (const auto& computed : table.computed_relations) {
    if (!computed.is_served() || catalogue.find(computed.foreign_table) == nullptr) continue;
    Relation relation;
    relation.table = table.name;
    relation.foreign_table = computed.foreign_table;
    relation.cardinality = computed.to_one ? Cardinality::many_to_one : Cardinality::one_to_many;
    relation.function = RowFunction{computed.function_schema, computed.name, computed.returns_set,
                                    computed.given, computed.group};
    out.push_back(std::move(relation));
  }
  return out;
}

/// A function that is called like a table stands for the relations to it.
void add_computed(std::vector<Relation> computed, const std::string& schema,
                  std::vector<Relation>& relations) {
  std::erase_if(relations, [&](const Relation& relation) {
    return std::ranges::any_of(computed, [&](const Relation& by) {
      return by.function->name == relation.foreign_table && by.function->schema == schema;
    });
  });
  std::ranges::move(computed, std::back_inserter(relations));
}

/// Those that relate rows, in no order.
std::set<ColumnPair> relating_pairs(const ForeignKey& key) {
  std::set<ColumnPair> pairs;
  for (std::size_t i = 0; i < key.columns.size(); ++i)
    if (key.columns[i] != slot_column || key.foreign_columns[i] != slot_column)
      pairs.insert({key.columns[i], key.foreign_columns[i]});
  return pairs;
}

}  // namespace

bool relate_the_same(const ForeignKey& one, const ForeignKey& other) {
  const auto is_paired = [](const ForeignKey& key) {
    return key.columns.size() == key.foreign_columns.size();
  };
  return is_paired(one) && is_paired(other) && one.foreign_table == other.foreign_table &&
         relating_pairs(one) == relating_pairs(other);
}

std::vector<DeclaredKey> declared_keys(const ShardMap& map) {
  std::vector<DeclaredKey> keys;
  for (const auto& relation : map.relations())
    keys.push_back({relation.table,
                    {relation.name, relation.columns, relation.foreign_table, relation.foreign_columns}});
  return keys;
}

std::optional<std::string> problem_of(const DeclaredKey& declared, const Catalogue& catalogue) {
  const ForeignKey& key = declared.key;
  const Table* table = catalogue.find(declared.table);
  const Table* foreign = catalogue.find(key.foreign_table);
  if (!table || !foreign) return std::nullopt;
  const std::string whose = "the relation " + key.name + " of the map is not served: ";
  if (key.columns.size() != key.foreign_columns.size()) return whose + "its columns are no pairs";
  for (std::size_t i = 0; i < key.columns.size(); ++i) {
    const std::string& name = key.columns[i];
    const std::string& foreign_name = key.foreign_columns[i];
    const Column* here = table->find_column(name);
    const Column* there = foreign->find_column(foreign_name);
    if (!here) return whose + table->name + " has no column " + name;
    if (!there) return whose + foreign->name + " has no column " + foreign_name;
    if (kind_of(*here) != kind_of(*there))
      return whose + table->name + '.' + name + " is " + here->type + ", and " + foreign->name + '.' +
             foreign_name + " is " + there->type;
  }
  if (!tell_rows_apart(*foreign, key.foreign_columns))
    return whose + "the columns (" + joined(key.foreign_columns) + ") of " + foreign->name +
           " are neither its primary key nor unique";
  return std::nullopt;
}

std::string_view to_string(Cardinality cardinality) {
  switch (cardinality) {
    case Cardinality::one_to_many:
      return "one-to-many";
    case Cardinality::many_to_one:
      return "many-to-one";
    case Cardinality::one_to_one:
      return "one-to-one";
    case Cardinality::many_to_many:
      return "many-to-many";
  }
  return "";
}

std::vector<Relation> relations_of_keys(const Catalogue& catalogue,
                                        const std::vector<DeclaredKey>& declared) {
  std::vector<Relation> relations;
  for (const auto& [name, table] : catalogue.tables)
    for (auto& relation : own_relations(table, all_keys(table, declared, catalogue), catalogue))
      relations.push_back(std::move(relation));
  return relations;
}

Relations::Relations(const Catalogue& catalogue, const std::vector<DeclaredKey>& declared) {
  for (const auto& [name, table] : catalogue.tables) {
    auto own = own_relations(table, all_keys(table, declared, catalogue), catalogue);
    for (const auto& shown : table.shown_keys)
      if (auto relation = relation_of(shown, table, catalogue)) own.push_back(std::move(*relation));
    for (auto& relation : relations_of(table, std::move(own)))
      by_table_[relation.table].push_back(std::move(relation));
  }
  for (const auto& [name, table] : catalogue.tables)
    if (auto computed = computed_relations(table, catalogue); !computed.empty())
      add_computed(std::move(computed), table.schema, by_table_[table.name]);
  for (auto& [table, relations] : by_table_) std::ranges::sort(relations);
}

const std::vector<Relation>& Relations::from(std::string_view table) const {
  static const std::vector<Relation> none;
  const auto found = by_table_.find(table);
  return found == by_table_.end() ? none : found->second;
}

std::vector<std::string> Relations::tables() const {
  std::vector<std::string> names;
  for (const auto& [table, relations] : by_table_) names.push_back(table);
  return names;
}

}  // namespace shardplex
