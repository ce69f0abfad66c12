// What a view's definition does with rows, as far as it decides whether shards can do it each for its own.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shardplex {

struct ViewQuery;

/// A column that a query names, as it is.
struct ViewColumn {
  int levels_up = 0;  ///< 0: of the query's own relations; 1: of the query around it …
  int relation = 0;   ///< from 1, in ViewQuery::relations; 0 of a column that the query gives
  int number = 0;     ///< from 1, as in pg_attribute
  auto operator<=>(const ViewColumn&) const = default;
};

/// A column of a table or a view, by its name.
struct StoredColumn {
  std::string relation;  ///< as in StoredView::reads
  std::string name;
  auto operator<=>(const StoredColumn&) const = default;
};

/// Two columns that are equal by the = of their types.
struct ViewEquality {
  ViewColumn left;
  ViewColumn right;
  bool operator==(const ViewEquality&) const = default;
};

/// Something in FROM that has rows.
struct ViewRelation {
  enum class Kind : std::uint8_t {
    stored,    ///< a table or a view
    query,     ///< a subquery
    rows,      ///< of a function or of VALUES: nothing that is stored
    of_with,   ///< what WITH defines, here or around it
    unnamed,   ///< a join's own entry, or the view's own, which are no sources of rows
    not_known  ///< of a kind that this code does not know
  };
  Kind kind = Kind::not_known;
  std::string name{};                  ///< of a stored one, as in StoredView::reads; "" where nobody knows it
  std::vector<std::string> columns{};  ///< of a stored one: the column of number n at n - 1; "" of none
  std::vector<ViewQuery> query{};      ///< of a subquery: it alone
  bool operator==(const ViewRelation&) const;
};

/// FROM, or a part of it.
struct ViewFrom {
  enum class Kind : std::uint8_t {
    relation,
    inner,  ///< of any number of parts; of none it is one row
    left,   ///< LEFT JOIN, and RIGHT JOIN with its parts the other way round: two parts
    full    ///< two parts
  };
  Kind kind = Kind::inner;
  int relation = 0;                        ///< from 1
  std::vector<ViewFrom> parts{};           ///< of a join
  std::vector<ViewEquality> equalities{};  ///< that its condition asks for, among other things
  bool operator==(const ViewFrom&) const;
};

/// One SELECT. Conditions are known only as far as they are equalities of columns that all have to hold.
struct ViewQuery {
  std::vector<ViewRelation> relations{};
  ViewFrom from{};                                   ///< inner, with what WHERE asks for
  std::vector<std::optional<ViewColumn>> columns{};  ///< that it gives; nullopt of one that is worked out
  bool is_grouped = false;                           ///< GROUP BY, HAVING or an aggregate
  std::vector<ViewColumn> grouped_by{};              ///< the columns among what GROUP BY has
  bool is_distinct = false;                          ///< SELECT DISTINCT, without ON
  bool is_combined = false;  ///< UNION, INTERSECT or EXCEPT: all its subqueries are parts
  /// What concerns more than a row and can be done where all rows are: "LIMIT, OFFSET or FETCH".
  std::vector<std::string> across_rows{};
  std::vector<std::string> never{};     ///< what is not served at all: "a system column such as ctid"
  std::vector<ViewQuery> subqueries{};  ///< of what is selected, of WHERE and of HAVING: one row each
  std::vector<ViewQuery> elsewhere{};   ///< all other queries in it: of WITH, of the condition of a JOIN …
  /// One row of FROM can be in several of its rows: by a function that gives sets among what is selected, by
  /// grouping sets, or by LATERAL, of which a row is worked out for each row beside it.
  bool repeats_rows = false;
  bool groups_otherwise = false;  ///< GROUP BY has what is no column of grouped_by as well
  bool operator==(const ViewQuery&) const;
};

// Here, as each is made of the others.
inline bool ViewRelation::operator==(const ViewRelation&) const = default;
inline bool ViewFrom::operator==(const ViewFrom&) const = default;
inline bool ViewQuery::operator==(const ViewQuery&) const = default;

}  // namespace shardplex
