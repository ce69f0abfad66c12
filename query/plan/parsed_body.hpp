// The body of a write with the columns of its table: which it sets, in which rows, and to what where the
// router has to know.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/routed_table.hpp"
#include "query/error.hpp"
#include "query/grammar/body.hpp"
#include "query/grammar/body_text.hpp"
#include "query/grammar/preferences.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

/// A column that PostgreSQL reads out of rows of JSON, and what it is called there.
struct JsonColumn {
  std::string name, member;
};

/// A body, the columns it sets, and which of them PostgreSQL reads out of it.
struct ParsedBody {
  Body body;
  std::vector<std::string> columns;      ///< each once; without those that are `defaulted`
  std::vector<JsonColumn> json_columns;  ///< of these, all but the watched
  std::vector<std::string> defaulted;    ///< of columns=: those that no row has, and that get their defaults
  std::vector<std::string> watched;
  std::vector<std::string> noted;  ///< those of Body::shapes
  std::string rows_json;           ///< the rows as an array of JSON
  bool missing_is_null = false;    ///< what a row lacks of `columns` is null in it

  bool sets(std::string_view column) const;
  /// What row `row` says of a watched column: nothing (absent) where columns= leaves it out, or where the row
  /// lacks it and missing columns get their defaults.
  BodyValue value(std::string_view column, std::size_t row) const;

  /// Rows that set the same of the columns; the others get their defaults in them.
  struct Part {
    std::vector<std::size_t> rows;  ///< in body order
    std::vector<JsonColumn> json_columns;
    std::string rows_json;
  };
  /// All rows as one part; or, under missing=default, one for each set of columns that rows have. SHARD400
  /// where there are very many of them. Leaves rows_json empty.
  Result<std::vector<Part>> take_parts();
};

/// Reads a body whose `watched` columns the router has to know itself. `missing`: what becomes of columns
/// that columns= names and a row lacks. Errors: PGRST102, PGRST204.
Result<ParsedBody> parse_body(const Query& query, const BodyText& text, const Table& table,
                              std::vector<std::string> watched,
                              MissingColumns missing = MissingColumns::null);

/// The list column's value of one row that is to be written; nullopt is null. SHARD400 where only PostgreSQL
/// knows it. Precondition: the table is placed by lists.
Result<std::optional<std::string>> inserted_list_value(const ParsedBody& body, std::size_t row,
                                                       const RoutedTable& routed);

}  // namespace shardplex
