// Paging by cursor: where a page begins, as a condition on rows, and the cursors of the rows that it has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/engine/operator.hpp"
#include "query/error.hpp"
#include "query/grammar/cursor.hpp"
#include "query/grammar/query.hpp"
#include "query/plan/expression.hpp"
#include "query/plan/value_type.hpp"

namespace shardplex {

struct NodeRead;

/// One of the keys that a page's rows are read in the order of: the terms of order=, then the primary key.
struct OrderKey {
  Field field;
  std::string sql;      ///< over the table's columns
  std::string name;     ///< the same value, among the columns of the subquery that gives the rows
  std::string collate;  ///< " COLLATE …" where the order names one; else ""
  ValueType type;
  bool descending = false, nulls_first = false;
  bool nullable = true;
};

/// What is to be known of a page when its rows are there.
struct CursorPlan {
  std::uint64_t order = 0;
  bool is_first = false;  ///< nothing was said of where it begins
  bool turned = false;    ///< it was asked for what is in front of a row: its rows come last one first
  std::size_t first_related = 0, keys = 0;  ///< which of Row::related are what the row sorts by

  /// The page in front of the row, or behind it.
  Cursor cursor_of(const Row& row, bool before) const;
  bool operator==(const CursorPlan&) const = default;
};

/// A page holds at most so many rows: all of them are there before its head is sent, which names the next.
inline constexpr std::uint64_t most_rows_of_page = 1000;

/// SHARD400 where rows cannot be paged by cursor as they are asked for, whatever cursor it is.
std::optional<Error> check_page(const Query& query, const Table& table, CountKind count);

/// The same of one term of the order, whose column is there.
std::optional<Error> check_page_term(const OrderTerm& term, const Table& table);

/// A number for the table and the order of its rows, the same for pages of it that are `turned`; equal for
/// orders that are the same, such as a and a.asc.nullslast.
std::uint64_t order_fingerprint(const Table& table, const std::vector<OrderKey>& keys, bool turned);

/// What keeps rows that come behind another, in SQL.
struct RowsBehind {
  std::string first;
  std::string then;  ///< of rows behind all of the first; "" where there are none
};

/// The rows behind the cursor's in the order of the keys. Its values become parameters of `writer`. Nulls of
/// the first key, and what is none, are parted. So an index on the keys serves where all go one way and none
/// but the first has nulls behind the cursor's values; otherwise one on the first key does. SHARD400 where
/// the cursor is of another order.
Result<RowsBehind> rows_behind(const Cursor& at, const Table& table, const std::vector<OrderKey>& keys,
                               ExpressionWriter& writer);

/// Adds both to the read of the page's rows: where it begins, and what they tell of their places.
Result<void> plan_page(const CursorPage& page, const Table& table, const std::vector<OrderKey>& keys,
                       ExpressionWriter& writer, NodeRead& read);

}  // namespace shardplex
