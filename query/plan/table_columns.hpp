// Tables and their columns as SQL names them, and why a column may not be named.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "query/catalogue/catalogue.hpp"
#include "query/error.hpp"

namespace shardplex {

/// "public"."movies"
std::string qualified_name(const Table& table);

/// "public"."movies" AS "movies", the name under which the expressions below refer to it.
std::string aliased_name(const Table& table);

/// qualified_name() of the table that has the rows: a view's is the one that it writes to.
std::string stored_name(const Table& table);

/// "movies"."id". The column need not be in the catalogue (the slot column is not).
std::string column_sql(const Table& table, std::string_view column);

/// Stands for the row itself where a part of it is named: no column has an empty name.
inline constexpr std::string_view whole_row;

/// column_sql(), or of whole_row the row as a value of the table's own type:
/// ("movies".*)::"public"."movies".
std::string row_part_sql(const Table& table, std::string_view part);

/// What a row of the table, which goes by `alias` (not quoted), has under the column's name: "movies"."id",
/// or of a computed column "public"."label"("movies".*). The star keeps a column that is called like the
/// alias out of it.
std::string readable_sql(const std::string& alias, const Column& column);

/// True where the column's values are shown by a function of the database (PostgREST's domain
/// representations). Of computed columns PostgREST shows them as they are.
bool is_shown_as_json(const Column& column);

/// What is shown of the column, of which `value` is an expression: that, or json that its function makes of
/// it.
std::string shown_sql(const Column& column, std::string value);

/// The condition that keeps a statement to rows in slots that the shard owns.
std::string owned_slots_sql(const Table& table, std::string_view group);

/// True of a row that has a slot; fails the statement for any other. `of`: what the row is of, for people.
std::string has_slot_sql(const Table& table, const std::string& of);

/// What has to be true of the rows of a group's view wherever they are read by themselves: that each has a
/// slot (the statement fails for one without), and, where rows are kept from earlier, that the shard owns it.
/// Those that a shard embeds in a row are of the row's slot. "" for a table.
std::string view_rows_sql(const Table& table, std::string_view group);

/// The column that is probably meant by a name that none has; nullopt where none is near.
std::optional<std::string> nearest_column(const Table& table, std::string_view name);

/// PostgreSQL's own words for a column that is not there (42703), with the hint that it gives.
Error unknown_column(const Table& table, std::string_view column);

/// SHARD400 for a column whose domain has representations, one of which is by a function that is not
/// IMMUTABLE.
Error represented_column(const Column& column);

/// SHARD400 for a column whose values PostgreSQL alone can read, where the router has to know them; `what`
/// says why it has to, after the column: "decides where the row is stored".
Error unread_column(const Column& column, const std::string& what);

/// SHARD503 for a column in which the shards contradict each other.
Error conflicting_column(const Table& table, const Column& column);

/// SHARD404 for a computed column that is refused, with what would make it served.
Error refused_computed_column(const Table& table, const ComputedColumn& computed);

/// represented_column() or conflicting_column() where the table's column is one; nullopt where it may be
/// named.
std::optional<Error> column_refusal(const Table& table, const Column& column);

/// The column, which can be a computed one; unknown_column() where there is none, refused_computed_column()
/// where it is one, or column_refusal().
Result<const Column*> require_column(const Table& table, std::string_view name);

}  // namespace shardplex
