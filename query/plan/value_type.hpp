// What planning has to know of the type of a value in SQL.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/error.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

struct ValueType {
  std::string name;    ///< pg_type.typname, of a domain that of what it is made of: "int4", "_text"
  std::string schema;  ///< of the same; "" where a cast has named it
  /// As a cast names it: "pg_catalog"."int4", "numeric"(10,2). Of a domain what it is made of, since a value
  /// of one need not pass its checks again: they may be NOT VALID, and an outer join makes nulls.
  std::string sql;
  std::string declared;   ///< as pg_typeof() shows it, which says a domain's own name
  std::string shown;      ///< as PostgreSQL's messages name it: integer
  std::string collate;    ///< " COLLATE …" where its text compares by a collation of its column's; else ""
  bool built_in = false;  ///< of pg_catalog
  std::vector<std::string> enum_labels;  ///< of a column's enum, in their order
  bool may_be_domain = false;  ///< named by a cast, and none of PostgreSQL's own: nobody knows what it is
};

/// Of one of PostgreSQL's own types, by pg_type.typname.
ValueType built_in_type(std::string name);

ValueType type_of(const Column& column);

/// Of a field of the table, cast where that is set. Errors: those of require_column() and cast_type_sql().
Result<ValueType> type_of(const Table& table, const Field& field, const std::optional<std::string>& cast);

/// How values of the type sort, whatever they are of; SortKind::none where that is not known.
SortKind sort_kind(const ValueType& type);

bool sorts_by_collation(SortKind kind);

/// True where equality or order of such values depends on the database's default collation, or on its
/// character type.
bool compares_by_default_collation(const ValueType& type);

/// False where the type's own functions are in a schema that a name alone does not lead to: PostgreSQL then
/// takes one of another type that values are implicitly cast to, or none. Those of its own are for enums and
/// arrays, too.
bool finds_functions_of(const ValueType& type);

/// True in SQL where the type, an enum, has the labels that were planned for, in their order; "" for any
/// other type.
std::string has_labels(const ValueType& type);

/// True of values that are of the type, in SQL, and of an enum where it has_labels(); integers may be of any
/// width.
std::string is_of_type(const std::string& value, const ValueType& type);

/// The text of a value, from which value_sql() makes the same value again.
std::string text_sql(const ValueType& type, const std::string& value);
std::string value_sql(const ValueType& type, const std::string& text);

}  // namespace shardplex
