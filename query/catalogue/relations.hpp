// How tables are related: what an embed can follow from one to another.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/catalogue.hpp"

namespace shardplex {

/// How many rows of the foreign table there are to one of the table. In the order in which PostgREST lists
/// candidates.
enum class Cardinality : std::uint8_t { one_to_many, many_to_one, one_to_one, many_to_many };

/// "many-to-one", as errors name it.
std::string_view to_string(Cardinality cardinality);

/// Two columns that are equal in related rows.
struct ColumnPair {
  std::string column;
  std::string foreign_column;
  auto operator<=>(const ColumnPair&) const = default;
};

/// The table between two tables that are related many to many. In the pairs the junction's column is the
/// foreign one.
struct Junction {
  std::string table;
  std::string constraint;                   ///< of the foreign key that leads to the relation's table
  std::string foreign_constraint;           ///< and of the one that leads to its foreign table
  std::vector<ColumnPair> columns;          ///< of the table and the junction
  std::vector<ColumnPair> foreign_columns;  ///< of the foreign table and the junction
  auto operator<=>(const Junction&) const = default;
};

/// What is at one end of a relation.
struct RelationEnd {
  bool is_view = false;
  /// There may be several rows for one row of the table that the view stands for, so that what is unique in
  /// the table need not be in the view.
  bool has_several = false;
  auto operator<=>(const RelationEnd&) const = default;
};

/// The function that gives the rows of a relation for a row (ComputedRelation).
struct RowFunction {
  std::string schema, name;
  bool returns_set = true;
  GivenRows given = GivenRows::all;
  std::string group = {};  ///< of GivenRows::owned
  auto operator<=>(const RowFunction&) const = default;
};

/// One way from the rows of a table to those of a foreign table. Tables are named as in the catalogue, and
/// are views as well.
struct Relation {
  std::string table;
  std::string foreign_table;
  Cardinality cardinality = Cardinality::many_to_one;
  std::string constraint;            ///< "" of many to many
  std::vector<ColumnPair> columns;   ///< of the table and the foreign table; none of many to many
  std::optional<Junction> junction;  ///< of many to many
  RelationEnd end = {}, foreign_end = {};
  /// Of a computed relation, which has neither columns nor constraint nor junction.
  std::optional<RowFunction> function = std::nullopt;

  bool is_self() const { return table == foreign_table; }
  /// To one row at most: an embed of it is an object, or null.
  bool is_to_one() const {
    return cardinality == Cardinality::many_to_one || cardinality == Cardinality::one_to_one;
  }
  auto operator<=>(const Relation&) const = default;
};

/// A foreign key that PostgreSQL does not keep, because its ends can be on different shards: the shard map
/// declares it. Its name stands for the constraint's.
struct DeclaredKey {
  std::string table;
  ForeignKey key;
};

/// True where two keys of one table give the same relation: they pair the same columns with the same ones of
/// one table, in whatever order, one of them with the slot column as well, or neither or both.
bool relate_the_same(const ForeignKey& one, const ForeignKey& other);

/// The relations of the map.
std::vector<DeclaredKey> declared_keys(const ShardMap& map);

/// Why a declared key gives no relation: a column that is not there or is of another kind than its
/// counterpart, or foreign columns of which a row has no values of its own. nullopt where it gives one, and
/// where one of its tables is not served, which is told of the table.
std::optional<std::string> problem_of(const DeclaredKey& declared, const Catalogue& catalogue);

/// The relations that keys of tables give, each from the table that has the key, in no order. Declared keys
/// that have a problem_of() them give none.
std::vector<Relation> relations_of_keys(const Catalogue& catalogue, const std::vector<DeclaredKey>& declared);

/// All relations of a catalogue, an immutable value.
///
/// A foreign key gives one relation from its table and one back. It is one to one where its columns are all
/// of the primary key or of a unique constraint (an index alone says nothing, as in PostgREST). A table is a
/// junction where two of its foreign keys, not one to one, are made of columns of its primary key. A key of
/// which a table or a column is not served gives none. The slot column is no part of a key: where a key has
/// it on both ends, so that PostgreSQL can check it within a shard, the other columns decide. Views have the
/// relations of Table::shown_keys, and are junctions by Table::shown_primary_key. A function of a row that
/// gives rows, and is served, is a relation too, in the place of all others that lead from its table to the
/// one that it is called like.
class Relations {
 public:
  Relations() = default;
  /// Declared keys that have a problem_of() them give none.
  explicit Relations(const Catalogue& catalogue, const std::vector<DeclaredKey>& declared = {});

  /// Those that lead from the table, in PostgREST's order: by foreign table, cardinality, constraint.
  const std::vector<Relation>& from(std::string_view table) const;
  /// The tables that any relation leads from, sorted.
  std::vector<std::string> tables() const;

 private:
  std::map<std::string, std::vector<Relation>, std::less<>> by_table_;
};

}  // namespace shardplex
