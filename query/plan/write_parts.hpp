// What the plans of POST, PATCH, PUT and DELETE are put together from: the body as read, and pieces of SQL.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/routed_table.hpp"
#include "query/error.hpp"
#include "query/grammar/body.hpp"
#include "query/grammar/preferences.hpp"
#include "query/grammar/query.hpp"
#include "query/plan/expression.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/stored_values.hpp"
#include "query/resolve/read_tree.hpp"

namespace shardplex {

/// Adds an item to a list in SQL, with a comma where it is not the first.
void append_item(std::string& list, std::string_view item);

/// A body, the columns it sets, and which of them PostgreSQL reads out of it.
struct ParsedBody {
  Body body;
  std::vector<std::string> columns;       ///< each once
  std::vector<std::string> json_columns;  ///< of these, all but the watched
  std::vector<std::string> watched;

  bool sets(std::string_view column) const;
  /// What row `row` says of a watched column: nothing where columns= leaves it out.
  BodyValue value(std::string_view column, std::size_t row) const;
};

/// Reads a body whose `watched` columns the router has to know itself. Errors: PGRST102, PGRST204.
Result<ParsedBody> parse_body(const Query& query, std::string_view text, const Table& table,
                              std::vector<std::string> watched);

/// The list column's value of one row that is to be inserted; nullopt is null. SHARD400 where only PostgreSQL
/// knows it. Precondition: the table is placed by lists.
Result<std::optional<std::string>> inserted_list_value(const ParsedBody& body, std::size_t row,
                                                       const RoutedTable& routed);

/// What PostgreSQL says of a statement that sets an identity column which it generates always; nullopt where
/// `columns` has none. It is said here where the router's own statement may set it.
std::optional<Error> identity_refusal(const Table& table, const std::vector<std::string>& columns,
                                      bool inserts);

/// The body as an array of JSON.
std::string json_array(std::string_view body, bool is_array);

/// A column whose values the router says, one per row.
struct GivenColumn {
  std::string name;
  std::string array_type;
  std::vector<std::optional<std::string>> values;
};
GivenColumn given_column(const RoutedTable& routed, const std::string& name);

/// The slot column with one slot per row.
GivenColumn given_slots(const std::vector<Slot>& slots);
SlotSet as_set(const std::vector<Slot>& slots, const Group& group);

/// INSERT … SELECT of rows whose `json_columns` PostgreSQL reads out of `rows_json` and whose other columns
/// are `given`, side by side in body order; an identity column among the given ones takes its values. Its
/// parameters are rows_json (where there are json_columns), then an array literal for each given column.
std::string insert_sql(const RoutedTable& routed, const std::vector<std::string>& json_columns,
                       std::string rows_json, std::size_t rows, const std::vector<GivenColumn>& given,
                       ExpressionWriter& writer);

/// The WHERE of a PUT's DO UPDATE: always true, and leaves behind, for this transaction, that a row was
/// there.
inline constexpr std::string_view replaced_sql = "set_config('shardplex.replaced', 'yes', true) = 'yes'";

// Conditions on a row as it was written, triggers and all: true where the row is in the slot that its key
// (and list) has, so that it will be found.

/// Of an INSERT of `rows` rows with these given columns, whose parameters begin at `first_param`: the row has
/// the key, list and slot that were given to it, or all those of another row.
std::string placed_as_given(const RoutedTable& routed, const std::vector<GivenColumn>& given,
                            std::size_t first_param, std::size_t rows);

/// It has this key and slot; and this value for its list, where `list` is not null.
std::string placed_as_decided(const RoutedTable& routed, const KeyTexts& key, Slot slot,
                              const std::optional<std::string>* list, ExpressionWriter& writer);

/// It has the key, list and slot that it had before, which remember_place_sql() left behind.
std::string placed_as_before(const RoutedTable& routed);

/// A condition for the assignments of an UPDATE that is always true, and leaves behind, for this transaction,
/// where the row was. PostgreSQL works assignments out for the version of the row that it changes, also where
/// that was committed after the statement began, and row by row: the next one's after RETURNING of the one
/// before. A look at the table would show the version of the statement's snapshot.
std::string remember_place_sql(const RoutedTable& routed);

/// An assignment that changes nothing, for such a condition where there is no assignment_sql().
std::string slot_as_it_is_sql(const RoutedTable& routed, const std::string& condition);

/// SET of columns that PostgreSQL reads out of the one row that the parameter has, where `condition` ("":
/// none) holds. A column is set that the role may set anyway.
std::string assignment_sql(const RoutedTable& routed, const std::vector<std::string>& json_columns,
                           const std::string& rows_param, const std::string& condition);

/// The beginning of every plan: what it says of the table, and what `prefer` wants back.
WritePlan new_write_plan(const RoutedTable& routed, const Preferences& prefer);

/// The end of every plan: what comes back and in which format, how many rows there may be, and all
/// parameters.
Result<WritePlan> finish_write_plan(WritePlan plan, const ResolvedNode& tree, const RoutedTable& routed,
                                    const WriteRules& rules, ExpressionWriter writer);

/// The rows that the filters choose: WHERE, candidate slots, and how to find the slot where the key is named
/// but not its list. Errors: those of filters, and a key that is no value of its column.
Result<void> choose_rows(const Query& query, const RoutedTable& routed, ExpressionWriter& writer,
                         WritePlan& plan);

}  // namespace shardplex
