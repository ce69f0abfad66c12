// How the answers of the table endpoints look: bodies, and the fields and errors that go with them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "postgres/result_set.hpp"
#include "query/plan/plan.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {

inline constexpr std::string_view row_separator = ", \n ";  // as json_agg() separates the rows of an array

/// The answer is one object, not an array.
bool wants_object(const TableRequest& request);

/// The Content-Type of an object, where one was asked for by it.
void set_object_type(Answer& answer, const TableRequest& request);

/// Preference-Applied, where there is something to say.
void set_preferences(Answer& answer, const TableRequest& request, bool is_write);

/// Written rows, each in the first column, as the body: an array, or an object where one was asked for.
void set_representation(Answer& answer, const TableRequest& request,
                        const std::optional<postgres::ResultSet>& rows);

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
