// How the answers of the table endpoints look: bodies, and the fields and errors that go with them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/result_set.hpp"
#include "query/plan/plan.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {

/// The answer is one row, not any number of them.
bool wants_one_row(const TableRequest& request);

/// The shape of the answer's body. The one row of a row route is an object, where its shape was asked to be
/// an array.
Shape body_shape(const TableRequest& request);

/// The Content-Type of rows, or of a function's value.
void set_content_type(Answer& answer, const TableRequest& request);

/// Says which shards are missing in an answer that lacks some: 206, and no cache keeps it.
void set_missing(Answer& answer, const TableRequest& request);

/// Preference-Applied, where there is something to say.
void set_preferences(Answer& answer, const TableRequest& request, bool is_write);

/// Warning (RFC 7234, section 5.5), where parameters name embeds that have an alias by their table.
void set_warning(Answer& answer, const TableRequest& request);

/// One row as the body; `header`: RowText::header() of it.
Result<void> set_row(Answer& answer, const TableRequest& request, std::string header, std::string row);

/// The body where there is no row. Precondition: not wants_one_row().
void set_no_rows(Answer& answer, const TableRequest& request);

/// Written rows, each in the first column, or null where it is left out, as the body; `header`:
/// WritePlan::header.
Result<void> set_representation(Answer& answer, const TableRequest& request, const std::string& header,
                                const std::optional<postgres::ResultSet>& rows);
/// The same of their texts.
Result<void> set_representation(Answer& answer, const TableRequest& request, const std::string& header,
                                const std::vector<std::string>& rows);

/// Warning, where a write was made, and its rows could not be looked up to be shown.
void set_not_shown(Answer& answer, const Error& why);

/// "0-9/200", "*/0", "0-9/*": the Content-Range of `rows` rows from `offset`.
std::string content_range(std::uint64_t offset, std::uint64_t rows, std::optional<std::int64_t> total);

/// "/movies?id=eq.5": where an inserted row is. `row` begins with the plan's primary_key_columns.
std::string location(const TableRequest& request, const WritePlan& plan, const postgres::ResultSet& row);

/// That as a field, unless it is too long to be asked for, or for a field: a key may be that long.
void set_location(Answer& answer, const TableRequest& request, const WritePlan& plan,
                  const postgres::ResultSet& row);

/// PGRST116, "not exactly one row".
Error not_one_row(std::uint64_t rows);

/// PGRST124, more rows than max-affected allows.
Error too_many_rows(std::uint64_t rows);

/// The row that a row route names is not there: 404.
Error absent_row(const TableRequest& request);

/// PGRST103: the page begins behind the last row.
Error range_not_satisfiable(std::uint64_t offset, std::int64_t total);

}  // namespace shardplex::router
