// Rows of a PostgreSQL result as text.
#pragma once

#include <cstddef>
#include <string>

#include "postgres/failure.hpp"
#include "postgres/result_set.hpp"
#include "query/engine/operator.hpp"
#include "query/engine/row_text.hpp"

namespace shardplex::router {

/// True where the result's columns from number `first` on are what `row` is written from.
bool suits(const postgres::ResultSet& result, const RowText& row, std::size_t first = 0);

/// What to make of a result that does not suit: the server's tables are not those that were planned for.
postgres::Failure other_tables();

/// Appends one row of a result that suits. False where a value is none of its column's type, and where `out`
/// gets longer than `most`.
bool append_row(std::string& out, const RowText& row, const postgres::ResultSet& result, int number,
                std::size_t first, std::size_t most);

/// append_row() to a row's text, with its rooms.
bool write_row(Row& row, const RowText& as, const postgres::ResultSet& result, int number, std::size_t most);

}  // namespace shardplex::router
